// The page. Events change `state`; once per frame, at most, what is shown is computed from it anew:
//
//   pen ──── strokes ── field ──┐                                  ┌─ maps, bars ─── view.js
//                    strokes.js ├─ pixels ── activations ── stages ┤
//   test image ─────────────────┘         network.js    stages.js  └─ explanation ── explain.js
//                                                                       and lines ── view.js
//   pointing, pinning, play ─── target: a stage, and a place in it ─────┘
//
// An address such as #zh-TW&pin=1,7,10,12&strokes=... sets the language, the target, and the strokes or the test image.

import { fill, find, readAddress, startLanguages } from "../language.js";
import { explain, formatPercent, nameTarget } from "./explain.js";
import { computeActivations, decode, loadLayers } from "./network.js";
import { exists, findValue, linkStages } from "./stages.js";
import { PAD, addSegment, createField, limit, normalize } from "./strokes.js";
import { drawLines, paintPictures, paintStage } from "./view.js";

const STEP = 7; // of the pen by an arrow key, in the units of the pad
const INTERVAL = 250; // milliseconds for a value, while playing
const SIZE = 784; // pixels of a test image
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

const page = JSON.parse(find("page").textContent);
const layers = loadLayers(page.layers);
const networks = [layers, ...page.others.map(loadLayers)];
const stages = linkStages(page.stages, layers);
const output = stages.at(-1);
const [pad, pen, number] = ["pad", "pen", "number"].map(find);
const ink = pad.getContext("2d");
const stream = new Blob([decode(page.images)]).stream().pipeThrough(new DecompressionStream("deflate"));
const images = new Uint8Array(await new Response(stream).arrayBuffer());

const state = {
  strokes: [], // of points [x, y], whole numbers
  field: createField(),
  image: 0, // the number of a test image, or null
  point: [PAD / 2, PAD / 2], // of the pen that the keyboard moves
  down: false, // that pen
  target: null, // what is explained: a stage, a map, y, x
  pinned: false,
  filled: false, // whether the map of the target is filled up to it only, as while playing
  timer: null, // of playing
  channel: null, // the map before whose numbers are asked for
};

function change(changes) {
  Object.assign(state, changes);
  state.frame ??= requestAnimationFrame(update);
}

function update() {
  state.frame = null;
  const drawing = readInput();
  const values = computeActivations(layers, drawing.pixels);
  for (const stage of stages) {
    stage.values = values[stage.at];
    stage.shown = state.filled && stage === state.target.stage ? hideUnfilled(state.target) : stage.values;
    if (stage.canvas) paintStage(stage);
  }
  showDrawing(drawing);
  showPredictions(networks.map((network) => computeActivations(network, drawing.pixels).at(-1)));
  showExplanation(state.text);
}

function readInput() {
  if (state.image === null) return normalize(state.field, Number(pen.value), page.stroke);
  const bytes = images.subarray(SIZE * state.image, SIZE * (state.image + 1));
  return { pixels: Float32Array.from(bytes, (value) => value / 255) };
}

function hideUnfilled({ stage, map, y, x }) {
  const last = (y * stage.columns + x) * stage.maps + map;
  return stage.values.map((value, i) => (i > last && i % stage.maps === map ? NaN : value));
}

// The digit's box and centre of mass, on the pad and in the image; what kind of image it is.
function showDrawing({ extent, mass, box }) {
  const { image, strokes, text, point } = state;
  const outline = ([left, top, right, bottom]) => `M ${left} ${top} H ${right} V ${bottom} H ${left} Z`;
  find("extent").setAttribute("d", extent ? outline(extent) : "");
  find("box").setAttribute("d", box ? outline(box) : "");
  find("mass").setAttribute("d", mass ? `M ${mass} h 0` : "");
  find("cursor").setAttribute("d", `M ${point} h 0`);
  if (image !== null) ink.drawImage(stages[0].canvas, 0, 0, PAD, PAD);
  find("undo").disabled = find("clear").disabled = image === null && !strokes.length;
  const facts = { image, label: page.labels[image], prediction: page.predictions[image] };
  const said = facts.label === facts.prediction ? text.testImage : text.misclassified;
  find("caption").textContent = image === null ? text.scaled : fill(said, facts);
}

function showPredictions(predictions) {
  const empty = state.image === null && !state.strokes.length;
  const digits = predictions.map((shares) => shares.indexOf(Math.max(...shares)));
  output.bars.forEach((bar, digit) => {
    bar.querySelectorAll(".share").forEach((share, network) => {
      share.classList.toggle("predicted", !empty && digit === digits[network]);
      share.style = `--share: ${empty ? 0 : predictions[network][digit]}`;
      share.lastElementChild.textContent = empty ? "–" : formatPercent(predictions[network][digit]);
    });
  });
  const said = empty ? state.text.drawHint : fill(state.text.prediction, { prediction: digits[0] });
  if (find("prediction").textContent !== said) find("prediction").textContent = said; // it is read aloud
}

function showExplanation(text) {
  const { target, pinned, timer, channel } = state;
  document.body.classList.toggle("pinned", pinned);
  find("play").textContent = timer ? text.pause : text.play;
  find("play").hidden = matchMedia("(prefers-reduced-motion: reduce)").matches;
  find("free").hidden = !pinned;
  find("heading").textContent = target ? nameTarget(target, text) : text.explanation;
  const parts = find("parts");
  const isFocused = parts.contains(document.activeElement);
  const hints = `<p>${text.pointHint}</p><p>${text.tenDigits}</p>`;
  parts.innerHTML = target ? explain(target, channel, text) : hints;
  if (isFocused) parts.focus({ preventScroll: true }); // what had the focus is gone
  paintPictures(parts);
  drawLines(find("overlay"), target);
  find("link").href = writeAddress();
}

// Drawing: with mouse, pen or finger, of which a second one draws nothing; and with the keyboard.

function enter(from, to) {
  addSegment(state.field, from, to);
  ink.stroke(new Path2D(`M ${from} L ${to}`));
}

function setStrokes(strokes, image = null) {
  change({ strokes, image, field: createField(), down: false });
  ink.setTransform(pad.width / PAD, 0, 0, pad.height / PAD, 0, 0);
  ink.clearRect(0, 0, PAD, PAD);
  Object.assign(ink, { lineWidth: pen.value, lineCap: "round", lineJoin: "round", imageSmoothingEnabled: false });
  number.value = image ?? "";
  find("mistakes").selectedIndex = 0;
  for (const points of strokes) points.forEach((point, i) => enter(points[Math.max(0, i - 1)], point));
}

function addPoint(point, isFirst) {
  if (isFirst && state.image !== null) setStrokes([]);
  if (isFirst) state.strokes.push([]);
  const stroke = state.strokes.at(-1);
  enter(stroke.at(-1) ?? point, point);
  stroke.push(point);
  change({ point });
}

const showImage = (image) => setStrokes([], limit(Math.floor(image), 0, page.labels.length - 1));

function locate({ clientX, clientY }) {
  const { left, top, width, height } = pad.getBoundingClientRect();
  return [(clientX - left) / width, (clientY - top) / height].map((at) => limit(Math.round(PAD * at), 0, PAD));
}

pad.onpointerdown = (event) => {
  if (event.button || pad.hasPointerCapture(state.pointer)) return;
  state.pointer = event.pointerId;
  pad.setPointerCapture(event.pointerId);
  addPoint(locate(event), true);
};
pad.onpointermove = (event) => {
  if (!pad.hasPointerCapture(event.pointerId)) return;
  const events = event.getCoalescedEvents?.() ?? []; // all that the pen gave since the last event
  for (const each of events.length ? events : [event]) addPoint(locate(each), false);
};
pad.onkeydown = (event) => {
  if (event.key !== " " && !(event.key in ARROWS)) return;
  const point = state.point.map((at, axis) => limit(at + STEP * (ARROWS[event.key]?.[axis] ?? 0), 0, PAD));
  if (event.key === " ") state.down = !state.down;
  if (state.down) addPoint(point, event.key === " ");
  else change({ point });
  event.preventDefault(); // it would scroll
};
pen.oninput = () => setStrokes(state.strokes, state.image);
find("undo").onclick = () => setStrokes(state.strokes.slice(0, -1));
find("clear").onclick = () => setStrokes([]);
find("previous").onclick = () => showImage((state.image ?? 1) - 1);
find("next").onclick = () => showImage((state.image ?? -1) + 1);
number.onchange = () => showImage(number.value);
find("mistakes").onchange = ({ target }) => showImage(target.value);

// Pointing and pinning.

function select(target, pinned) {
  setTimer(null);
  change({ target, pinned, filled: false });
}

function findTarget({ target, offsetX, offsetY }) {
  const digit = output.bars.indexOf(target.closest("#bars button"));
  if (digit >= 0) return { stage: output, map: 0, y: digit, x: 0 };
  const stage = stages.find(({ canvas }) => canvas === target);
  const scale = [target.width / target.clientWidth, target.height / target.clientHeight];
  return stage ? findValue(stage, offsetX * scale[0], offsetY * scale[1]) : null;
}

function pointAt(event, pinned) {
  const target = findTarget(event);
  if (target) select(target, pinned);
}

find("network").onclick = (event) => pointAt(event, true);
find("network").onpointermove = (event) => !state.pinned && event.pointerType !== "touch" && pointAt(event, false);
find("network").onpointerleave = () => state.target && !state.pinned && select(null, false);
find("network").addEventListener("keydown", (event) => {
  const stage = stages.find(({ canvas }) => canvas === event.target);
  const [right, down] = ARROWS[event.key] ?? [0, 0];
  const next = { PageUp: -1, PageDown: 1 }[event.key] ?? 0;
  if (!stage || !(right || down || next || event.key === "Enter")) return;
  const { map, y, x } =
    state.target?.stage === stage ? state.target : { map: 0, y: stage.rows >> 1, x: stage.columns >> 1 };
  const target = { stage, map: Math.max(0, map + next), y: Math.max(0, y + down), x: Math.max(0, x + right) };
  if (exists(target)) select(target, state.pinned || event.key === "Enter");
  event.preventDefault();
});
find("parts").onclick = ({ target }) => {
  const card = target.closest(".card");
  if (card) change({ channel: Number(card.value) === state.channel ? null : Number(card.value), pinned: true });
};
find("free").onclick = () => select(null, false);

// Playing: the window goes on to the next value of the map, which is filled up to there.
function step() {
  const target = state.target ?? { stage: stages[1], map: 0, y: 0, x: 0 };
  const { stage, map, y, x } = target;
  const next = { stage, map, y: x + 1 < stage.columns ? y : y + 1, x: (x + 1) % stage.columns };
  if (!state.filled) change({ target, pinned: true, filled: true });
  else if (exists(next)) change({ target: next });
  else setTimer(null);
}

function setTimer(timer) {
  clearInterval(state.timer);
  change({ timer });
}

find("play").onclick = () => setTimer(state.timer ? null : setInterval(step, INTERVAL));
find("step").onclick = () => {
  setTimer(null);
  step();
};

find("fullscreen").onclick = () => document.documentElement.requestFullscreen(); // Esc leaves it
addEventListener("keydown", (event) => {
  if (event.key === "Escape") select(null, false);
  if (event.key === "z" && (event.ctrlKey || event.metaKey)) find("undo").click();
});
onresize = onscroll = () => state.target && change();

// The address: two digits in base 36 for each coordinate of a stroke.

function writeAddress() {
  const { target, pinned, strokes, image } = state;
  const pin = pinned && target ? `&pin=${[stages.indexOf(target.stage), target.map, target.y, target.x]}` : "";
  const written = strokes.map((points) => points.flat().map((at) => at.toString(36).padStart(2, "0")));
  const drawn = `&pen=${pen.value}&strokes=${written.map((digits) => digits.join("")).join()}`;
  return `#${document.documentElement.lang}${pin}${image === null ? drawn : `&image=${image}`}`;
}

function readStrokes(text) {
  const strokes = text
    .split(",")
    .filter(Boolean)
    .map((digits) => digits.match(/..../g) ?? []);
  return strokes.map((points) => points.map((digits) => digits.match(/../g).map((at) => parseInt(at, 36))));
}

function restore() {
  const address = readAddress();
  pen.value = address.pen ?? pen.value;
  if ("strokes" in address) setStrokes(readStrokes(address.strokes));
  else if (address.image) showImage(address.image);
  const [stage, map, y, x] = (address.pin ?? "").split(",").map(Number);
  const target = { stage: stages[stage], map, y, x };
  if (target.stage && exists(target)) select(target, true);
}

for (const [i, stage] of stages.entries()) stage.canvas = find(`stage${i}`);
output.bars = [...find("bars").children];
setStrokes([], 0);
startLanguages(page.text, (text) => {
  change({ text });
  restore();
});
find("starting").remove();

window.digits = { state, layers, computeActivations, readInput, setStrokes }; // for tests, and for the curious
