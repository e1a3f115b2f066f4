// Numbers as colours, and the lines between them.

import { listSources, surround } from "./stages.js";

const ORANGE = 0x005ed5; // blue, green, red: it adds to a value
const BLUE = 0xb27200; // it takes from a value

// Shares of a layer's scale as a colour: alpha, blue, green, red. What is not computed yet is not a number.
const byte = (share) => Math.round(255 * Math.min(Math.abs(share), 1));
const signed = (share) => (byte(share) << 24) | (share > 0 ? ORANGE : BLUE);
const grey = (share) => (share >= 0 ? 0xff000000 | (byte(share) * 0x010101) : signed(share || 0));

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

// Frame a value and what it comes from, and link them: orange adds to it, blue takes from it.
export function drawLines(overlay, target) {
  overlay.innerHTML = "";
  if (!target) return;
  const { stage, index } = target;
  const sources = stage.before ? listSources(target) : [];
  const strongest = sources.reduce((most, { sum }) => Math.max(most, Math.abs(sum)), 1e-9);
  const goal = findBox(stage, [index], overlay);
  const lines = sources.map(({ cells, sum }) => {
    const from = findBox(stage.before, cells, overlay);
    const name = stage.kernel ? (sum < 0 ? "against" : "for") : "";
    const opacity = stage.kernel ? 0.1 + (0.9 * Math.abs(sum)) / strongest : 1;
    const start = `x1="${from.x + from.width}" y1="${from.y + from.height / 2}"`;
    const end = `x2="${goal.x}" y2="${goal.y + goal.height / 2}"`;
    return `<line ${start} ${end} class="${name}" opacity="${opacity}"/>${frame(from, name)}`;
  });
  overlay.innerHTML = lines.join("") + frame(goal, "value");
}

export function frame({ x, y, width, height }, name) {
  return `<rect x="${x}" y="${y}" width="${width}" height="${height}" class="${name}"/>`;
}

// Values on the page, which stand beside each other on the stage's canvas.
function findBox({ canvas, pixels, width, height }, cells, overlay) {
  const origin = overlay.getBoundingClientRect();
  const whole = canvas.getBoundingClientRect();
  const [across, down] = [whole.width / width, whole.height / height];
  const places = cells.map((cell) => pixels[cell]);
  const box = surround(places, width);
  const [x, y] = [whole.x - origin.x + box.x * across, whole.y - origin.y + box.y * down];
  return { x, y, width: box.width * across, height: box.height * down };
}
