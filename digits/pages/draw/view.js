// Numbers as colours, and the lines between them.

import { listGroups } from "./network.js";

const ORANGE = 0x005ed5; // blue, green, red: it adds to a value
const BLUE = 0xb27200; // it takes from a value
const STRONGEST = 64; // products of a unit to which a line leads

// Shares of a layer's scale as a colour: alpha, blue, green, red. What is not computed yet is not a number.
const byte = (share) => Math.round(255 * Math.min(Math.abs(share), 1));
const signed = (share) => (byte(share) << 24) | (share > 0 ? ORANGE : BLUE);
const grey = (share) => (share >= 0 ? 0xff000000 | (byte(share) * 0x010101) : signed(share || 0));

export const bySize = (a, b) => Math.abs(b) - Math.abs(a);
export const sign = (value) => (value < 0 ? "against" : "for");
export const largest = (values) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-9);

export function locate({ stage: { maps, columns }, index }) {
  const place = Math.floor(index / maps);
  return [index % maps, Math.floor(place / columns), place % columns];
}

// Where on the stage's canvas a value is: maps stand `wide` beside each other, `gap` pixels apart.
export function findPixel(stage, index) {
  const { wide, gap, rows, columns, width } = stage;
  const [map, y, x] = locate({ stage, index });
  return (Math.floor(map / wide) * (rows + gap) + y) * width + (map % wide) * (columns + gap) + x;
}

function paint(canvas, values, scale, color, pixels) {
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  const colors = new Uint32Array(image.data.buffer);
  values.forEach((value, i) => (colors[pixels?.[i] ?? i] = color(value / scale)));
  context.putImageData(image, 0, 0);
}

export const paintStage = ({ canvas, shown, scale, pixels }) => paint(canvas, shown, scale, grey, pixels);

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

// The box around places that are counted row by row; those of padding are left out.
export function surround(places, columns) {
  const inside = places.filter((place) => place >= 0);
  const [x, y] = [inside[0] % columns, Math.floor(inside[0] / columns)];
  const [right, bottom] = [inside.at(-1) % columns, Math.floor(inside.at(-1) / columns)];
  return { x, y, width: right - x + 1, height: bottom - y + 1 };
}

export function frame({ x, y, width, height }, name) {
  return `<rect x="${x}" y="${y}" width="${width}" height="${height}" class="${name}"/>`;
}

// Frame a value and what it comes from, and link them: orange adds to it, blue takes from it.
export function drawLines(overlay, { stage, index }) {
  const sources = stage.before ? listSources({ stage, index }) : [];
  const strongest = largest(sources.map(({ sum }) => sum));
  const goal = findBox(stage, [index], overlay);
  const lines = sources.map(({ cells, sum }) => {
    const from = findBox(stage.before, cells, overlay);
    const name = stage.kernel ? sign(sum) : "";
    const opacity = stage.kernel ? 0.1 + (0.9 * Math.abs(sum)) / strongest : 1;
    const start = `x1="${from.x + from.width}" y1="${from.y + from.height / 2}"`;
    const end = `x2="${goal.x}" y2="${goal.y + goal.height / 2}"`;
    return `<line ${start} ${end} class="${name}" opacity="${opacity}"/>${frame(from, name)}`;
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

// The box of values on the page.
function findBox({ canvas, pixels, width, height }, cells, overlay) {
  const origin = overlay.getBoundingClientRect();
  const whole = canvas.getBoundingClientRect();
  const [across, down] = [whole.width / width, whole.height / height];
  const places = cells.map((cell) => pixels[cell]);
  const box = surround(places, width);
  const [x, y] = [whole.x - origin.x + box.x * across, whole.y - origin.y + box.y * down];
  return { x, y, width: box.width * across, height: box.height * down };
}
