// The page of attn-viz: shows a pattern for the values of its controls. MASKS, KEY_CLASSES and BOXES (before this script) hold
// functions for each entry point; #data the pattern's parameters, operands and the first call. Nothing is loaded, and text of
// the pattern goes to the page as text only.
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
  const { q, kv } = state, columns = columnsOf(state), group = DATA.qHeads / DATA.kvHeads;
  const n = { batch: DATA.request + 1, q_heads: DATA.qHeads, kv_heads: DATA.kvHeads, q_len: q, kv_len: kv };
  const call = [paramsOf(state), DATA.operands, n, DATA.request, state.head, Math.floor(state.head / group), state.layer];
  const show = MASKS[state.entry](...call), classOf = KEY_CLASSES[state.entry](...call);
  const first = firstPosition(state), pairs = new Int16Array(q * columns).fill(BEHIND), classes = [];
  for (let row = 0; row < q; ++row) {
    if (state.steps) [n.q_len, n.kv_len] = [1, kv - q + row + 1];
    const there = DATA.entries[state.entry].slots ? columns : n.kv_len;
    for (let key = 0; key < there; ++key) pairs[row * columns + key] = show(first + row, key);
    if (state.steps || row === 0) classes.push(Array.from({ length: there }, (_, key) => classOf(key)));
  }
  return { pairs, classes };
}

function paramsOf(state) { return DATA.params.map((p) => state.params[p.name]); }
function columnsOf(state) { return DATA.entries[state.entry].slots ? state.slots : state.kv; }
function boxesOf(state) { return state.steps ? null : BOXES[state.entry]; }

function firstPosition(state) {
  return DATA.positions === "tensor" ? DATA.qPos : DATA.positions === "bottom_right" ? state.kv - state.q : 0;
}

function count(to) { return Array.from({ length: to }, (_, i) => i); }
function intervals(length, size) {
  return count(Math.ceil(length / size)).map((i) => count(Math.min(size, length - i * size)).map((j) => i * size + j));
}

// The positions of each box of the sequence, without padding: boxOf in dialect/mask/TokenGrid.h.
function boxes(state, { extents, layout }, begin, end) {
  const n = { q_pos: begin, q_len: end - begin, kv_len: end }, found = [];
  for (let box = 0, number = 1; box < number; ++box) {
    const [total, first, ...axes] = layout(paramsOf(state), { ...n, box });
    number = total;
    let positions = [first];
    extents.forEach((_, a) => {
      const [step, indices] = axes.slice(2 * a);
      positions = positions.flatMap((position) => count(indices).map((i) => position + i * step));
    });
    found.push(positions.filter((position) => begin <= position && position < end).map((position) => position - begin));
  }
  return found;
}

// The tiles: the rows and the keys of each, in the order of the kernel, and how many keys a tile has room for.
function cut(state) {
  const { q, kv } = state, grid = boxesOf(state), first = firstPosition(state);
  if (!grid) return { rows: intervals(q, state.steps ? 1 : state.rows), keys: intervals(columnsOf(state), state.keys), room: state.keys };
  return { rows: boxes(state, grid.rows, first, first + q).filter((rows) => rows.length > 0), // others are not run
    keys: boxes(state, grid.keys, 0, kv), room: grid.keys.extents.reduce((a, b) => a * b) };
}

// What the tiles are, and the figures. A tile that reaches past the keys is partial, and one of several kernels.
function classify(state, { pairs, classes }) {
  const { rows, keys, room } = cut(state), columns = columnsOf(state), across = keys.length;
  const tiles = { rows, keys, kind: new Uint8Array(rows.length * across), map: new Int16Array(rows.length * across) };
  const n = { pairs: 0, visible: 0, full: 0, partial: 0, skipped: 0, blind: 0 };
  for (let i = 0; i < rows.length; ++i)
    for (let j = 0; j < across; ++j) {
      let all = 0, shown = 0, counts = new Map();
      for (const row of rows[i])
        for (const key of keys[j]) {
          const map = pairs[row * columns + key];
          all += map !== BEHIND;
          if (map >= 0) { ++shown; counts.set(map, (counts.get(map) || 0) + 1); }
        }
      const own = keys[j].map((key) => classes[state.steps ? i : 0][key]);
      const isFull = shown === rows[i].length * room && own.every((c) => c === own[0]);
      const kind = shown === 0 ? SKIPPED : isFull ? FULL : PARTIAL;
      tiles.kind[i * across + j] = kind;
      tiles.map[i * across + j] = [...counts].reduce((a, b) => (b[1] > a[1] ? b : a), [0, 0])[0];
      n.pairs += all;
      n.visible += shown;
      if (all || boxesOf(state)) ++n[["skipped", "partial", "full"][kind]]; // a box of padding is skipped
    }
  tiles.blind = count(state.q).map((row) => isBlind(state, pairs, row));
  n.blind = tiles.blind.filter(Boolean).length;
  return { tiles, figures: n };
}

// Whether a row sees nothing. Where keys are slots, it may see keys of the sequence.
function isBlind(state, pairs, row) {
  const columns = columnsOf(state);
  return !DATA.entries[state.entry].slots && !pairs.subarray(row * columns, (row + 1) * columns).some((map) => map >= 0);
}

// ---- the drawing ----

// Rows and keys from top and left: in the order of positions, or of boxes.
function orderOf(state, tiles) {
  const inBoxes = state.inBoxes && boxesOf(state);
  return inBoxes ? { rows: tiles.rows.flat(), keys: tiles.keys.flat() } : { rows: count(state.q), keys: count(columnsOf(state)) };
}

// The tile of each row or key.
function tileOf(length, tiles) {
  const of = new Int32Array(length);
  tiles.forEach((own, tile) => own.forEach((i) => { of[i] = tile; }));
  return of;
}

// Draws the pairs in an order of rows and keys.
function paint(canvas, state, pairs, tiles, order) {
  const q = order.rows.length, kv = order.keys.length, scale = Math.max(1, Math.floor(640 / Math.max(q, kv)));
  const scaleY = Math.max(scale, Math.min(24, Math.floor(96 / q)));
  const rowTile = tileOf(q, tiles.rows), keyTile = tileOf(kv, tiles.keys);
  canvas.width = kv * scale;
  canvas.height = q * scaleY;
  const context = canvas.getContext("2d");
  const fill = (color, x, y, width, height) => { context.fillStyle = color; context.fillRect(x, y, width, height); };
  fill("#fff", 0, 0, canvas.width, canvas.height);
  for (let y = 0; y < q; ++y)
    for (let x = 0, end; x < kv; x = end) {
      const color = colorOf(order.rows[y], order.keys[x]);
      for (end = x + 1; end < kv && colorOf(order.rows[y], order.keys[end]) === color; ++end);
      fill(color, x * scale, y * scaleY, (end - x) * scale, scaleY);
    }
  if (!boxesOf(state) || state.inBoxes) {
    edges(tiles.keys, scale).forEach((x) => fill("#fff", x * scale, 0, 1, canvas.height));
    edges(tiles.rows, scaleY).forEach((y) => fill("#fff", 0, y * scaleY, canvas.width, 1));
  }
  order.rows.forEach((row, y) => { if (tiles.blind[row]) fill(DATA.colors.blind, 0, y * scaleY, 3, scaleY); });
  function colorOf(row, key) {
    const map = pairs[row * kv + key], tile = rowTile[row] * tiles.keys.length + keyTile[key];
    if (map === BEHIND) return "#fff";
    if (tiles.kind[tile] === SKIPPED) return DATA.colors.skipped;
    const shades = DATA.colors.maps[(map >= 0 ? map : tiles.map[tile]) % DATA.colors.maps.length];
    return tiles.kind[tile] === FULL ? shades.full : map >= 0 ? shades.shown : shades.ground;
  }
}

// Where one tile ends and the next begins, if they are large enough to tell apart.
function edges(tiles, scale) {
  if (tiles[0].length * scale < 6) return [];
  let end = 0;
  return tiles.slice(0, -1).map((own) => (end += own.length));
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
function slider(name, text, title, range, get, set, applies = () => true) {
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
  syncs.push(() => inputs.forEach((input) => {
    if (document.activeElement !== input) input.value = get();
    input.disabled = !applies();
  }));
}

function checkbox(name, text, title, applies = () => true) {
  const label = element("label", page.controls, "", { title });
  element("span", label, text);
  const box = element("input", label, "", { type: "checkbox", name });
  box.addEventListener("change", () => { state[name] = box.checked; update(); });
  syncs.push(() => { box.checked = state[name]; box.disabled = !applies(); });
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
  const own = (name, text, title, applies) =>
    slider(name, text, title, DATA.ranges[name], () => state[name], (value) => { state[name] = value; }, applies);
  const hasBoxes = () => boxesOf(state) !== null, hasIntervals = () => !hasBoxes();
  own("q", "queries", "rows");
  own("kv", "keys", "columns");
  if (DATA.ranges.slots.max > 0) own("slots", "slots", "keys of a cache of slots", () => DATA.entries[state.entry].slots);
  own("rows", "tile rows", "", hasIntervals);
  own("keys", "tile keys", "", hasIntervals);
  if (DATA.ranges.head.max > 0) own("head", "query head", "");
  if (DATA.ranges.layer.max > 0) own("layer", "layer", "");
  for (const p of DATA.params)
    slider("param-" + p.name, p.name, p.doc, p, () => state.params[p.name], (value) => { state.params[p.name] = value; });
  if (DATA.positions === "bottom_right")
    checkbox("steps", "rows are decode steps", "each row is a call of one query, with the keys up to itself");
  if (BOXES.some((grid) => grid !== null)) checkbox("inBoxes", "in the order of boxes", "else of positions", hasBoxes);
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
  if (typeof wanted.inBoxes === "boolean") state.inBoxes = wanted.inBoxes;
}

function update() {
  if (DATA.positions === "none") state.q = state.kv;
  if (state.steps) state.q = Math.min(state.q, state.kv);
  syncs.forEach((sync) => sync());
  try {
    const seen = lookAtPairs(state), { tiles, figures } = classify(state, seen), order = orderOf(state, tiles);
    paint(page.canvas, state, seen.pairs, tiles, order);
    drawn = { pairs: seen.pairs, order };
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
  const grid = boxesOf(state);
  if (grid) lines.push(`tiles are boxes of ${grid.rows.extents.join(" x ")} queries, ${grid.keys.extents.join(" x ")} keys`);
  if (DATA.entries[state.entry].scan) lines.push("runs as a scan: its state stands for the keys");
  else lines.push(visits ? `at most ${(tiles / visits).toFixed(2)} x faster than dense` : "no tile is visited");
  if (n.blind) lines.push(`rows without a visible key: ${n.blind}`);
  page.figures.textContent = lines.join("\n");
  page.figures.dataset.figures = JSON.stringify(n);
}

function showPair(event) {
  if (!drawn) return;
  const box = page.canvas.getBoundingClientRect();
  const { rows, keys } = drawn.order;
  const key = keys[Math.floor(((event.clientX - box.left) / box.width) * keys.length)];
  const row = rows[Math.floor(((event.clientY - box.top) / box.height) * rows.length)];
  if (key === undefined || row === undefined) return;
  const map = drawn.pairs[row * keys.length + key];
  const seen = map === BEHIND ? "not there yet" : map === HIDDEN ? "hidden"
    : DATA.maps.length > 1 ? `visible through ${DATA.maps[map]}` : "visible";
  page.pair.textContent = `query ${firstPosition(state) + row}, ${DATA.entries[state.entry].slots ? "slot" : "key"} ${key}, head ${state.head}: ${seen}`;
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
