// What Keras's layers compute when they predict: one image at a time, channels last, numbers in float32.
// A stage computes each value from a window on the stage before; that of a dense layer is everything there (stages.js).

export const add = (values) => values.reduce((total, value) => total + value, 0);
const relu = (values) => values.map((value) => Math.max(0, value));
const ACTIVATIONS = { linear: (values) => values, relu, softmax };

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
  for (const [at, places] of windows.entries()) {
    const values = output.subarray(at * bias.length, (at + 1) * bias.length);
    values.set(bias);
    for (let tap = 0; tap < places.length * before.maps; tap++) {
      const place = places[Math.floor(tap / before.maps)];
      const value = input[place * before.maps + (tap % before.maps)];
      if (place < 0 || value === 0) continue;
      for (let unit = 0; unit < values.length; unit++) values[unit] += value * kernel[tap * values.length + unit];
    }
  }
  return output;
}

// Slides 24-26; Flatten takes one value, which stays as it is.
function takeLargest({ windows, maps }, input) {
  const takeFrom = (places, map) =>
    places.reduce((most, place) => Math.max(most, input[place * maps + map]), -Infinity);
  return Float32Array.from({ length: windows.length * maps }, (_, i) =>
    takeFrom(windows[Math.floor(i / maps)], i % maps),
  );
}

// The largest logit is subtracted first.
export function exponentiate(logits) {
  const highest = Math.max(...logits);
  return logits.map((logit) => Math.exp(logit - highest));
}

function softmax(logits) {
  const powers = exponentiate(logits);
  return powers.map((power) => power / add(powers));
}
