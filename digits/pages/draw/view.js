// Numbers as colours, and the lines between them.

import { listGroups } from "./network.js";
import { outline } from "./strokes.js";

const ORANGE = 0x005ed5; // blue, green, red: it adds to a value
const BLUE = 0xb27200; // it takes from a value
const STRONGEST = 64; // products of a unit to which a line leads

// Shares of a layer's scale as a colour: alpha, blue, green, red. What is not computed yet is not a number.
const byte = (share) => Math.round(255 * Math.min(Math.abs(share), 1));
const signed = (share) => (byte(share) << 24) | (share > 0 ? ORANGE : BLUE);
export const grey = (share) => (share >= 0 ? 0xff000000 | (byte(share) * 0x010101) : signed(share || 0));
export const sign = (value) => (value < 0 ? "against" : "for");
export const bySize = (a, b) => Math.abs(b) - Math.abs(a);
export const frame = (box, name) => `<path d="${outline(...box)}" class="${name}"/>`;
export const largest = (values) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-9);

export function paint(canvas, values, scale, color, pixels) {
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  const colors = new Uint32Array(image.data.buffer);
  values.forEach((value, i) => (colors[pixels?.[i] ?? i] = color(value / scale)));
  context.putImageData(image, 0, 0);
}

// A picture in HTML, grey or signed, that `paintPictures` paints when it is in the page.
const pictures = [];
export function picture(values, columns, scale, kind, label) {
  const number = pictures.push([values, scale, kind === "grey" ? grey : signed]) - 1;
  const size = `width="${columns}" height="${Math.ceil(values.length / columns)}"`;
  return `<canvas ${size} class="${kind}" role="img" aria-label="${label}" data-picture="${number}"></canvas>`;
}

export function paintPictures(element) {
  for (const canvas of element.querySelectorAll("canvas")) paint(canvas, ...pictures[canvas.dataset.picture]);
  pictures.length = 0;
}

// The box around places that are counted row by row, without those of padding: left, top, right, bottom.
export function surround(places, columns) {
  const inside = places.filter((place) => place >= 0);
  const [first, last] = [inside[0], inside.at(-1)];
  return [first % columns, Math.floor(first / columns), (last % columns) + 1, Math.floor(last / columns) + 1];
}

// The same of values on the page.
function findBox({ canvas, pixels, width, height }, cells, overlay) {
  const [origin, whole] = [overlay, canvas].map((element) => element.getBoundingClientRect());
  const across = (x) => whole.x - origin.x + (x * whole.width) / width;
  const down = (y) => whole.y - origin.y + (y * whole.height) / height;
  const places = cells.map((cell) => pixels[cell]);
  const [left, top, right, bottom] = surround(places, width);
  return [across(left), down(top), across(right), down(bottom)];
}

// Frames around a value and what it comes from, and lines: orange adds to it, blue takes from it.
export function drawLines(overlay, { stage, index }) {
  const sources = stage.before ? listSources({ stage, index }) : [];
  const strongest = largest(sources.map(({ sum }) => sum));
  const goal = findBox(stage, [index], overlay);
  const lines = sources.map(({ cells, sum }) => {
    const from = findBox(stage.before, cells, overlay);
    const name = stage.kernel ? sign(sum) : "";
    const opacity = stage.kernel ? 0.1 + (0.9 * Math.abs(sum)) / strongest : 1;
    const ends = `x1="${from[2]}" y1="${(from[1] + from[3]) / 2}" x2="${goal[0]}" y2="${(goal[1] + goal[3]) / 2}"`;
    return `<line ${ends} class="${name}" opacity="${opacity}"/>${frame(from, name)}`;
  });
  return lines.join("") + frame(goal, "value");
}

// Its groups, but of a unit after a single map those values that matter most.
function listSources(target) {
  const groups = listGroups(target);
  if (groups.length > 1 || target.stage.windows.length > 1) return groups;
  const [{ cells, products }] = groups;
  const sources = cells.map((cell, i) => ({ cells: [cell], sum: products[i] }));
  return sources.sort((a, b) => bySize(a.sum, b.sum)).slice(0, STRONGEST);
}
