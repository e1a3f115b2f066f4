// A network as Keras computes it when it predicts: stages, whose values come from windows on the stage before. A dense
// layer has a single window, which is all there is. Values lie row by row, the map last; a target is one of them.

const relu = (values) => values.map((value) => Math.max(0, value));
export const exponentiate = (logits) => logits.map((logit) => Math.exp(logit - Math.max(...logits))); // at most 1
const softmax = (logits) => exponentiate(logits).map((power, _, powers) => power / add(powers));
const ACTIVATIONS = { linear: (values) => values, relu, softmax };
export const add = (values) => values.reduce((total, value) => total + value, 0);
export const decode = (base64) => Uint8Array.from(atob(base64), (byte) => byte.charCodeAt(0));

// draw.py's stages, which learn their weights and the stage before. A window is places in a map; -1 is padding.
export function linkStages(stages) {
  stages.forEach((stage, i) => {
    const [kernel, bias] = stage.weights.map((base64) => new Float32Array(decode(base64).buffer));
    Object.assign(stage, { kernel, bias: bias ?? new Float32Array(stage.depth), before: stages[i - 1] });
  });
}

// From 784 numbers in [0, 1] to a list: these, and what each stage makes of them.
export function computeActivations(stages, pixels) {
  const values = [pixels];
  for (const stage of stages.slice(1)) {
    const computed = stage.kernel ? addProducts(stage, values.at(-1)) : takeLargest(stage, values.at(-1));
    values.push(ACTIVATIONS[stage.activation](computed));
  }
  return values;
}

// Slides 22-23, before the activation. Inputs that are zero, which are many, cost nothing.
export function addProducts({ windows, before, kernel, bias }, input) {
  const output = new Float32Array(windows.length * bias.length);
  windows.forEach((places, at) => {
    const values = output.subarray(at * bias.length, (at + 1) * bias.length);
    values.set(bias);
    for (const [tap, place] of places.entries()) {
      for (let map = 0; place >= 0 && map < before.maps; map++) {
        const value = input[place * before.maps + map];
        const weights = (tap * before.maps + map) * values.length;
        for (let unit = 0; value && unit < values.length; unit++) values[unit] += value * kernel[weights + unit];
      }
    }
  });
  return output;
}

// Slides 24-26. The windows of Flatten have one value.
function takeLargest({ windows, maps }, input) {
  const take = (places, map) => places.reduce((most, place) => Math.max(most, input[place * maps + map]), -Infinity);
  return new Float32Array(windows.length * maps).map((_, i) => take(windows[Math.floor(i / maps)], i % maps));
}

// What a value comes from, by map: the inputs, where they are in the stage before, and what they are multiplied by.
export function listGroups({ stage: { kernel, bias, depth, windows, before }, index }) {
  const unit = index % depth;
  const maps = kernel ? [...Array(before.maps).keys()] : [unit];
  return maps.map((map) => {
    const cells = windows[Math.floor(index / depth)].map((place) => place * before.maps + map);
    const inputs = cells.map((cell) => before.values[cell] ?? null);
    const weights = cells.map((_, tap) => kernel?.[(tap * before.maps + map) * depth + unit]);
    const products = inputs.map((value, tap) => value * weights[tap]);
    return { map, cells, inputs, weights, products, sum: add(products), bias: bias[unit] };
  });
}

// Counted from 1, but for digits.
export function locate({ stage: { maps, columns }, index }) {
  const place = Math.floor(index / maps);
  const [row, column] = [Math.floor(place / columns) + 1, (place % columns) + 1];
  return { map: (index % maps) + 1, row, column, number: index + 1, digit: index };
}
