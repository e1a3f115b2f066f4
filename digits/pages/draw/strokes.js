// From the strokes of a pen to 28x28 numbers, as MNIST's authors normalised their scans, and digits/handwriting does.

export const PAD = 280; // the side of the pad, in the units of its strokes
const SIDE = 28;
const BOX = 20; // pixels: the longer side of a digit
const REACH = 32; // half of the widest pen, in the units of the pad
const WIDTH = PAD + 2 * REACH + 1;

export const limit = (value, low, high) => Math.min(Math.max(value, low), high);

// The distance of each point of the pad, and of a margin around it, to the nearest stroke; and the strokes' extent.
// The image follows from it, whatever scale and pen it needs, so that a stroke is entered only once.
export function createField() {
  const distances = new Float32Array(WIDTH * WIDTH).fill(REACH);
  return { distances, left: Infinity, top: Infinity, right: -Infinity, bottom: -Infinity };
}

export function addSegment(field, [x0, y0], [x1, y1]) {
  const [dx, dy] = [x1 - x0, y1 - y0];
  const length = dx * dx + dy * dy || 1;
  for (let row = Math.floor(Math.min(y0, y1)); row < Math.max(y0, y1) + 2 * REACH; row++) {
    for (let column = Math.floor(Math.min(x0, x1)); column < Math.max(x0, x1) + 2 * REACH; column++) {
      const [x, y, at] = [column - REACH - x0, row - REACH - y0, row * WIDTH + column];
      const along = limit((x * dx + y * dy) / length, 0, 1);
      const distance = Math.sqrt((x - along * dx) ** 2 + (y - along * dy) ** 2);
      if (distance < field.distances[at]) field.distances[at] = distance;
    }
  }
  field.left = Math.min(field.left, x0, x1);
  field.right = Math.max(field.right, x0, x1);
  field.top = Math.min(field.top, y0, y1);
  field.bottom = Math.max(field.bottom, y0, y1);
}

// The distance at a point that may lie between those of the field.
function measure(distances, x, y) {
  const [left, top] = [x, y].map((at) => limit(at + REACH, 0, WIDTH - 1.001));
  const at = Math.floor(top) * WIDTH + Math.floor(left);
  const mix = (first, second, share) => first + (second - first) * (share % 1);
  const above = mix(distances[at], distances[at + 1], left);
  return mix(above, mix(distances[at + WIDTH], distances[at + WIDTH + 1], left), top);
}

// Draw the strokes anew, 20 pixels long, with a pen as wide as MNIST's, and the centre of mass in the middle.
// `pen` is as wide as the strokes were drawn; `widths` are the least and the greatest in MNIST, in pixels.
// Also return the digit's `extent` and centre of `mass` on the pad, and its `box` in the image.
export function normalize({ distances, left, top, right, bottom }, pen, widths) {
  if (left > right) return { pixels: new Float32Array(SIDE * SIDE) };
  const span = Math.max(right - left, bottom - top) + pen;
  const width = (pen * BOX) / span;
  const wanted = limit(width, ...widths);
  const fit = BOX / (BOX - width + wanted); // with the other pen the digit would be longer or shorter than the box
  const [radius, scale] = [(fit * wanted) / 2, (fit * BOX) / span];
  const toPad = (pixel, start) => start + (pixel - radius) / scale;
  // How much of each pixel the pen covers, in 255ths, when the digit is moved by whole pixels.
  const draw = (across, down) =>
    new Float32Array(SIDE * SIDE).map((_, i) => {
      const [x, y] = [(i % SIDE) + 0.5 - across, Math.floor(i / SIDE) + 0.5 - down];
      const distance = scale * measure(distances, toPad(x, left), toPad(y, top));
      return Math.round(255 * limit(0.5 + radius - distance, 0, 1)) / 255;
    });
  const image = draw(0, 0);
  const total = image.reduce((sum, value) => sum + value);
  const x = image.reduce((sum, value, i) => sum + value * ((i % SIDE) + 0.5), 0) / total;
  const y = image.reduce((sum, value, i) => sum + value * (Math.floor(i / SIDE) + 0.5), 0) / total;
  const [across, down] = [Math.round(SIDE / 2 - x), Math.round(SIDE / 2 - y)];
  const size = [2 * radius + scale * (right - left), 2 * radius + scale * (bottom - top)];
  return {
    pixels: draw(across, down),
    extent: [left - pen / 2, top - pen / 2, right + pen / 2, bottom + pen / 2],
    box: [across, down, across + size[0], down + size[1]],
    mass: [toPad(x, left), toPad(y, top)],
  };
}
