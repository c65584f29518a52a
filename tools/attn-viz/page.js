// The page of attn-viz: shows a pattern for the values of its controls. MASKS and KEY_CLASSES (before this script) hold a
// function for each entry point; #data the pattern's parameters, operands and the first call. Nothing is loaded, and text of the
// pattern goes to the page as text only.
"use strict";

// ---- what the masks are written with: see JavaScript.h ----

function refuse(message) { throw new RangeError(message); }
function mod(a, b) { return b === 0 ? refuse("modulo zero") : ((a % b) + b) % b; }
function fdiv(a, b) { return b === 0 ? refuse("division by zero") : (a - mod(a, b)) / b; }
function lo(a, b) { return b < a ? b : a; }
function hi(a, b) { return a < b ? b : a; }
function pow2(x) {
  while (x > 1 && x % 2 === 0) x /= 2;
  return x === 1;
}
function whole(x) { return Math.abs(x) < 2 ** 63 ? Math.floor(x) : refuse("floor of a number that no integer holds"); }
function offsetOf(tensor, indices) {
  let offset = 0;
  for (let i = 0; i < indices.length; ++i)
    offset = offset * tensor.sizes[i] + Math.min(Math.max(indices[i], 0), Math.max(tensor.sizes[i] - 1, 0));
  return offset;
}
function at(tensor, ...indices) { return tensor.values[offsetOf(tensor, indices)]; }
function rowOf(tensor, indices) {
  const size = tensor.sizes[tensor.sizes.length - 1], start = offsetOf(tensor, indices) * size;
  return tensor.values.slice(start, start + size);
}
function member(tensor, x, from, to, ...indices) {
  const row = rowOf(tensor, indices), first = Math.min(Math.max(from, 0), row.length);
  return row.slice(first, Math.min(Math.max(to, first), row.length)).includes(x);
}
function ancestor(tensor, x, y, ...indices) {
  const row = rowOf(tensor, indices);
  while (x > y && x >= 0 && x < row.length && row[x] < x) x = row[x];
  return x === y;
}

// ---- the model ----

const DATA = JSON.parse(document.getElementById("data").textContent);
const HIDDEN = -1, BEHIND = -2;
const SKIPPED = 0, PARTIAL = 1, FULL = 2;

// Which pairs the state shows: for each pair the number of its kernel map. And the class of each key, of which kernels
// take one each: for all rows, or for each step.
function lookAtPairs(state) {
  const { q, kv } = state, group = DATA.qHeads / DATA.kvHeads;
  const n = { batch: DATA.request + 1, q_heads: DATA.qHeads, kv_heads: DATA.kvHeads, q_len: q, kv_len: kv };
  const call = [DATA.params.map((p) => state.params[p.name]), DATA.operands, n, DATA.request, state.head,
    Math.floor(state.head / group), state.layer];
  const show = MASKS[state.entry](...call), classOf = KEY_CLASSES[state.entry](...call);
  const first = firstPosition(state), pairs = new Int16Array(q * kv).fill(BEHIND), classes = [];
  for (let row = 0; row < q; ++row) {
    if (state.steps) [n.q_len, n.kv_len] = [1, kv - q + row + 1];
    for (let key = 0; key < n.kv_len; ++key) pairs[row * kv + key] = show(first + row, key);
    if (state.steps || row === 0) classes.push(Array.from({ length: n.kv_len }, (_, key) => classOf(key)));
  }
  return { pairs, classes };
}

function firstPosition(state) {
  return DATA.positions === "tensor" ? DATA.qPos : DATA.positions === "bottom_right" ? state.kv - state.q : 0;
}

// The tiles of the pairs, and the figures. A tile that reaches past the keys is partial, and one of several kernels.
function classify(state, { pairs, classes }) {
  const { q, kv, keys } = state, rows = state.steps ? 1 : state.rows;
  const down = Math.ceil(q / rows), across = Math.ceil(kv / keys);
  const tiles = { rows, keys, across, kind: new Uint8Array(down * across), map: new Int16Array(down * across) };
  const n = { pairs: 0, visible: 0, full: 0, partial: 0, skipped: 0, blind: 0 };
  for (let i = 0; i < down; ++i)
    for (let j = 0; j < across; ++j) {
      let all = 0, shown = 0, counts = new Map();
      for (let row = i * rows; row < Math.min((i + 1) * rows, q); ++row)
        for (let key = j * keys; key < Math.min((j + 1) * keys, kv); ++key) {
          const map = pairs[row * kv + key];
          all += map !== BEHIND;
          if (map >= 0) { ++shown; counts.set(map, (counts.get(map) || 0) + 1); }
        }
      const own = classes[state.steps ? i : 0].slice(j * keys, (j + 1) * keys);
      const isFull = shown === all && all % keys === 0 && own.every((c) => c === own[0]);
      const kind = shown === 0 ? SKIPPED : isFull ? FULL : PARTIAL;
      tiles.kind[i * across + j] = kind;
      tiles.map[i * across + j] = [...counts].reduce((a, b) => (b[1] > a[1] ? b : a), [0, 0])[0];
      n.pairs += all;
      n.visible += shown;
      if (all) ++n[["skipped", "partial", "full"][kind]];
    }
  for (let row = 0; row < q; ++row) n.blind += !pairs.subarray(row * kv, (row + 1) * kv).some((map) => map >= 0);
  return { tiles, figures: n };
}

// ---- the drawing ----

function paint(canvas, state, pairs, tiles) {
  const { q, kv } = state, scale = Math.max(1, Math.floor(640 / Math.max(q, kv)));
  const scaleY = Math.max(scale, Math.min(24, Math.floor(96 / q)));
  canvas.width = kv * scale;
  canvas.height = q * scaleY;
  const context = canvas.getContext("2d");
  const fill = (color, x, y, width, height) => { context.fillStyle = color; context.fillRect(x, y, width, height); };
  fill("#fff", 0, 0, canvas.width, canvas.height);
  for (let row = 0; row < q; ++row)
    for (let key = 0, end; key < kv; key = end) {
      const color = colorOf(row, key);
      for (end = key + 1; end < kv && colorOf(row, end) === color; ++end);
      fill(color, key * scale, row * scaleY, (end - key) * scale, scaleY);
    }
  for (let key = tiles.keys; key < kv && tiles.keys * scale >= 6; key += tiles.keys) fill("#fff", key * scale, 0, 1, canvas.height);
  for (let row = tiles.rows; row < q && tiles.rows * scaleY >= 6; row += tiles.rows) fill("#fff", 0, row * scaleY, canvas.width, 1);
  for (let row = 0; row < q; ++row)
    if (!pairs.subarray(row * kv, (row + 1) * kv).some((map) => map >= 0)) fill(DATA.colors.blind, 0, row * scaleY, 3, scaleY);
  function colorOf(row, key) {
    const map = pairs[row * kv + key], tile = Math.floor(row / tiles.rows) * tiles.across + Math.floor(key / tiles.keys);
    if (map === BEHIND) return "#fff";
    if (tiles.kind[tile] === SKIPPED) return DATA.colors.skipped;
    const shades = DATA.colors.maps[(map >= 0 ? map : tiles.map[tile]) % DATA.colors.maps.length];
    return tiles.kind[tile] === FULL ? shades.full : map >= 0 ? shades.shown : shades.ground;
  }
}

// ---- the page ----

function element(tag, parent, text = "", attributes = {}) {
  const made = parent.appendChild(document.createElement(tag));
  made.textContent = text;
  for (const name in attributes) made.setAttribute(name, attributes[name]);
  return made;
}

const page = { controls: document.getElementById("controls"), canvas: document.getElementById("canvas"),
  pair: document.getElementById("pair"), figures: document.getElementById("figures"), legend: document.getElementById("legend") };
const state = Object.assign({}, DATA.state, { params: Object.fromEntries(DATA.params.map((p) => [p.name, p.value])) });
const syncs = []; // put the state into the controls
let drawn = null;

// A slider and a number field for one value.
function slider(name, text, title, range, get, set) {
  const label = element("label", page.controls, "", { title });
  element("span", label, text);
  const attributes = { min: range.min, max: range.max, step: range.step };
  const inputs = ["range", "number"].map((type) => element("input", label, "", { type, name, ...attributes }));
  for (const input of inputs)
    input.addEventListener("input", () => {
      if (input.value === "" || !isFinite(input.value)) return;
      set(clamp(Number(input.value), range));
      update();
    });
  syncs.push(() => inputs.forEach((input) => { if (document.activeElement !== input) input.value = get(); }));
}

function clamp(value, range) {
  const inside = Math.min(Math.max(value, range.min), range.max);
  return range.step === "any" ? inside : Math.round(inside);
}

function buildControls() {
  if (DATA.entries.length > 1) {
    const label = element("label", page.controls);
    element("span", label, "entry point");
    const select = element("select", label, "", { name: "entry" });
    DATA.entries.forEach((entry, i) => element("option", select, entry.name, { value: i }));
    select.addEventListener("change", () => { state.entry = Number(select.value); update(); });
    syncs.push(() => { select.value = state.entry; });
  }
  const own = (name, text, title) => slider(name, text, title, DATA.ranges[name], () => state[name], (value) => { state[name] = value; });
  own("q", "queries", "rows");
  own("kv", "keys", "columns");
  own("rows", "tile rows", "");
  own("keys", "tile keys", "");
  if (DATA.ranges.head.max > 0) own("head", "query head", "");
  if (DATA.ranges.layer.max > 0) own("layer", "layer", "");
  for (const p of DATA.params)
    slider("param-" + p.name, p.name, p.doc, p, () => state.params[p.name], (value) => { state.params[p.name] = value; });
  if (DATA.positions === "bottom_right") {
    const label = element("label", page.controls, "", { title: "each row is a call of one query, with the keys up to itself" });
    element("span", label, "rows are decode steps");
    const box = element("input", label, "", { type: "checkbox", name: "steps" });
    box.addEventListener("change", () => { state.steps = box.checked; update(); });
    syncs.push(() => { box.checked = state.steps; });
  }
}

// The state as others can be sent it: page.html#{"kv":128}. What it does not name stays; what it must not be is mended.
function readHash() {
  let wanted;
  try { wanted = JSON.parse(decodeURIComponent(location.hash.slice(1)) || "{}"); } catch { return; }
  for (const name in DATA.ranges)
    if (Number.isFinite(wanted[name])) state[name] = clamp(wanted[name], DATA.ranges[name]);
  for (const p of DATA.params)
    if (wanted.params && Number.isFinite(wanted.params[p.name])) state.params[p.name] = clamp(wanted.params[p.name], p);
  const entry = DATA.entries.findIndex((e) => e.name === wanted.entry);
  if (entry >= 0) state.entry = entry;
  if (typeof wanted.steps === "boolean") state.steps = wanted.steps && DATA.positions === "bottom_right";
}

function update() {
  if (DATA.positions === "none") state.q = state.kv;
  if (state.steps) state.q = Math.min(state.q, state.kv);
  syncs.forEach((sync) => sync());
  try {
    const seen = lookAtPairs(state), { tiles, figures } = classify(state, seen);
    paint(page.canvas, state, seen.pairs, tiles);
    drawn = seen;
    showFigures(figures);
  } catch (problem) { // a divisor of zero
    if (!(problem instanceof RangeError)) throw problem;
    drawn = null;
    page.figures.textContent = problem.message;
    page.figures.dataset.figures = "";
  }
  page.pair.textContent = "";
}

function showFigures(n) {
  const visits = n.full + n.partial, tiles = visits + n.skipped;
  const lines = [`${n.visible} of ${n.pairs} pairs are visible (${((100 * n.visible) / n.pairs).toFixed(1)} %)`,
    `tiles: ${n.full} full, ${n.partial} partial, ${n.skipped} skipped`];
  if (DATA.entries[state.entry].scan) lines.push("runs as a scan: its state stands for the keys");
  else if (DATA.entries[state.entry].boxes) lines.push("its kernels visit boxes of the token grid, here tiles are intervals");
  else lines.push(visits ? `at most ${(tiles / visits).toFixed(2)} x faster than dense` : "no tile is visited");
  if (n.blind) lines.push(`rows without a visible key: ${n.blind}`);
  page.figures.textContent = lines.join("\n");
  page.figures.dataset.figures = JSON.stringify(n);
}

function showPair(event) {
  if (!drawn) return;
  const box = page.canvas.getBoundingClientRect();
  const key = Math.floor(((event.clientX - box.left) / box.width) * state.kv);
  const row = Math.floor(((event.clientY - box.top) / box.height) * state.q);
  if (key < 0 || row < 0 || key >= state.kv || row >= state.q) return;
  const map = drawn.pairs[row * state.kv + key];
  const seen = map === BEHIND ? "not there yet" : map === HIDDEN ? "hidden"
    : DATA.maps.length > 1 ? `visible through ${DATA.maps[map]}` : "visible";
  page.pair.textContent = `query ${firstPosition(state) + row}, key ${key}, head ${state.head}: ${seen}`;
}

function buildLegend() {
  const item = (colors, text) => {
    const line = element("span", page.legend);
    for (const color of colors) element("i", line).style.background = color;
    element("span", line, text);
  };
  const first = DATA.colors.maps[0];
  item([first.full], "full tile");
  item([first.shown, first.ground], "partial tile: visible and hidden pairs");
  item([DATA.colors.skipped], "skipped tile");
  item([DATA.colors.blind], "row without a visible key");
  if (DATA.maps.length > 1)
    DATA.maps.forEach((name, i) => { const c = DATA.colors.maps[i % DATA.colors.maps.length]; item([c.full, c.shown], name); });
}

buildControls();
buildLegend();
page.canvas.addEventListener("mousemove", showPair);
window.addEventListener("hashchange", () => { readHash(); update(); });
readHash();
update();
