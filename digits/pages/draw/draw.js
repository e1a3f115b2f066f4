// The page. Events change `state`; once per frame, at most, what is shown is computed from it anew:
//
//   pen ──── strokes ──┐                                ┌─ maps, bars ─── view.js
//                      ├─ pixels ── values of stages ───┤
//   test image ────────┘ strokes.js       network.js    └─ explanation ── explain.js
//                                                            and lines ── view.js
//   pointing, pinning, play ── target: a stage, and the index of a value in it
//
// An address such as #zh-TW&pin=1,7,10,12&strokes=... sets the language, the target, and the strokes or the test image.

import { fill, find, readAddress, startLanguages } from "../language.js";
import { explain, formatPercent, nameTarget } from "./explain.js";
import { computeActivations, decode, linkStages, locate } from "./network.js";
import { PAD, limit, normalize, tracePath } from "./strokes.js";
import { drawLines, grey, paint, paintPictures } from "./view.js";

const STEP = 7; // of the pen by an arrow key, in the units of the pad
const INTERVAL = 250; // milliseconds for a value, while playing
const SIZE = 784; // pixels of a test image
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1], " ": [0, 0] };
const STROKES = /^(,?(([0-7][0-9a-z]){2})+)*$/; // in an address, as writeAddress writes them
const OTHERS = { PageUp: -1, PageDown: 1, Enter: 0 }; // keys for another map, or the same

const page = JSON.parse(find("page").textContent);
const [stages] = page.networks;
const [pad, pen, number] = ["pad", "pen", "number"].map(find);
page.networks.forEach(linkStages);
const ink = pad.getContext("2d");
const stream = new Blob([decode(page.images)]).stream().pipeThrough(new DecompressionStream("deflate"));
const images = Float32Array.from(new Uint8Array(await new Response(stream).arrayBuffer()), (byte) => byte / 255);

const state = {
  strokes: [], // of coordinates x, y, x, y, ..., whole numbers
  image: 0, // the number of a test image, or null
  point: [PAD / 2, PAD / 2], // of the pen that the keyboard moves
  down: false, // that pen
  pointer: null, // the mouse, pen or finger that draws
  target: null, // what is explained: a stage, and the index of a value in it
  pinned: false,
  isNew: false, // pinned since the last frame
  solved: false, // whether products are shown that one can multiply by hand
  filled: false, // whether the map of the target is filled up to it only, as while playing
  playing: false,
  channel: null, // the map before whose numbers are asked for
};

function change(changes) {
  Object.assign(state, changes);
  state.frame ??= requestAnimationFrame(update);
}

function update() {
  state.frame = null;
  const drawing = readInput();
  const computed = page.networks.map((network) => computeActivations(network, drawing.pixels));
  stages.forEach((stage, i) => {
    stage.values = computed[0][i];
    const last = state.filled && stage === state.target.stage ? state.target.index : Infinity;
    stage.shown = stage.values.map((value, at) => (at > last && (at - last) % stage.maps === 0 ? NaN : value));
    if (stage.kind !== "output") paint(stage.canvas, stage.shown, stage.scale, grey, stage.pixels);
  });
  const isEmpty = !drawing.pixels.some(Boolean);
  showDrawing(drawing, isEmpty);
  showPredictions(computed, isEmpty);
  showExplanation(state.text);
}

function readInput() {
  if (state.image === null) return normalize(state.strokes, Number(pen.value), page.stroke);
  return { pixels: images.slice(SIZE * state.image, SIZE * (state.image + 1)) };
}

function showDrawing(drawing, isEmpty) {
  const { image, text, point } = state;
  find("subject").textContent = image === null ? text.drawing : text.image;
  for (const id of ["extent", "box", "mass"]) find(id).setAttribute("d", drawing[id] ?? "");
  find("cursor").setAttribute("d", `M ${point} h 0`);
  if (image !== null) ink.drawImage(stages[0].canvas, 0, 0, PAD, PAD);
  find("undo").disabled = find("clear").disabled = isEmpty;
  const facts = { image, label: page.labels[image], prediction: page.predictions[image] };
  const said = facts.label === facts.prediction ? text.testImage : text.misclassified;
  find("caption").textContent = image === null ? text.scaled : fill(said, facts);
}

function showPredictions(computed, isEmpty) {
  const predictions = computed.map((values) => values.at(-1));
  const digits = predictions.map((shares) => shares.indexOf(Math.max(...shares)));
  document.querySelectorAll(".share").forEach((element, i) => {
    const [digit, network] = [Math.floor(i / computed.length), i % computed.length];
    const share = predictions[network][digit];
    element.classList.toggle("predicted", !isEmpty && digit === digits[network]);
    element.style = `--share: ${isEmpty ? 0 : share}`;
    element.lastElementChild.textContent = isEmpty ? "–" : formatPercent(share);
  });
  const said = isEmpty ? state.text.drawHint : fill(state.text.prediction, { prediction: digits[0] });
  if (find("prediction").textContent !== said) find("prediction").textContent = said; // it is read aloud
}

function showExplanation(text) {
  const { target, pinned, playing, channel, solved } = state;
  document.body.classList.toggle("pinned", pinned);
  find("play").textContent = playing ? text.pause : text.play;
  find("heading").textContent = target ? nameTarget(target, text) : text.explanation;
  const parts = find("parts");
  if (parts.contains(document.activeElement)) parts.focus({ preventScroll: true }); // what has it will be gone
  parts.innerHTML = target ? explain(target, { channel, solved }, text) : "";
  paintPictures(parts);
  find("overlay").innerHTML = target ? drawLines(find("overlay"), target) : "";
  if (state.isNew) find("overlay").lastElementChild.scrollIntoView({ block: "nearest" }); // on a phone
  state.isNew = false;
  find("link").href = writeAddress();
}

function setStrokes(strokes, image = null) {
  change({ strokes, image, down: false });
  number.value = image ?? "";
  find("mistakes").selectedIndex = 0;
  ink.clearRect(0, 0, PAD, PAD);
  ink.lineWidth = pen.value;
  for (const stroke of strokes) ink.stroke(tracePath(stroke));
}

function addPoint(point, isFirst) {
  if (state.image !== null) setStrokes([]);
  if (isFirst || !state.strokes.length) state.strokes.push([]);
  const stroke = state.strokes.at(-1);
  ink.stroke(tracePath([...stroke.slice(-2), ...point]));
  stroke.push(...point);
  change({ point });
}

function findPoint({ clientX, clientY }) {
  const { left, top, width, height } = pad.getBoundingClientRect();
  return [(clientX - left) / width, (clientY - top) / height].map((at) => limit(Math.round(PAD * at), 0, PAD));
}

// Mouse, pen or finger, of which a second one draws nothing; or the keyboard.
pad.onpointerdown = (event) => {
  if (event.button || pad.hasPointerCapture(state.pointer)) return;
  pad.setPointerCapture((state.pointer = event.pointerId));
  addPoint(findPoint(event), true);
};
pad.onpointermove = (event) => {
  if (event.pointerId !== state.pointer || !pad.hasPointerCapture(state.pointer)) return;
  const events = event.getCoalescedEvents?.() ?? []; // all that the pen gave since the last event
  for (const each of events.length ? events : [event]) addPoint(findPoint(each), false);
};
pad.onkeydown = (event) => {
  if (!(event.key in ARROWS)) return;
  const point = state.point.map((at, axis) => limit(at + STEP * ARROWS[event.key][axis], 0, PAD));
  const down = state.down !== (event.key === " ");
  if (down) addPoint(point, event.key === " ");
  change({ point, down });
  event.preventDefault(); // it would scroll
};
const showImage = (image) => setStrokes([], limit(Math.floor(image), 0, page.labels.length - 1));
pen.oninput = () => setStrokes(state.strokes, state.image);
find("undo").onclick = () => setStrokes(state.strokes.slice(0, -1));
find("clear").onclick = () => setStrokes([]);
find("previous").onclick = () => showImage((state.image ?? 1) - 1);
find("next").onclick = () => showImage((state.image ?? -1) + 1);
number.onchange = find("mistakes").onchange = ({ target }) => showImage(target.value);
const select = (target, pinned) => change({ target, pinned, isNew: pinned, filled: false, playing: false });

function pointAt({ target, offsetX, offsetY }, pinned) {
  const stage = stages.find(({ canvas }) => canvas.contains(target));
  if (!stage) return;
  const x = Math.floor((offsetX / target.clientWidth) * stage.width);
  const y = Math.floor((offsetY / target.clientHeight) * stage.height);
  const index = Number(target.closest("button")?.value ?? stage.pixels.indexOf(y * stage.width + x));
  if (index in stage.pixels) select({ stage, index }, pinned);
}

find("network").onclick = (event) => pointAt(event, true);
find("network").onpointermove = (event) => !state.pinned && event.pointerType !== "touch" && pointAt(event, false);
find("network").onpointerleave = () => state.target && !state.pinned && select(null, false);
find("network").addEventListener("keydown", (event) => {
  const stage = stages.find(({ canvas }) => canvas === event.target);
  if (!stage || !(event.key in ARROWS || event.key in OTHERS)) return;
  const { rows, columns, maps, pixels } = stage;
  const middle = { map: 1, row: (rows >> 1) + 1, column: (columns >> 1) + 1 };
  const { map, row, column } = state.target?.stage === stage ? locate(state.target) : middle;
  const [right, down] = ARROWS[event.key] ?? [0, 0];
  const [x, y] = [limit(column + right, 1, columns) - 1, limit(row + down, 1, rows) - 1];
  const index = (y * columns + x) * maps + limit(map + (OTHERS[event.key] ?? 0), 1, maps) - 1;
  if (index in pixels) select({ stage, index }, state.pinned || event.key === "Enter");
  event.preventDefault();
});
find("parts").onclick = ({ target: { value } }) => {
  if (value === "products") change({ solved: !state.solved, pinned: true });
  else if (value) change({ channel: value === state.channel ? null : value, pinned: true });
};
find("free").onclick = () => select(null, false);

// Playing: the window goes on to the next value of the map, which is filled up to there.
function step(playing) {
  const { stage, index } = state.target ?? { stage: stages[1], index: 0 };
  const next = state.filled ? index + stage.maps : index;
  const exists = next < stage.count;
  change({ target: { stage, index: exists ? next : index }, pinned: true, filled: true, playing: playing && exists });
}
setInterval(() => state.playing && step(true), INTERVAL);
find("play").onclick = () => change({ playing: !state.playing });
find("step").onclick = () => step(false);
find("fullscreen").onclick = () => document.documentElement.requestFullscreen(); // Esc leaves it
addEventListener("keydown", (event) => {
  if (event.key === "Escape") select(null, false);
  if (event.key === "z" && (event.ctrlKey || event.metaKey) && event.target !== number) find("undo").click();
});
onresize = onscroll = () => state.target && change();

// Two digits in base 36 for each coordinate of a stroke.
function writeAddress() {
  const { target, pinned, strokes, image } = state;
  const { map, row, column } = target ? locate(target) : {};
  const pin = pinned ? `&pin=${[stages.indexOf(target.stage), map - 1, row - 1, column - 1]}` : "";
  const written = strokes.map((stroke) => stroke.map((at) => at.toString(36).padStart(2, "0")).join(""));
  const drawn = image === null ? `&pen=${pen.value}&strokes=${written}` : `&image=${image}`;
  return `#${document.documentElement.lang}${pin}${drawn}`;
}

function restore(text) {
  change({ text });
  const address = readAddress();
  pen.value = address.get("pen") ?? pen.value;
  const [strokes, image] = ["strokes", "image"].map((name) => address.get(name));
  if (strokes !== null && STROKES.test(strokes)) {
    const written = strokes.match(/\w+/g) ?? [];
    setStrokes(written.map((stroke) => stroke.match(/../g).map((at) => parseInt(at, 36))));
  } else if (/^\d+$/.test(image) && image < page.labels.length) showImage(image);
  const [number, map, y, x] = address.get("pin")?.split(",").map(Number) ?? [];
  const stage = stages[number];
  const index = stage && (y * stage.columns + x) * stage.maps + map;
  if (stage && index in stage.pixels) select({ stage, index }, true);
}

for (const stage of stages) stage.canvas = find(stage.kind === "output" ? "bars" : stage.name);
ink.scale(pad.width / PAD, pad.height / PAD);
Object.assign(ink, { lineCap: "round", lineJoin: "round", imageSmoothingEnabled: false });
startLanguages(page.text, restore);
find("starting").remove();
window.digits = { state, stages, computeActivations, readInput, setStrokes }; // for tests, and for the curious
