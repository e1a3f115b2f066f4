// The stages of the network on the page, as draw.py describes them, and what their values come from.
// A target is a value: its stage, and its index there. Values lie row by row, the map last, as in Keras.

import { add } from "./network.js";

const STRONGEST = 64; // products of a unit to which a line leads

export const decode = (base64) => Uint8Array.from(atob(base64), (byte) => byte.charCodeAt(0));
export const bySize = (a, b) => Math.abs(b) - Math.abs(a);

// A stage knows the one `before` it, its weights, the window of each value, and where on its canvas each value is.
export function linkStages(stages) {
  stages.forEach((stage, i) => {
    const [kernel, bias] = stage.weights.map((base64) => new Float32Array(decode(base64).buffer));
    Object.assign(stage, { kernel, bias: bias ?? new Float32Array(stage.depth), before: stages[i - 1] });
    stage.windows = stage.before && listWindows(stage);
    stage.pixels = Array.from({ length: stage.count }, (_, index) => findPixel({ stage, index }));
  });
  return stages;
}

// The places in a map before, row by row, from which all maps have a value computed; -1 is padding.
function listWindows({ count, depth, grid, size, stride, padding, before }) {
  const [height, width] = before.grid;
  return Array.from({ length: count / depth }, (_, place) => {
    const top = Math.floor(place / grid[1]) * stride[0] - padding[0];
    const left = (place % grid[1]) * stride[1] - padding[1];
    const places = Array.from({ length: size[0] * size[1] }, (_, tap) => {
      const [y, x] = [top + Math.floor(tap / size[1]), left + (tap % size[1])];
      return y < 0 || x < 0 || y >= height || x >= width ? -1 : y * width + x;
    });
    return places.filter((place) => place < before.count);
  });
}

export function locate({ stage: { maps, columns }, index }) {
  const place = Math.floor(index / maps);
  return [index % maps, Math.floor(place / columns), place % columns];
}

// On the stage's canvas maps stand `wide` beside each other, `gap` pixels apart.
function findPixel(target) {
  const { wide, gap, rows, columns, width } = target.stage;
  const [map, y, x] = locate(target);
  return (Math.floor(map / wide) * (rows + gap) + y) * width + (map % wide) * (columns + gap) + x;
}

// The values that one comes from, in groups: those of each map before, with weights and products if they are added up.
export function listGroups({ stage: { kernel, bias, depth, windows, before }, index }) {
  const places = windows[Math.floor(index / depth)];
  const unit = index % depth;
  return Array.from({ length: kernel ? before.maps : 1 }, (_, i) => {
    const map = kernel ? i : unit;
    const cells = places.map((place) => place * before.maps + map);
    const inputs = cells.map((cell) => before.values[cell] ?? null);
    if (!kernel) return { map, cells, inputs };
    const weights = cells.map((_, tap) => kernel[(tap * before.maps + map) * depth + unit]);
    const products = inputs.map((value, tap) => value * weights[tap]);
    return { map, cells, inputs, weights, products, sum: add(products), bias: bias[unit] };
  });
}

// What lines lead to: these groups, but of a unit after a single map those values that matter most.
export function listSources(target) {
  const groups = listGroups(target);
  if (groups.length > 1 || target.stage.windows.length > 1) return groups;
  const [{ cells, products }] = groups;
  const sources = cells.map((cell, i) => ({ cells: [cell], sum: products[i] }));
  return sources.sort((a, b) => bySize(a.sum, b.sum)).slice(0, STRONGEST);
}

// The box around places that are counted row by row; those of padding are left out.
export function surround(places, columns) {
  const inside = places.filter((place) => place >= 0);
  const [x, y] = [inside[0] % columns, Math.floor(inside[0] / columns)];
  const [right, bottom] = [inside.at(-1) % columns, Math.floor(inside.at(-1) / columns)];
  return { x, y, width: right - x + 1, height: bottom - y + 1 };
}
