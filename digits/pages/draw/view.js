// Numbers as colours, and the lines between them.

import { findPixel, listSources } from "./stages.js";

const ORANGE = 0x005ed5; // blue, green, red: it adds to a value
const BLUE = 0xb27200; // it takes from a value

// Shares of a layer's scale as a colour: alpha, blue, green, red. What is not computed yet is not a number.
const signed = (share) => (Math.round(255 * Math.min(Math.abs(share), 1)) << 24) | (share > 0 ? ORANGE : BLUE);
const grey = (share) =>
  share >= 0 ? 0xff000000 | (Math.round(255 * Math.min(share, 1)) * 0x010101) : signed(share || 0);

function paint(canvas, values, scale, isSigned, place = (i) => i) {
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  const colors = new Uint32Array(image.data.buffer);
  const color = isSigned ? signed : grey;
  for (let i = 0; i < values.length; i++) colors[place(i)] = color(values[i] / scale);
  context.putImageData(image, 0, 0);
}

export function paintStage(stage) {
  const { canvas, shown, maps, columns, scale } = stage;
  paint(canvas, shown, scale, false, (i) => {
    const at = Math.floor(i / maps);
    const [x, y] = findPixel(stage, i % maps, Math.floor(at / columns), at % columns);
    return y * canvas.width + x;
  });
}

// A picture in HTML, grey or signed, that `paintPictures` paints when it is in the page.
const pictures = [];
export function picture(values, columns, scale, kind, label) {
  const number = pictures.push({ values, scale, kind }) - 1;
  const size = `width="${columns}" height="${Math.ceil(values.length / columns)}"`;
  return `<canvas ${size} class="${kind}" role="img" aria-label="${label}" data-picture="${number}"></canvas>`;
}

export function paintPictures(element) {
  for (const canvas of element.querySelectorAll("canvas")) {
    const { values, scale, kind } = pictures[canvas.dataset.picture];
    paint(canvas, values, scale, kind === "signed");
  }
  pictures.length = 0;
}

// Frame a value and what it comes from, and link them: orange adds to it, blue takes from it.
export function drawLines(overlay, target) {
  const sources = target ? listSources(target) : [];
  const strongest = sources.reduce((most, { amount }) => Math.max(most, Math.abs(amount)), 1e-9);
  const rectangle = ({ x, y, width, height }, name) =>
    `<rect x="${x}" y="${y}" width="${width}" height="${height}" class="${name}"/>`;
  const goal = target && findRectangle(target.stage, target.map, [target.x, target.y, 1, 1], overlay);
  const lines = sources.map(({ map, window, amount }) => {
    const from = findRectangle(target.stage.before, map, window, overlay);
    const name = amount === null ? "" : amount < 0 ? "against" : "for";
    const opacity = amount === null ? 1 : 0.1 + (0.9 * Math.abs(amount)) / strongest;
    const [x, y] = [from.x + from.width, from.y + from.height / 2];
    const ends = `x1="${x}" y1="${y}" x2="${goal.x}" y2="${goal.y + goal.height / 2}"`;
    return `<line ${ends} class="${name}" opacity="${opacity}"/>${rectangle(from, name)}`;
  });
  overlay.innerHTML = lines.join("") + (target ? rectangle(goal, "value") : "");
}

// A part of a map on the page.
function findRectangle(stage, map, [x, y, columns, rows], overlay) {
  const origin = overlay.getBoundingClientRect();
  const box = (stage.bars?.[y] ?? stage.canvas).getBoundingClientRect();
  const [left, top] = [box.x - origin.x, box.y - origin.y];
  if (stage.bars) return { x: left, y: top, width: box.width, height: box.height };
  const [column, row] = findPixel(stage, map, y, x);
  const [across, down] = [box.width / stage.canvas.width, box.height / stage.canvas.height];
  return { x: left + column * across, y: top + row * down, width: columns * across, height: rows * down };
}
