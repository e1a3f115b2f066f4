// What Keras's layers compute when they predict: one image at a time, channels last, numbers in float32.

const pass = (layer, input) => input; // Dropout leaves nothing out when predicting
const relu = (values) => values.map((value) => Math.max(0, value));
const LAYERS = { Reshape: pass, Flatten: pass, Dropout: pass, Conv2D: convolve, MaxPooling2D: pool, Dense: dense };
const ACTIVATIONS = { linear: (values) => values, relu, softmax };

// From 784 numbers in [0, 1] to a list: these, and what each layer makes of them.
export function computeActivations(layers, pixels) {
  const values = [pixels];
  for (const layer of layers) {
    const computed = LAYERS[layer.kind](layer, values.at(-1));
    values.push(ACTIVATIONS[layer.activation ?? "linear"](computed));
  }
  return values;
}

function softmax(values) {
  const highest = Math.max(...values);
  const powers = values.map((value) => Math.exp(value - highest));
  const sum = powers.reduce((total, power) => total + power);
  return powers.map((power) => power / sum);
}

// Slides 22-23. Each input is added to the windows that it lies in; zeros, which are many, cost nothing.
function convolve({ inputShape, shape, kernel, bias, size }, input) {
  const [height, width, channels] = inputShape;
  const filters = shape[2];
  const output = new Float32Array(height * width * filters);
  for (let at = 0; at < output.length; at += filters) output.set(bias, at);
  for (let i = 0; i < input.length; i++) {
    if (input[i] === 0) continue;
    const place = Math.floor(i / channels);
    const bottom = Math.floor(place / width) + ((size[0] - 1) >> 1);
    const right = (place % width) + ((size[1] - 1) >> 1);
    for (let tap = 0; tap < size[0] * size[1]; tap++) {
      const row = bottom - Math.floor(tap / size[1]);
      const column = right - (tap % size[1]);
      if (row < 0 || column < 0 || row >= height || column >= width) continue;
      const at = (row * width + column) * filters;
      const weight = (tap * channels + (i % channels)) * filters;
      for (let filter = 0; filter < filters; filter++) output[at + filter] += input[i] * kernel[weight + filter];
    }
  }
  return output;
}

// Slides 24-26.
function pool({ inputShape, shape, size }, input) {
  const [, width, channels] = inputShape;
  const [rows, columns] = shape;
  const output = new Float32Array(rows * columns * channels).fill(-Infinity);
  for (let i = 0; i < input.length; i++) {
    const place = Math.floor(i / channels);
    const row = Math.floor(place / width / size[0]);
    const column = Math.floor((place % width) / size[1]);
    const at = (row * columns + column) * channels + (i % channels);
    if (row < rows && column < columns) output[at] = Math.max(output[at], input[i]);
  }
  return output;
}

// Before the activation.
export function dense({ kernel, bias }, input) {
  const output = bias.slice();
  for (let i = 0; i < input.length; i++) {
    if (input[i] === 0) continue;
    for (let unit = 0; unit < bias.length; unit++) output[unit] += input[i] * kernel[i * bias.length + unit];
  }
  return output;
}

export const decode = (base64) => Uint8Array.from(atob(base64), (byte) => byte.charCodeAt(0));

// From the layers as the page holds them to layers with their numbers.
export function loadLayers(layers) {
  return layers.map(({ weights, ...layer }) => {
    const [kernel, bias] = weights.map((base64) => new Float32Array(decode(base64).buffer));
    return { ...layer, kernel, bias: bias ?? new Float32Array(layer.shape.at(-1)) };
  });
}
