// The stages of the network on the page, as draw.py describes them, and what their values come from.

const STRONGEST = 64; // products of a unit to which a line leads

// A stage knows its layer, the stage `before` it, and its `face`: what Flatten gives looks like the maps before.
export function linkStages(stages, layers) {
  stages.forEach((stage, i) => {
    stage.layer = layers[stage.at - 1];
    stage.before = stages[i - 1];
    stage.face = stage.kind === "flatten" ? stage.before : stage;
  });
  return stages;
}

// A target is a value: its stage, its map, and its row and column there. The map is last, as in Keras.
export const findIndex = ({ stage, map, y, x }) => (y * stage.columns + x) * stage.maps + map;

export function exists(target) {
  const { rows, columns, maps, count } = target.stage;
  return target.x < columns && target.y < rows && target.map < maps && findIndex(target) < count;
}

// Where a value lies on the stage's canvas, in its pixels: maps stand `wide` beside each other, `gap` pixels apart.
export function findPixel({ wide, gap, rows, columns }, map, y, x) {
  return [(map % wide) * (columns + gap) + x, Math.floor(map / wide) * (rows + gap) + y];
}

export function findValue(stage, left, top) {
  const { wide, gap, rows, columns } = stage;
  const map = Math.floor(top / (rows + gap)) * wide + Math.floor(left / (columns + gap));
  const target = { stage, map, y: Math.floor(top % (rows + gap)), x: Math.floor(left % (columns + gap)) };
  return exists(target) ? target : null;
}

// The part of each map before that a value is computed from: left, top, columns, rows.
export function findWindow({ stage, y, x }) {
  const { layer, before, kind } = stage;
  const [rows, columns] = layer.size ?? [];
  if (kind === "convolution") return [x - ((columns - 1) >> 1), y - ((rows - 1) >> 1), columns, rows];
  if (kind === "pooling") return [x * columns, y * rows, columns, rows];
  if (kind === "flatten") return [x % before.columns, Math.floor(x / before.columns), 1, 1];
  return [0, 0, before.face.columns, before.face.rows];
}

// The values of a map in a window, row by row; null outside of the map.
export function readWindow({ face, values }, map, [left, top, width, height]) {
  const { rows, columns, maps } = face;
  return Array.from({ length: width * height }, (_, i) => {
    const [x, y] = [left + (i % width), top + Math.floor(i / width)];
    return x < 0 || y < 0 || x >= columns || y >= rows ? null : values[(y * columns + x) * maps + map];
  });
}

// The products that add up to a value of a convolution or a unit, one group for each map before.
export function listGroups(target) {
  const { layer, before, kind } = target.stage;
  const { length } = layer.bias;
  const output = kind === "convolution" ? target.map : findIndex(target);
  return Array.from({ length: before.maps }, (_, map) => {
    const inputs = readWindow(before, map, findWindow(target)).slice(0, before.count);
    const weights = inputs.map((_, i) => layer.kernel[(i * before.maps + map) * length + output]);
    const products = inputs.map((value, i) => value * weights[i]);
    const sum = products.reduce((total, product) => total + product, 0);
    return { map, columns: findWindow(target)[2], inputs, weights, products, sum, bias: layer.bias[output] };
  });
}

// The parts of maps that a value comes from, and what each adds to it, if it is a sum.
export function listSources(target) {
  const { kind, before } = target.stage;
  if (kind === "input") return [];
  if (kind === "pooling" || kind === "flatten") return [{ map: target.map, window: findWindow(target), amount: null }];
  const groups = listGroups(target);
  const window = kind === "convolution" ? findWindow(target) : [0, 0, before.columns, before.rows];
  const parts = groups.map(({ map, sum }) => ({ map, window, amount: sum }));
  if (kind === "convolution" || parts.length > 1) return parts;
  const cells = groups[0].products.map((amount, i) => {
    return { map: 0, window: [i % before.columns, Math.floor(i / before.columns), 1, 1], amount };
  });
  return cells.sort((a, b) => Math.abs(b.amount) - Math.abs(a.amount)).slice(0, STRONGEST);
}
