// From the lines of a pen to 28x28 numbers, as MNIST's authors normalised their scans, and digits/handwriting does.

const SIDE = 28, BOX = 20, FINE = 4; // FINE: samples in a pixel, in x and in y

// Draw strokes of points [x, y] anew, 20 pixels long, with a pen as wide as MNIST's, the centre of mass in the middle.
// `pen` is as wide as the strokes were drawn; `widths` are the least and the greatest in MNIST, in pixels.
export function normalizeStrokes(strokes, pen, widths) {
  const xs = strokes.flat().map(([x]) => x), ys = strokes.flat().map(([, y]) => y);
  if (!xs.length) return new Float32Array(SIDE * SIDE);
  const left = Math.min(...xs), top = Math.min(...ys), span = Math.max(Math.max(...xs) - left, Math.max(...ys) - top);
  const width = (pen * BOX) / (span + pen), wanted = Math.min(Math.max(width, widths[0]), widths[1]);
  const fit = BOX / (BOX - width + wanted); // with the other pen the digit would be longer or shorter than the box
  const radius = (fit * wanted) / 2, scale = (fit * BOX) / (span + pen);
  const place = ([x, y]) => [radius + scale * (x - left), radius + scale * (y - top)];
  return centerByMass(drawLines(strokes.map(stroke => stroke.map(place)), radius));
}

// How much of each pixel a round pen of this radius covers: (784,) numbers in [0, 1], in steps of 1/255.
function drawLines(strokes, radius) {
  const side = SIDE * FINE, ink = new Float32Array(side * side), image = new Float32Array(SIDE * SIDE);
  const range = (a, b) => [Math.min(a, b) - radius - 1, Math.max(a, b) + radius + 1].map(
    at => Math.min(Math.max(Math.floor(at * FINE), 0), side));
  for (const points of strokes) points.forEach(([x1, y1], i) => {
    const [x0, y0] = points[Math.max(0, i - 1)], [left, right] = range(x0, x1), [top, bottom] = range(y0, y1);
    const dx = x1 - x0, dy = y1 - y0, length = dx * dx + dy * dy;
    for (let row = top; row < bottom; row++) for (let column = left; column < right; column++) {
      const x = (column + 0.5) / FINE - x0, y = (row + 0.5) / FINE - y0, at = row * side + column;
      const along = length && Math.min(Math.max((x * dx + y * dy) / length, 0), 1);
      const covered = 0.5 + FINE * (radius - Math.hypot(x - along * dx, y - along * dy));
      ink[at] = Math.max(ink[at], Math.min(covered, 1));
    }
  });
  ink.forEach((value, i) => (image[Math.floor(i / side / FINE) * SIDE + Math.floor((i % side) / FINE)] += value));
  return image.map(sum => Math.round((255 * sum) / FINE ** 2) / 255);
}

// Move an image by whole pixels until its centre of mass is in the middle.
function centerByMass(image) {
  const mass = image.reduce((a, b) => a + b), middle = (SIDE - 1) / 2;
  const right = Math.round(middle - image.reduce((sum, value, i) => sum + value * (i % SIDE), 0) / mass);
  const down = Math.round(middle - image.reduce((sum, value, i) => sum + value * Math.floor(i / SIDE), 0) / mass);
  return image.map((_, i) => {
    const x = (i % SIDE) - right, y = Math.floor(i / SIDE) - down;
    return x >= 0 && x < SIDE && y >= 0 && y < SIDE ? image[y * SIDE + x] : 0;
  });
}
