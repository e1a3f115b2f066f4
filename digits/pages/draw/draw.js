// The page: a pen, the network at work on what it draws, and where each of its numbers comes from.

import { computeActivations, decode, loadLayers } from "digits/network.js";
import { normalizeStrokes } from "digits/strokes.js";
import { explain } from "digits/trace.js";
import { buildStages, fill, paintStage, showStage } from "digits/view.js";

const SIZE = 280, STEP = 7; // of the pad, and of an arrow key, in the units of its lines
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const find = id => document.getElementById(id), limit = (value, below) => Math.min(Math.max(value, 0), below - 1);
const page = JSON.parse(find("page").textContent), layers = loadLayers(page.layers), stages = buildStages(layers);
const { examples } = page, [shown, output] = [stages.slice(0, -1), stages.at(-1)];
const [pad, pen, bars] = [find("pad"), find("pen"), [...find("bars").children]];
const state = { strokes: [], example: examples[0], next: 1, traced: null, point: [SIZE / 2, SIZE / 2], down: false };

const computeImage = () => state.example
  ? Float32Array.from(decode(state.example.pixels, Uint8Array), value => value / 255)
  : normalizeStrokes(state.strokes, Number(pen.value), page.stroke);

// What is on the page follows from `state`, and is brought up to date once per frame at most.
function change(changes) {
  Object.assign(state, changes);
  state.frame ??= requestAnimationFrame(update);
}

function update() {
  const { strokes, example, traced, text, point: [x, y] } = state, pixels = computeImage();
  const activations = [pixels, ...computeActivations(layers, pixels)];
  state.frame = null;
  for (const stage of stages) stage.values = activations[stage.at];
  shown.forEach(paintStage);
  pad.style = `--pen: ${pen.value}px; --x: ${x}px; --y: ${y}px`;
  find("lines").setAttribute("d", strokes.map(points => `M ${points[0]} L ${points.join(" ")}`).join(" "));
  find("example").hidden = !example;
  if (example) paintStage({ canvases: [find("example")], maps: 1, values: pixels });
  const empty = !example && !strokes.length, prediction = output.values.indexOf(Math.max(...output.values));
  bars.forEach((bar, digit) => {
    bar.classList.toggle("predicted", digit === prediction && !empty);
    bar.style = `--probability: ${empty ? 0 : output.values[digit]}`;
    bar.lastElementChild.textContent = empty ? "–" : `${(100 * output.values[digit]).toFixed(1)}%`;
  });
  find("prediction").textContent = empty ? text.drawHint : fill(text.prediction, { prediction });
  const caption = example?.label === example?.prediction ? text.testImage : text.misclassified;
  find("caption").textContent = example ? fill(caption, example) : "";
  find("undo").disabled = find("clear").disabled = empty;
  document.body.classList.toggle("tracing", Boolean(traced));
  find("trace").replaceChildren(...(traced ? explain(...traced, text) : [text.traceHint]));
}

const startStroke = point => change({ strokes: [...state.strokes, [point]], example: null, point });
const continueStroke = point => change({ strokes: state.strokes.with(-1, [...state.strokes.at(-1), point]), point });
const locate = ({ offsetX, offsetY }) => [offsetX, offsetY].map(at => (at * SIZE) / pad.clientWidth);

// Mouse, pen, finger; a second finger draws nothing.
pad.onpointerdown = event => {
  if (event.button || pad.hasPointerCapture(state.pointer)) return;
  pad.setPointerCapture((state.pointer = event.pointerId));
  startStroke(locate(event));
};
pad.onpointermove = event => pad.hasPointerCapture(event.pointerId) && continueStroke(locate(event));
pad.onkeydown = event => {
  const point = state.point.map((at, axis) => limit(at + STEP * (ARROWS[event.key]?.[axis] ?? 0), SIZE));
  if (event.key === " " && !event.repeat && (state.down = !state.down)) startStroke(point);
  else if (event.key in ARROWS && state.down) continueStroke(point);
  else if (event.key in ARROWS) change({ point });
  if (event.key === " " || event.key in ARROWS) event.preventDefault(); // they would scroll
};
pen.oninput = () => change();
find("undo").onclick = () => change({ example: null, strokes: state.strokes.slice(0, -1), down: false });
find("clear").onclick = () => change({ example: null, strokes: [], down: false });
find("show").onclick = () => change({ example: examples[state.next++ % examples.length], strokes: [], down: false });

// A value is traced where one points at it, taps it, or goes to it with the keyboard.
find("close").onclick = () => change({ traced: null });
bars.forEach((bar, digit) => {
  bar.onpointerenter = bar.onfocus = bar.onclick = () => change({ traced: [output, 0, 0, digit] });
});
function makeTraceable(stage) {
  const { canvases, columns, rows, maps } = stage;
  const trace = (map, y, x) => {
    const [column, row] = [limit(x, columns), limit(y, rows)], outside = row * columns + column >= stage.units;
    if (!stage.units || !outside) change({ traced: [stage, limit(map, maps), row, column] });
  };
  canvases.forEach((canvas, map) => {
    canvas.onpointermove = canvas.onpointerdown = ({ offsetX, offsetY }) => {
      const scale = columns / canvas.clientWidth; // pixels are squares
      trace(map, Math.floor(scale * offsetY), Math.floor(scale * offsetX));
    };
  });
  canvases[0].closest(".maps").onkeydown = event => {
    const [right, down] = ARROWS[event.key] ?? [0, 0], next = { PageUp: -1, PageDown: 1 }[event.key] ?? 0;
    const [, map, y, x] = state.traced?.[0] === stage ? state.traced : [stage, 0, rows >> 1, columns >> 1];
    if (!right && !down && !next) return;
    trace(map + next, y + down, x + right);
    event.preventDefault();
  };
}

function setLanguage(language) {
  const text = page.text[language];
  document.documentElement.lang = language;
  for (const each of document.querySelectorAll("[data-text]")) each.textContent = text[each.dataset.text];
  for (const each of document.querySelectorAll("[data-label]")) each.ariaLabel = text[each.dataset.label];
  find("network").replaceChildren(...shown.map(stage => showStage(stage, text)));
  shown.forEach(makeTraceable);
  change({ text });
}

find("language").onclick = () => setLanguage(document.documentElement.lang === "en" ? "zh-TW" : "en");
setLanguage(navigator.language.startsWith("zh") ? "zh-TW" : "en");

// For tests, and for the curious in the browser's console.
window.digits = {
  predict: pixels => Array.from(computeActivations(layers, pixels).at(-1)),
  activations: pixels => Object.fromEntries(computeActivations(layers, pixels).map((v, i) => [layers[i].name, v])),
  image: () => Array.from(computeImage()),
};
