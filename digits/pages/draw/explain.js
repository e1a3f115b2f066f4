// Where a value comes from (slides 22-26), as HTML: the window, the weights, the products, their sum.

import { fill } from "../language.js";
import { add, addProducts, exponentiate, listGroups, locate } from "./network.js";
import { bySize, frame, largest, picture, sign, surround } from "./view.js";

const WRITTEN = 49; // numbers of a window that can be read, 7x7
const TERMS = 16; // of a sum that is written out
const line = (...parts) => `<p class="sum">${parts.join("")}</p>`;
const mark = (value, name = sign(value)) => `<b class="number ${name}">${format(value)}</b>`;

const format = (value, digits = 2) => (Number(value.toFixed(digits)) || 0).toFixed(digits).replace("-", "−");
// Rounded as in the figures: no mistake has a probability of 100%.
const round = (share, digits) => (share < 1 ? Math.min(share, 1 - 10 ** -digits) : 1).toFixed(digits);
export const formatPercent = (share) => `${(100 * round(share, 3)).toFixed(1)}%`;

// "Convolution 1, map 5, row 7, column 9: 0.53"
export function nameTarget(target, text) {
  const { kind, name, values } = target.stage;
  const value = kind === "output" ? formatPercent(values[target.index]) : format(values[target.index]);
  return `${text[name]}${text.comma}${fill(text[`${kind}Place`], locate(target))}${text.colon}${value}`;
}

// A map that is large enough for the last row of the class, with a frame around some of its values.
function magnify(stage, cells, text) {
  const { maps, rows, columns, scale } = stage;
  const map = cells.find((cell) => cell >= 0) % maps;
  const label = fill(maps > 1 ? text.mapOf : "{name}", { name: text[stage.name], map: map + 1 });
  const places = cells.map((cell) => Math.floor(cell / maps));
  const values = stage.shown.filter((_, index) => index % maps === map);
  const image = picture(values, columns, scale, "grey", label);
  const window = `<svg viewBox="0 0 ${columns} ${rows}">${frame(surround(places, columns), "window")}</svg>`;
  return `<figure><figcaption>${label}</figcaption><span class="magnified">${image}${window}</span></figure>`;
}

// Numbers, where they can be read, else a large picture.
function table(values, columns, scale, kind, label) {
  const cells = values.map((value) => {
    const name = value === null ? "padding" : kind === "grey" ? "grey" : sign(value);
    return `<span class="cell ${name}" style="--share: ${(100 * Math.abs(value)) / scale}%">${format(value ?? 0)}</span>`;
  });
  const numbers = `<span class="table" style="--columns: ${columns}">${cells.join("")}</span>`;
  const shown = values.length > WRITTEN ? picture(values, columns, scale, kind, label) : numbers;
  return `<figure class="large"><figcaption>${label}</figcaption>${shown}</figure>`;
}

// What is `asked`: `channel`, the map before whose numbers are shown, as a text; `solved`, whether to show products.
export function explain(target, asked, text) {
  const { kind, before } = target.stage;
  if (kind === "input") return line(text.inputValue);
  const groups = listGroups(target).sort((a, b) => bySize(a.sum, b.sum));
  if (kind === "hidden" || kind === "output") return explainProducts(target, groups, asked, "", text);
  const { cells, inputs } = groups.find(({ map }) => String(map) === asked.channel) ?? groups[0];
  const from = magnify(before, cells, text);
  if (kind === "flatten") {
    const place = locate({ stage: before, index: cells[0] });
    return from + line(fill(text.flattened, { name: text[before.name], ...place }));
  }
  const value = magnify(target.stage, [target.index], text);
  if (kind === "convolution") return from + explainProducts(target, groups, asked, value, text);
  const candidates = table(inputs, target.stage.across, largest(inputs), "grey", text.candidates);
  const written = inputs.map((candidate) => format(candidate)).join(", ");
  return from + candidates + value + line(`max(${written}) = `, mark(Math.max(...inputs), "after"));
}

function explainProducts({ stage, index }, groups, { channel, solved }, value, text) {
  const [weight, product] = ["weights", "products"].map((name) => largest(groups.flatMap((group) => group[name])));
  // What a map adds, in three pictures: values, columns, scale, kind, label.
  const listParts = ({ inputs, weights, products }) => [
    [inputs, stage.across, stage.before.scale, "grey", text[`${stage.kind}Inputs`]],
    [weights, stage.across, weight, "signed", text[`${stage.kind}Weights`]],
    [products, stage.across, product, "signed", text.products],
  ];
  const chosen = groups.length > 1 ? groups.find(({ map }) => String(map) === channel) : groups[0];
  const byHand = stage.kind === "convolution" && groups.length === 1; // these a student can multiply
  const shown = byHand && !solved ? 2 : 3;
  const numbers = chosen ? listParts(chosen).map((part) => table(...part)) : [];
  let work = shown === 3 ? explainSum(stage, groups, text) : line(`${text.bias} = `, mark(groups[0].bias));
  if (byHand) work += `<button type="button" value="products" aria-pressed="${solved}">${text.solve}</button>`;
  if (chosen?.inputs.includes(null)) work += `<small>${text.padding}</small>`;
  if (stage.activation === "softmax") work += explainSoftmax(stage, index, text);
  if (groups.length > 1) {
    const cards = groups.map((group) => showCard(group, listParts(group), groups[0].sum, channel));
    work += `${line(text[`${stage.kind}Cards`])}<div class="cards">${cards.join("")}</div>`;
  }
  return `<div class="group">${numbers.slice(0, shown).join("")}</div>${value}<div class="work">${work}</div>`;
}

function showCard({ map, sum }, parts, largestSum, channel) {
  const bar = `<i class="bar ${sign(sum)}" style="--share: ${Math.abs(sum / largestSum)}"></i>`;
  const content = `<b>${map + 1}</b>${parts.map((part) => picture(...part)).join("")}${bar}${format(sum)}`;
  return `<button type="button" class="card" value="${map}" aria-pressed="${String(map) === channel}">${content}</button>`;
}

// The sum of all products, those of a map together if there are several; then the bias, and what follows from it.
function explainSum({ activation }, groups, text) {
  const [{ bias, products }] = groups;
  const values = groups.length > 1 ? groups.map(({ sum }) => sum) : products;
  const sum = add(values) + bias;
  const sorted = values.length > TERMS ? values.toSorted(bySize) : values;
  const terms = sorted.slice(0, TERMS).map((value) => [value]);
  const others = sorted.slice(TERMS);
  if (others.length) terms.push([add(others), fill(text.others, { count: others.length })]);
  const counts = { count: groups.length * products.length, maps: groups.length };
  const name = `<b>${fill(groups.length > 1 ? text.sumOfMaps : text.sumOfAll, counts)}</b> `;
  const relu = line("ReLU: max(0, ", mark(sum), ") = ", mark(Math.max(0, sum), "after"));
  const written = writeSum([...terms, [bias, text.bias]], sum, text);
  return line(name, written, mark(sum)) + (activation === "relu" ? relu : "");
}

// "0.50 − 0.25 + 0.02 (bias) + 0.01 (rounding) = ", of terms [value, name], which add up to `total` as it is written.
function writeSum(terms, total, text) {
  const lost = add([total, ...terms.map(([value]) => -value)].map((value) => Math.round(100 * value.toFixed(2))));
  if (lost) terms.push([lost / 100, text.rounding]);
  const written = terms.map(([value, name]) => fill(name ? text.named : "{number}", { number: format(value), name }));
  return `${written.join(" + ").replaceAll("+ −", "− ")} = `;
}

// Ten logits, ten exponentials, of which the rounded ones may have another sum, and the quotient.
function explainSoftmax(stage, digit, text) {
  const logits = [...addProducts(stage, stage.before.values)];
  const powers = exponentiate(logits);
  const [power, sum] = [powers[digit], add(powers)].map((value) => format(value, 4));
  const shown = { sum, power, share: round(stage.values[digit], 4), highest: format(Math.max(...logits)) };
  const row = (name, cells) => `<tr><th scope="row">${name}</th><td>${cells.join("</td><td>")}</td></tr>`;
  const rows = [
    row(text.digits, [...logits.keys(), text.total]),
    row(text.logits, [...logits.map((logit) => format(logit)), ""]),
    row(fill(text.powers, shown), [...powers.map((each) => format(each, 4)), `≈ ${sum}`]),
    row(text.probability, [...Array.from(stage.values, formatPercent), ""]),
  ];
  const columns = `<colgroup><col span="${digit + 1}"><col class="greatest"></colgroup>`;
  return `<table>${columns}${rows.join("")}</table>${line(`<b>${fill(text.softmax, shown)}</b> `, text.shifted)}`;
}
