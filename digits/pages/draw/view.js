// The network as the page shows it: a stage for the input and for each layer that computes something.

const KINDS = { Conv2D: "convolution", MaxPooling2D: "pooling", Dense: "hidden" };
const COLUMNS = 32; // units in a row

// A stage has `maps` of `rows` x `columns` values, the map last, as in Keras; units are one such map.
// `at` is its place among the input and the activations of all layers, `before` the stage that it computes from.
export function buildStages(layers) {
  const stages = [{ kind: "input", at: 0, rows: 28, columns: 28, maps: 1 }];
  layers.forEach((layer, i) => {
    const { shape } = layer, kind = i + 1 < layers.length ? KINDS[layer.kind] : "output";
    if (!kind) return; // it passes its values on
    const units = shape.length === 1 && shape[0], number = stages.filter(stage => stage.kind === kind).length + 1;
    const [rows, columns, maps] = units ? [Math.ceil(units / COLUMNS), COLUMNS, 1] : shape;
    stages.push({ kind, number, at: i + 1, layer, units, rows, columns, maps, before: stages.at(-1) });
  });
  return stages;
}

export function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

// Put values into the {places} of a text.
export const fill = (text, values) => text.replace(/{(\w+)}/g, (place, name) => values[name]);

// Return a stage's element: a heading, and its maps, which the keyboard reaches as one.
export function showStage(stage, text) {
  const { kind, number, units, maps, rows, columns } = stage, name = fill(text[kind], { number });
  const shape = fill(units ? text.units : maps > 1 ? text.maps : "{rows}×{columns}", stage);
  stage.canvases = Array.from({ length: maps }, () => element("canvas", { width: columns, height: rows }));
  const grid = element("div", { className: "maps", tabIndex: 0, role: "application" });
  grid.style = `--columns: ${Math.ceil(Math.sqrt(maps))}`;
  grid.ariaLabel = `${name} (${shape}). ${text.keys}`;
  grid.append(...stage.canvases.map(canvas => element("span", { className: "map" }, canvas)));
  const heading = element("h3", {}, `${name} `, element("small", {}, shape));
  return element("section", { className: `stage ${kind}${units ? " units" : ""}` }, heading, grid);
}

// Set each pixel of a canvas to `color(i)`: red, green, blue, opacity.
function paint(canvas, color) {
  const context = canvas.getContext("2d"), image = context.createImageData(canvas.width, canvas.height);
  for (let i = 0; i < canvas.width * canvas.height; i++) image.data.set(color(i), 4 * i);
  context.putImageData(image, 0, 0);
  return canvas;
}

// Paint a stage's maps, the greatest value of them all white.
export function paintStage({ canvases, maps, values }) {
  const scale = 255 / Math.max(1e-9, values.reduce((a, b) => Math.max(a, b)));
  canvases.forEach((canvas, map) => paint(canvas, i => {
    const grey = values[i * maps + map] * scale; // not a number after the last unit
    return [grey, grey, grey, Number.isNaN(grey) ? 0 : 255];
  }));
}

// A picture of 28x28 numbers: orange speaks for, blue against.
export function paintSigned(values, label) {
  const canvas = element("canvas", { width: 28, height: 28, role: "img", ariaLabel: label });
  const scale = 255 / values.reduce((a, b) => Math.max(a, Math.abs(b)), 1e-9);
  return paint(canvas, i => [...(values[i] > 0 ? [213, 94, 0] : [0, 114, 178]), scale * Math.abs(values[i])]);
}

// Frame a window of a stage's maps: of one, or of all where `map` is null.
export function frame({ canvases = [], columns, rows }, map, [x, y, width, height], name) {
  const parts = { left: x / columns, top: y / rows, width: width / columns, height: height / rows };
  const style = Object.entries(parts).map(([side, part]) => `${side}: ${100 * part}%`).join(";");
  canvases.filter((_, i) => map === null || map === i).forEach(canvas =>
    canvas.after(Object.assign(element("i", { className: `frame ${name}` }), { style })));
}
