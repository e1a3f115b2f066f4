// Where a number comes from (slides 22-26): the window, the weights, the products and their sum.

import { dense, softmax } from "digits/network.js";
import { element, fill, frame, paintSigned } from "digits/view.js";

const SHOWN = 5; // terms that speak for, and against
const LARGEST = 49; // weights of a filter that are written out, 7x7

const format = value => value.toFixed(2).replace(/^-(?!0\.00$)/, "−").replace("-", "");
const add = value => (value < 0 ? ` − ${format(-value)}` : ` + ${format(value)}`);
const locate = ({ maps, columns }, i) => [Math.floor(i / maps) % columns, Math.floor(i / maps / columns)];
const line = (text, className = "") => element("p", { className }, text);

function table(values, columns, marked) {
  const cells = values.map((value, i) => element("span", { className: i === marked ? "greatest" : "" }, format(value)));
  return element("span", { className: "table", style: `--columns: ${columns}` }, ...cells);
}

// The values of a map in a window, row by row; outside of the map they are 0.
function readWindow({ values, rows, columns, maps }, map, [left, top, width, height]) {
  return Array.from({ length: width * height }, (_, i) => {
    const x = left + (i % width), y = top + Math.floor(i / width);
    return x >= 0 && y >= 0 && x < columns && y < rows ? values[(y * columns + x) * maps + map] : 0;
  });
}

function explainSum(terms, bias, sum, { activation }, text) {
  const lines = [line(fill(text.sum, { terms, bias: add(bias), sum: format(sum) }), "sum")];
  if (activation === "relu") lines.push(line(`ReLU: max(0, ${format(sum)}) = ${format(Math.max(0, sum))}`, "sum"));
  return lines;
}

function explainConvolution({ layer, maps, before }, map, y, x, text) {
  const [rows, columns] = layer.size, bias = layer.bias[map];
  const window = [x - ((columns - 1) >> 1), y - ((rows - 1) >> 1), columns, rows];
  frame(before, null, window, "from");
  const channels = Array.from({ length: before.maps }, (_, channel) => {
    const inputs = readWindow(before, channel, window);
    const weights = inputs.map((_, i) => layer.kernel[(i * before.maps + channel) * maps + map]);
    const products = inputs.map((value, i) => value * weights[i]), sum = products.reduce((a, b) => a + b);
    const [first, second, third] = [inputs, weights, products].map(values => table(values, columns));
    const written = rows * columns > LARGEST ? [] : [first, "×", second, "=", third];
    const name = before.maps > 1 ? [element("b", {}, fill(text.map, { map: channel + 1 }))] : [];
    return { sum, row: element("div", { className: "term" }, ...name, ...written, `Σ = ${format(sum)}`) };
  });
  const sum = channels.reduce((total, channel) => total + channel.sum, bias);
  const sums = channels.map((channel, i) => (i ? add(channel.sum) : format(channel.sum))).join("");
  return [...explainSum(sums, bias, sum, layer, text), line(text.windowTimesFilter), ...channels.map(({ row }) => row)];
}

function explainPooling({ layer: { size: [rows, columns] }, before }, map, y, x, text) {
  const window = [x * columns, y * rows, columns, rows], values = readWindow(before, map, window);
  frame(before, map, window, "from");
  const greatest = Math.max(...values), written = table(values, columns, values.indexOf(greatest));
  const sum = line(`max(${values.map(format).join(", ")}) = ${format(greatest)}`, "sum");
  return [sum, element("div", { className: "term" }, written, text.greatest)];
}

function explainUnit({ layer, units, before }, unit, text) {
  const sums = dense(layer, before.values), sum = sums[unit], bias = layer.bias[unit];
  const inputs = Array.from(before.values), weights = inputs.map((_, i) => layer.kernel[i * units + unit]);
  const products = inputs.map((value, i) => value * weights[i]);
  const order = inputs.map((_, i) => i).sort((a, b) => products[b] - products[a]);
  const speakFor = order.slice(0, SHOWN).filter(i => products[i] > 0);
  const against = order.slice(-SHOWN).reverse().filter(i => products[i] < 0);
  for (const i of speakFor.slice(0, 1)) frame(before, i % before.maps, [...locate(before, i), 1, 1], "from");
  const lines = explainSum(format(sum - bias), bias, sum, layer, text);
  const share = `softmax: exp(${format(sum)}) / Σ exp = ${softmax(sums)[unit].toFixed(4)}`;
  if (layer.activation === "softmax") lines.push(line(share, "sum"));
  const pictures = [[weights, text.weights], [products, text.products]].map(([values, label]) =>
    element("figure", {}, paintSigned(values, label), element("figcaption", {}, label)));
  const lists = [[speakFor, text.for], [against, text.against]].map(([chosen, title]) =>
    element("div", {}, element("b", {}, title), ...chosen.map(i => {
      const [input, weight, product] = [inputs[i], weights[i], products[i]].map(format);
      return line(fill(text.term, { input, weight, product, name: nameValue(before, i, text) }));
    })));
  return [...lines, element("div", { className: "lists" }, ...(before.kind === "input" ? pictures : []), ...lists)];
}

function nameValue(stage, i, text) {
  if (stage.units) return stage.kind === "output" ? `${i}` : fill(text.unit, { unit: i + 1 });
  const [x, y] = locate(stage, i), place = fill(text.place, { row: y + 1, column: x + 1 });
  return stage.maps > 1 ? `${fill(text.map, { map: (i % stage.maps) + 1 })}${text.comma}${place}` : place;
}

// Frame the value at (y, x) of a stage's map and what it comes from; return a heading and the elements that explain it.
export function explain(stage, map, y, x, text) {
  const kinds = { input: () => [line(text.inputValue)], convolution: explainConvolution, pooling: explainPooling };
  const i = (y * stage.columns + x) * stage.maps + map;
  document.querySelectorAll(".frame").forEach(mark => mark.remove());
  frame(stage, map, [x, y, 1, 1], "traced");
  const name = `${fill(text[stage.kind], stage)}${text.comma}${nameValue(stage, i, text)}`;
  const heading = element("h2", {}, `${name}${text.colon}${format(stage.values[i])}`);
  return [heading, ...(kinds[stage.kind]?.(stage, map, y, x, text) ?? explainUnit(stage, i, text))];
}
