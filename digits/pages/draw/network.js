// What Keras's layers compute when they predict: one image at a time, channels last, numbers in float32.

const relu = values => values.map(value => Math.max(0, value));

export function softmax(values) {
  const highest = Math.max(...values), powers = values.map(value => Math.exp(value - highest));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map(power => power / sum);
}

// Slides 22-23: of a window that lies partly outside, the rest counts as zeros.
function conv2d({ inputShape: [height, width, channels], shape: [, , filters], kernel, bias, size }, input) {
  const output = new Float32Array(height * width * filters), [top, left] = size.map(side => (side - 1) >> 1);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at += filters) {
      const sums = output.subarray(at, at + filters);
      sums.set(bias);
      for (let i = 0; i < size[0] * size[1]; i++) {
        const row = y - top + Math.floor(i / size[1]), column = x - left + (i % size[1]);
        if (row < 0 || column < 0 || row >= height || column >= width) continue;
        for (let channel = 0, weight = i * channels * filters; channel < channels; channel++) {
          const value = input[(row * width + column) * channels + channel];
          for (let filter = 0; filter < filters; filter++) sums[filter] += value * kernel[weight++];
        }
      }
    }
  }
  return output;
}

// Slides 24-26.
function maxPool({ inputShape: [, width, channels], shape: [rows, columns], size }, input) {
  const output = new Float32Array(rows * columns * channels).fill(-Infinity);
  input.forEach((value, i) => {
    const place = Math.floor(i / channels), y = Math.floor(place / width / size[0]);
    const x = Math.floor((place % width) / size[1]), at = (y * columns + x) * channels + (i % channels);
    if (y < rows && x < columns) output[at] = Math.max(output[at], value);
  });
  return output;
}

export function dense({ shape: [units], kernel, bias }, input) {
  return bias.map((start, unit) => input.reduce((sum, value, i) => sum + value * kernel[i * units + unit], start));
}

const ACTIVATIONS = { linear: values => values, relu, softmax };
const pass = (layer, input) => input; // Dropout leaves nothing out when predicting
const LAYERS = {
  Reshape: pass, Flatten: pass, Dropout: pass,
  Conv2D: (layer, input) => ACTIVATIONS[layer.activation](conv2d(layer, input)),
  MaxPooling2D: maxPool,
  Dense: (layer, input) => ACTIVATIONS[layer.activation](dense(layer, input)),
};

// From 784 numbers in [0, 1] to a list of what each layer makes of them.
export function computeActivations(layers, pixels) {
  let values = Float32Array.from(pixels);
  return layers.map(layer => (values = LAYERS[layer.kind](layer, values)));
}

// From base64 to the numbers behind it.
export const decode = (text, Numbers) => new Numbers(Uint8Array.from(atob(text), byte => byte.charCodeAt(0)).buffer);

// From the layers as the page holds them to layers with their numbers.
export function loadLayers(layers) {
  return layers.map(({ weights, ...layer }) => {
    const [kernel, bias = new Float32Array(layer.shape.at(-1))] = weights.map(text => decode(text, Float32Array));
    return { ...layer, kernel, bias };
  });
}
