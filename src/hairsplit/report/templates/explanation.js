"use strict";
// Everything is added up here from the matrix [tokens, rows, columns] in the page, so that words and boxes stay additive.
const data = JSON.parse(document.getElementById("data").textContent);
const { rows, columns, units, models } = data; // models: 1, or 2 that are compared, with their difference beside them
const panels = models === 1 ? 1 : 3, cells = rows * columns;
const numbers = text => new Float32Array(Uint8Array.from(atob(text), c => c.charCodeAt(0)).buffer);
const views = data.views.map(view => { // side by side: of each sum first the one model's, then the other's
  const values = numbers(view.values), heats = view.words.map(() => new Float64Array(cells));
  const onClass = new Float64Array(view.words.length), alone = new Float64Array(view.words.length);
  const classValues = numbers(view.class_values), main = numbers(view.text_main), patchesAlone = numbers(view.image_main);
  view.groups.forEach((word, token) => {
    if (word >= view.words.length) return;
    onClass[word] += classValues[token];
    alone[word] += main[token];
    for (let cell = 0; cell < cells; cell++) heats[word][cell] += values[token * cells + cell];
  });
  return { ...view, heats, onClass, alone, patchesAlone };
});
const all = selector => [...document.querySelectorAll(selector)];
const said = document.getElementById("said"), bare = document.getElementById("bare"), main = document.getElementById("main");
const exact = all("[data-value]").map(one => [one, one.textContent]); // as written, the parts add up to the last digit
const NAMESPACE = "http://www.w3.org/2000/svg";
const state = { view: 0, unit: 0, words: data.span[0] ? [data.span[0][0], data.span[0][1] - 1] : null, hover: null, box: null, cursor: null };

const signed = value => {
  const text = Math.abs(value).toFixed(units[state.unit].digits);
  return value ? (value < 0 ? "−" : "+") + text : "0";
};
const made = (parent, name, attributes) => {
  const one = parent.appendChild(document.createElementNS(NAMESPACE, name));
  for (const [key, value] of Object.entries(attributes)) one.setAttribute(key, value);
  return one;
};
const pictures = all(".patches").map(patches => {
  const heat = patches.querySelector(".heat");
  heat.replaceChildren();
  const squares = Array.from({ length: cells }, (_, cell) =>
    made(heat, "rect", { x: cell % columns, y: Math.floor(cell / columns), width: 1, height: 1 }));
  const marks = ["frame white", "frame", "cursor"].map(name => made(heat, "rect", { class: name, display: "none" }));
  return { patches, heat, squares, marks, svg: patches.querySelector("svg"), under: patches.querySelector(".under") };
});

function shownBy(panel) { // the numbers of a panel in the unit that is chosen
  const from = models === 1 ? state.view : 2 * state.view + (panel === 2 ? 1 : panel);
  const one = views[from], factor = one.factors[state.unit], less = panel === 2 ? views[from - 1] : null;
  const taken = less ? less.factors[state.unit] : 0;
  const join = pick => Float64Array.from(pick(one), (value, n) => factor * value - (less ? taken * pick(less)[n] : 0));
  return {
    words: one.words, heats: one.words.map((_, word) => join(view => view.heats[word])), onClass: join(view => view.onClass),
    alone: join(view => view.alone), patchesAlone: join(view => view.patchesAlone),
  };
}
const ordered = (a, b) => [Math.min(a, b), Math.max(a, b)];
const edges = box => [...ordered(box[0], box[2]), ...ordered(box[1], box[3])]; // top, bottom, left, right
function within(box, cell) {
  if (!box) return true;
  const [top, bottom, left, right] = edges(box), row = Math.floor(cell / columns), column = cell % columns;
  return row >= top && row <= bottom && column >= left && column <= right;
}
const inBox = (heats, box) => heats.reduce((sum, value, cell) => sum + (within(box, cell) ? value : 0), 0);
function chosen() {
  const count = views[models * state.view].words.length;
  const span = state.hover !== null ? [state.hover, state.hover] : state.words;
  return span ? ordered(...span) : [0, count - 1];
}
function place(mark, box) {
  mark.setAttribute("display", box ? "inline" : "none");
  if (!box) return;
  const [top, bottom, left, right] = edges(box);
  for (const [key, value] of Object.entries({ x: left, y: top, width: right - left + 1, height: bottom - top + 1 }))
    mark.setAttribute(key, value);
}
function draw() {
  const [first, last] = chosen();
  const told = pictures.map((picture, panel) => drawPanel(picture, panel, first, last));
  said.replaceChildren(...told.map((text, panel) => {
    const line = document.createElement("span");
    line.textContent = (panels > 1 ? `${data.titles[panel]}: ` : "") + text;
    return line;
  }));
}
function drawPanel(picture, panel, first, last) {
  const view = shownBy(panel), shown = new Float64Array(cells), { limit } = units[state.unit];
  const everything = first === 0 && last === view.words.length - 1;
  for (let word = first; word <= last; word++) view.heats[word].forEach((value, cell) => { shown[cell] += value; });
  const together = inBox(shown, state.box);
  if (main.checked && everything) view.patchesAlone.forEach((value, cell) => { shown[cell] += value; });
  picture.squares.forEach((square, cell) => {
    const value = shown[cell];
    square.setAttribute("fill", data.colours[value > 0 ? 1 : 0]);
    square.setAttribute("fill-opacity", bare.checked ? 0 : data.strongest * Math.min(1, Math.abs(value) / limit));
  });
  picture.under.setAttribute("href", bare.checked ? "#colour" : "#grey");
  place(picture.marks[0], state.box);
  place(picture.marks[1], state.box);
  const cursor = document.activeElement === picture.patches && state.cursor;
  place(picture.marks[2], cursor ? [...state.cursor, ...state.cursor] : null);
  // what a word adds alone belongs to no patch: it is a part of its bar only where all patches are
  const bars = view.heats.map((one, word) => inBox(one, state.box) + (main.checked && !state.box ? view.alone[word] : 0));
  const largest = Math.max(...bars.map(Math.abs), 1e-12);
  all(`.view[data-view="${state.view}"] .chips[data-panel="${panel}"] .chip`).forEach((chip, word) => {
    const bar = chip.querySelector("i");
    bar.className = bars[word] >= 0 ? "plus" : "minus";
    bar.style.height = `${50 * Math.abs(bars[word]) / largest}%`;
    chip.querySelector(".n").textContent = signed(bars[word]);
    const span = state.words && ordered(...state.words);
    chip.setAttribute("aria-pressed", String(Boolean(span && word >= span[0] && word <= span[1])));
  });
  return tell(picture, view, first, last, shown, together);
}
function tell(picture, view, first, last, shown, together) {
  const everything = first === 0 && last === view.words.length - 1;
  const who = everything ? "All words" : `“${view.words.slice(first, last + 1).join(" ")}”`;
  const sum = array => array.slice(first, last + 1).reduce((a, b) => a + b, 0);
  const box = state.box && edges(state.box), many = box && (box[1] - box[0] + 1) * (box[3] - box[2] + 1);
  const where = box ? `the ${many} patch${many > 1 ? "es" : ""} in the box` : "all patches";
  const peak = shown.indexOf(Math.max(...shown));
  let text = `${who} and ${where} add ${signed(together)} together; with the class token ` +
    `${signed(sum(view.onClass))}; on the blank image ${signed(sum(view.alone))}.`;
  if (main.checked) text += ` With a blank caption ${where} add ${signed(inBox(view.patchesAlone, state.box))}.`;
  picture.svg.setAttribute("aria-label", `Heat of ${who}: ${signed(inBox(shown, null))} over all patches`);
  return text + (box ? "" : ` Most at row ${Math.floor(peak / columns) + 1}, column ${peak % columns + 1}.`);
}
function measure(number) { // in another unit
  state.unit = number;
  const { limit } = units[number];
  all(".scale").forEach(scale => {
    const [low, high] = scale.querySelectorAll("span");
    low.textContent = signed(-limit);
    high.textContent = signed(limit);
    scale.setAttribute("aria-label", `Colour scale: blue ${signed(-limit)}, orange ${signed(limit)}`);
  });
  const factor = views[0].factors[number];
  exact.forEach(([one, written]) => { one.textContent = factor === 1 ? written : signed(Number(one.dataset.value) * factor); });
  draw();
}

function clear() {
  Object.assign(state, { words: null, hover: null, box: null, cursor: null });
  draw();
}
function show(number) {
  Object.assign(state, { view: number, words: null, hover: null });
  all(".view").forEach(one => { one.hidden = Number(one.dataset.view) !== number; });
  draw();
}
let dragged = null; // the word or the patch at which a drag began
function wordEvents(chip) {
  const word = Number(chip.dataset.word);
  chip.addEventListener("pointerdown", event => {
    if (event.button) return;
    // A touch holds on to where it began, and no other word would hear of it.
    if (chip.hasPointerCapture(event.pointerId)) chip.releasePointerCapture(event.pointerId);
    const alone = state.words && state.words[0] === word && state.words[1] === word;
    dragged = { word, again: Boolean(alone) };
    state.words = event.shiftKey && state.words ? [state.words[0], word] : [word, word];
    state.hover = null;
    draw();
  });
  chip.addEventListener("pointerenter", () => {
    if (dragged && "word" in dragged) {
      if (word !== dragged.word) dragged.again = false;
      state.words = [dragged.word, word];
    } else if (!state.words) state.hover = word;
    draw();
  });
  chip.addEventListener("pointerleave", () => { state.hover = null; draw(); });
  chip.addEventListener("pointerup", () => {
    if (dragged && dragged.again && dragged.word === word) state.words = null; // the same word a second time
    draw();
  });
  chip.addEventListener("focus", () => { if (!state.words && !dragged) { state.hover = word; draw(); } });
  chip.addEventListener("blur", () => { state.hover = null; draw(); });
  chip.addEventListener("click", event => { // the keyboard's Enter and Space come without a pointer
    if (event.detail) return;
    const same = state.words && state.words[0] === word && state.words[1] === word;
    state.words = same ? null : [word, word];
    state.hover = null;
    draw();
  });
  chip.addEventListener("keydown", event => wordKey(event, chip, word));
}
function wordKey(event, chip, word) {
  if (event.key === "Escape") return clear();
  const chips = [...chip.parentElement.children], ends = { Home: 0, End: chips.length - 1 };
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  const to = step === undefined ? ends[event.key] : Math.min(chips.length - 1, Math.max(0, word + step));
  if (to === undefined) return;
  event.preventDefault();
  if (event.shiftKey) state.words = [state.words ? state.words[0] : word, to];
  else state.words = null;
  chips.forEach((one, number) => { one.tabIndex = number === to ? 0 : -1; });
  chips[to].focus();
  if (!event.shiftKey) state.hover = to;
  draw();
}
function patchAt(event, heat) {
  const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(heat.getScreenCTM().inverse());
  const bounded = (value, most) => Math.min(most - 1, Math.max(0, Math.floor(value)));
  return [bounded(point.y, rows), bounded(point.x, columns)];
}
function patchKey(event) {
  if (event.key === "Escape") return clear();
  const move = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
  if (!move) return;
  event.preventDefault();
  const from = state.cursor || [0, 0];
  const to = state.cursor ? [from[0] + move[0], from[1] + move[1]] : from;
  state.cursor = [Math.min(rows - 1, Math.max(0, to[0])), Math.min(columns - 1, Math.max(0, to[1]))];
  const start = event.shiftKey ? (state.box ? state.box.slice(0, 2) : from) : state.cursor;
  state.box = [...start, ...state.cursor];
  draw();
}
function patchEvents({ patches, heat }) {
  patches.addEventListener("pointerdown", event => {
    if (event.button) return;
    patches.setPointerCapture(event.pointerId);
    const patch = patchAt(event, heat), old = state.box;
    dragged = { patch, again: Boolean(old && [...patch, ...patch].every((value, n) => value === old[n])) };
    state.box = [...patch, ...patch];
    state.cursor = patch;
    draw();
  });
  patches.addEventListener("pointermove", event => {
    if (!dragged || !("patch" in dragged)) return;
    const patch = patchAt(event, heat);
    if (patch.some((value, n) => value !== dragged.patch[n])) dragged.again = false;
    state.box = [...dragged.patch, ...patch];
    draw();
  });
  patches.addEventListener("pointerup", () => {
    if (dragged && dragged.again) state.box = null; // the same patch a second time
    draw();
  });
  patches.addEventListener("keydown", patchKey);
  for (const name of ["focus", "blur"]) patches.addEventListener(name, draw);
  patches.tabIndex = 0;
}
pictures.forEach(patchEvents);
for (const name of ["pointerup", "pointercancel"]) window.addEventListener(name, () => { dragged = null; });
all(".chip").forEach(wordEvents);
all('input[name="view"]').forEach(radio => radio.addEventListener("change", () => show(Number(radio.value))));
all('input[name="unit"]').forEach(radio => radio.addEventListener("change", () => measure(Number(radio.value))));
for (const box of [bare, main]) box.addEventListener("change", draw);
document.documentElement.classList.add("scripted");
const start = state.words;
show(Number((document.querySelector('input[name="view"]:checked') || { value: 0 }).value));
state.words = start;
measure(Number((document.querySelector('input[name="unit"]:checked') || { value: 0 }).value));
