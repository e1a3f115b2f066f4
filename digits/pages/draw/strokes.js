// From the strokes of a pen to 28x28 numbers, as MNIST's authors normalised their scans, and digits/handwriting does.

import { add } from "./network.js";

export const PAD = 280; // the side of the pad, in the units of its strokes
const SIDE = 28;
const BOX = 20; // pixels: the longer side of a digit

export const limit = (value, low, high) => Math.min(Math.max(value, low), high);
export const outline = (left, top, right, bottom) => `M ${left} ${top} H ${right} V ${bottom} H ${left} Z`;

// A stroke is a list of coordinates, x0, y0, x1, y1, ...; its end makes a dot of one that has a single point.
export const tracePath = (stroke) => new Path2D(`M ${stroke} h 0.01`);

// Draw the strokes anew, 20 pixels long, with a pen as wide as MNIST's, and the centre of mass in the middle.
// `pen` is as wide as the strokes were drawn; `widths` are the least and the greatest in MNIST, in pixels.
// Also return, as paths, the digit's `extent` and centre of `mass` on the pad, and its `box` in the image.
export function normalize(strokes, pen, widths) {
  if (!strokes.length) return { pixels: new Float32Array(SIDE * SIDE) };
  const axes = [0, 1].map((axis) => strokes.flat().filter((_, i) => i % 2 === axis));
  const [left, top] = axes.map((values) => values.reduce((least, value) => Math.min(least, value)));
  const [right, bottom] = axes.map((values) => values.reduce((most, value) => Math.max(most, value)));
  const span = Math.max(right - left, bottom - top) + pen;
  const wanted = limit((pen * BOX) / span, ...widths);
  const fit = BOX / (BOX - (pen * BOX) / span + wanted); // with another pen the digit would not be as long as the box
  const [radius, scale] = [(fit * wanted) / 2, (fit * BOX) / span];
  const context = new OffscreenCanvas(SIDE, SIDE).getContext("2d", { willReadFrequently: true });
  context.setTransform(scale, 0, 0, scale, radius - scale * left, radius - scale * top);
  Object.assign(context, { lineWidth: (2 * radius) / scale, lineCap: "round", lineJoin: "round" });
  for (const stroke of strokes) context.stroke(tracePath(stroke));
  const image = readInk(context, 0, 0);
  const x = add(image.map((value, i) => value * ((i % SIDE) + 0.5))) / add(image);
  const y = add(image.map((value, i) => value * (Math.floor(i / SIDE) + 0.5))) / add(image);
  const [across, down] = [x, y].map((center) => Math.round(SIDE / 2 - center));
  const [width, height] = [right - left, bottom - top].map((length) => 2 * radius + scale * length);
  return {
    pixels: readInk(context, across, down),
    extent: outline(left - pen / 2, top - pen / 2, right + pen / 2, bottom + pen / 2),
    box: outline(across, down, across + width, down + height),
    mass: `M ${left + (x - radius) / scale} ${top + (y - radius) / scale} h 0`,
  };
}

// How much of each pixel the pen covers, in 255ths, when the digit is moved by whole pixels.
function readInk(context, across, down) {
  const { data } = context.getImageData(-across, -down, SIDE, SIDE);
  return Float32Array.from({ length: SIDE * SIDE }, (_, i) => data[4 * i + 3] / 255);
}
