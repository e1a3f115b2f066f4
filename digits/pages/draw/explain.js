// Where a value comes from (slides 22-26), as HTML: the window, the weights, the products, their sum.

import { fill } from "../language.js";
import { dense } from "./network.js";
import { findIndex, findWindow, listGroups, readWindow } from "./stages.js";
import { picture } from "./view.js";

const WRITTEN = 49; // numbers of a window that can be read, 7x7
const TERMS = 16; // of a sum that is written out

const toUnits = (value, digits) => Math.round(value * 10 ** digits);
const largest = (values) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-9);
const add = (values) => values.reduce((total, value) => total + value, 0);
const bySize = (a, b) => Math.abs(b) - Math.abs(a);
const sign = (value) => (value < 0 ? "against" : "for");
const line = (...parts) => `<p class="sum">${parts.join("")}</p>`;
const before = (value) => `<b class="number ${sign(value)}">${format(value)}</b>`;
const after = (value) => `<b class="number after">${format(value)}</b>`;

export function format(value, digits = 2) {
  const units = toUnits(value, digits);
  return `${units < 0 ? "−" : ""}${(Math.abs(units) / 10 ** digits).toFixed(digits)}`;
}

// Rounded as in the figures: no mistake has a probability of 100%.
const round = (share, digits) => (share < 1 ? Math.min(share, 1 - 10 ** -digits) : 1).toFixed(digits);
export const formatPercent = (share) => `${(100 * round(share, 3)).toFixed(1)}%`;

// "0.50 − 0.25 + 0.02 (bias) + 0.01 (rounding)", of terms [value, name], which add up to `total` as they are written.
function writeSum(terms, total, text, digits = 2) {
  const lost = toUnits(total, digits) - add(terms.map(([value]) => toUnits(value, digits)));
  const written = [...terms, ...(lost ? [[lost / 10 ** digits, text.rounding]] : [])].map(([value, name], i) => {
    const operator = i ? (toUnits(value, digits) < 0 ? " − " : " + ") : "";
    const number = operator + format(i ? Math.abs(value) : value, digits);
    return name ? fill(text.named, { number, name }) : number;
  });
  return `${written.join("")} = `;
}

// A map that is large enough for the last row of the class, with a frame around a part of it.
function magnify(stage, map, [left, top, width, height], text) {
  const { rows, columns } = stage.face;
  const label = fill(stage.maps > 1 ? text.mapOf : "{name}", { name: text[stage.name], map: map + 1 });
  const values = readWindow({ face: stage.face, values: stage.shown }, map, [0, 0, columns, rows]);
  const place = `left: ${(100 * left) / columns}%; top: ${(100 * top) / rows}%`;
  const size = `width: ${(100 * width) / columns}%; height: ${(100 * height) / rows}%`;
  const frame = `<i class="window" style="${place}; ${size}"></i>`;
  const image = picture(values, columns, stage.scale, "grey", label);
  return `<figure><figcaption>${label}</figcaption><span class="magnified">${image}${frame}</span></figure>`;
}

// Numbers, where they can be read, else a large picture.
function table(values, columns, scale, kind, label) {
  const cells = values.map((value) => {
    const name = value === null ? "padding" : kind === "grey" ? "grey" : sign(value);
    return `<span class="cell ${name}" style="--share: ${(100 * Math.abs(value)) / scale}%">${format(value)}</span>`;
  });
  const numbers = `<span class="table" style="--columns: ${columns}">${cells.join("")}</span>`;
  const shown = values.length > WRITTEN ? picture(values, columns, scale, kind, label) : numbers;
  return `<figure class="large"><figcaption>${label}</figcaption>${shown}</figure>`;
}

// "Convolution 1, map 5, row 7, column 9: 0.53"
export function nameTarget({ stage, map, y, x }, text) {
  const index = findIndex({ stage, map, y, x });
  const value = stage.kind === "output" ? formatPercent(stage.values[index]) : format(stage.values[index]);
  const place = { map: map + 1, row: y + 1, column: x + 1, number: index + 1, digit: y };
  return `${text[stage.name]}${text.comma}${fill(text[`${stage.kind}Place`], place)}${text.colon}${value}`;
}

// `channel` is the map before whose numbers are asked for.
export function explain(target, channel, text) {
  const { stage, map, y, x } = target;
  const { kind, before } = stage;
  if (kind === "input") return line(text.inputValue);
  const window = findWindow(target);
  if (kind === "flatten") {
    const place = { name: text[before.name], map: map + 1, row: window[1] + 1, column: window[0] + 1 };
    return magnify(before, map, window, text) + line(fill(text.flattened, place));
  }
  const value = magnify(stage, map, [x, y, 1, 1], text);
  if (kind !== "pooling") return explainProducts(target, channel, value, text);
  const values = readWindow(before, map, window);
  const candidates = table(values, window[2], largest(values), "grey", text.candidates);
  const written = values.map((candidate) => format(candidate)).join(", ");
  return (
    magnify(before, map, window, text) + candidates + value + line(`max(${written}) = `, after(Math.max(...values)))
  );
}

function explainProducts(target, channel, value, text) {
  const { stage, y } = target;
  const isConvolution = stage.kind === "convolution";
  const groups = listGroups(target).sort((a, b) => bySize(a.sum, b.sum));
  const chosen = groups.length > 1 ? groups.find(({ map }) => map === channel) : groups[0];
  // What each map adds, in three pictures: values, columns, the scale of them all, kind, label.
  const labels = isConvolution ? [text.window, text.filter] : [text.activations, text.weights];
  const weight = largest(groups.flatMap(({ weights }) => weights));
  const product = largest(groups.flatMap(({ products }) => products));
  const listParts = ({ inputs, weights, products, columns }) => [
    [inputs, columns, stage.before.scale, "grey", labels[0]],
    [weights, columns, weight, "signed", labels[1]],
    [products, columns, product, "signed", text.products],
  ];
  let work = explainSum(stage, groups, text);
  if (stage.layer.activation === "softmax") work += explainSoftmax(stage, y, text);
  if (groups.length > 1) {
    const cards = groups.map((group) => showCard(group, listParts(group), groups[0].sum, channel));
    work += line(isConvolution ? text.cards : text.cardsOfUnit) + `<div class="cards">${cards.join("")}</div>`;
  }
  const numbers = chosen ? showNumbers(listParts(chosen), text) : "";
  const from = isConvolution ? magnify(stage.before, (chosen ?? groups[0]).map, findWindow(target), text) : "";
  return `${from}${numbers}${isConvolution ? value : ""}<div class="work">${work}</div>`;
}

function showNumbers(parts, text) {
  const [inputs, weights, products] = parts.map((part) => table(...part));
  const padded = parts[0][0].includes(null) ? `<small>${text.padding}</small>` : "";
  return `<div class="group">${inputs}<span>×</span>${weights}<span>≈</span>${products}${padded}</div>`;
}

function showCard({ map, sum }, parts, largestSum, channel) {
  const bar = `<i class="bar ${sign(sum)}" style="--share: ${Math.abs(sum / largestSum)}"></i>`;
  const content = `<b>${map + 1}</b>${parts.map((part) => picture(...part)).join("")}${bar}${format(sum)}`;
  return `<button type="button" class="card" value="${map}" aria-pressed="${map === channel}">${content}</button>`;
}

// The sum of all products, those of a map together if there are several; then the bias, and what follows from it.
function explainSum({ layer }, groups, text) {
  const [{ bias, products }] = groups;
  const values = groups.length > 1 ? groups.map(({ sum }) => sum) : products;
  const sum = add(values) + bias;
  const sorted = values.length > TERMS ? [...values].sort(bySize) : values;
  const terms = sorted.slice(0, TERMS).map((value) => [value]);
  const others = sorted.slice(TERMS);
  if (others.length) terms.push([add(others), fill(text.others, { count: others.length })]);
  const counts = { count: groups.length * products.length, maps: groups.length };
  const name = `<b>${fill(groups.length > 1 ? text.sumOfMaps : text.sumOfAll, counts)}</b> `;
  const relu = line("ReLU: max(0, ", before(sum), ") = ", after(Math.max(0, sum)));
  const written = writeSum([...terms, [bias, text.bias]], sum, text);
  return line(name, written, before(sum)) + (layer.activation === "relu" ? relu : "");
}

// Ten logits, ten exponentials and their sum (≈ where the rounded ones have another), and the quotient.
function explainSoftmax({ layer, before, values }, digit, text) {
  const logits = Array.from(dense(layer, before.values));
  const highest = Math.max(...logits);
  const powers = logits.map((logit) => Math.exp(logit - highest));
  const sum = add(powers);
  const isExact = add(powers.map((power) => toUnits(power, 4))) === toUnits(sum, 4);
  const rows = [
    [text.digits, logits.map((_, i) => i), text.total],
    [text.logits, logits.map((logit) => format(logit)), ""],
    [fill(text.powers, { highest: format(highest) }), powers.map((power) => format(power, 4)), format(sum, 4)],
    [text.probability, Array.from(values, formatPercent), ""],
  ].map(([name, cells, total], row) => {
    const tags = cells.map((cell, i) => `<td class="${i === digit ? "greatest" : ""}">${cell}</td>`);
    return `<tr><th scope="row">${name}</th>${tags.join("")}<td>${row === 2 && !isExact ? "≈ " : ""}${total}</td></tr>`;
  });
  const facts = { power: format(powers[digit], 4), sum: format(sum, 4), share: round(powers[digit] / sum, 4) };
  return `<table>${rows.join("")}</table>${line(`<b>${fill(text.softmax, facts)}</b> `, text.shifted)}`;
}
