const WIDTH = 560, HEIGHT = 350, LEFT = 58, RIGHT = 12, TOP = 12, BOTTOM = 40;

/** What the horizontal axes are: shares of weights or FLOPs, logarithmic, falling to the right. */
const AXES = {
  sparsity: {
    label: "sparsity (%)",
    share: (cell) => (isNumber(cell.sparsity) && cell.sparsity < 1 ? 1 - cell.sparsity : null),
    ticks: (shares) => distinct(shares).sort((a, b) => b - a),
    write: (share) => Number((100 * (1 - share)).toPrecision(4)),
    published: true,
  },
  flops: {
    label: "FLOPs kept (%)",
    share: (cell) => (cell.flops ? cell.flops / 100 : null),
    ticks: (shares) => powers(Math.min(...shares), Math.max(...shares)),
    write: (share) => Number((100 * share).toPrecision(3)),
    published: false, // what was published does not say
  },
};

/** 1, 2 and 5 times powers of ten in a range, and a little beyond; from high to low. */
function powers(low, high) {
  const found = [];
  for (let power = Math.floor(Math.log10(low)) - 1; power <= Math.log10(high); power++)
    for (const step of [1, 2, 5]) found.push(step * 10 ** power);
  const inside = found.filter((value) => value >= low * 0.9 && value <= high * 1.1);
  return inside.length ? inside.reverse() : [high];
}

function steps(low, high) {
  const raw = (high - low) / 5;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= raw);
  const found = [];
  for (let value = Math.ceil(low / step); value * step <= high; value++) found.push(value * step);
  return found;
}

/** Where shares and accuracies stand, with a margin around all that is there. */
function scales(shares, values) {
  const ends = [Math.min(...values), Math.max(...values)];
  const gap = 0.06 * (ends[1] - ends[0]) || 1;
  const [low, high] = [ends[0] - gap, ends[1] + gap];
  const logs = shares.map(Math.log10);
  const margin = 0.06 * (Math.max(...logs) - Math.min(...logs)) || 0.5;
  const [left, right] = [Math.max(...logs) + margin, Math.min(...logs) - margin];
  return {
    low, high,
    x: (share) => LEFT + ((left - Math.log10(share)) / (left - right)) * (WIDTH - LEFT - RIGHT),
    y: (value) => TOP + ((high - value) / (high - low)) * (HEIGHT - TOP - BOTTOM),
  };
}

function frame(axis, scale, shares) {
  const parts = [];
  for (const value of steps(scale.low, scale.high)) {
    const y = scale.y(value);
    parts.push(make("line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: y, y2: y }));
    parts.push(make("text", { x: LEFT - 6, y: y + 4, "text-anchor": "end" }, Number(value.toPrecision(6))));
  }
  let last = -Infinity;
  for (const share of axis.ticks(shares)) {
    const x = scale.x(share);
    parts.push(make("line", { class: "grid", x1: x, x2: x, y1: TOP, y2: HEIGHT - BOTTOM }));
    if (x - last < 42) continue;
    parts.push(make("text", { x, y: HEIGHT - BOTTOM + 16, "text-anchor": "middle" }, axis.write(share)));
    last = x;
  }
  const middle = (LEFT + WIDTH - RIGHT) / 2;
  parts.push(make("text", { x: middle, y: HEIGHT - 6, "text-anchor": "middle" }, axis.label));
  return [...parts, upright("test accuracy (%)", TOP, HEIGHT - BOTTOM)];
}

/** The name of a vertical axis, beside its middle. */
function upright(label, top, bottom) {
  const at = `translate(13,${(top + bottom) / 2}) rotate(-90)`;
  return make("text", { transform: at, "text-anchor": "middle" }, label);
}

/** All that is known of a cell, a line each. */
function describe(cell) {
  const lines = [cell.level ? cell.curve : `${cell.curve}, ${other(cell)}`];
  lines.push(cell.n ? `ours ${spread(cell.mean, cell.std)} (${counts(cell)})` : counts(cell));
  const seeds = cell.seeds.map(([seed, value]) => `seed ${seed}: ${fixed(value)}`);
  if (seeds.length) lines.push(seeds.join(", "));
  if (isNumber(cell.flops)) lines.push(`FLOPs kept ${Number(cell.flops.toPrecision(4))} %`);
  if (cell.published) lines.push(`published ${published(cell)}`);
  if (cell.difference !== null) lines.push(`difference ${difference(cell)}`);
  return lines.join("\n");
}

/** Accuracy over one axis; drawn again when methods come or go. */
function chart(panel, axis) {
  const holder = make("div");
  watch(() => holder.replaceChildren(drawChart(panel, axis)));
  return holder;
}

function drawChart(panel, axis) {
  const shown = panel.cells.filter((cell) => visible(cell.curve) && (cell.n || cell.published));
  const spots = shown.filter((cell) => !cell.level && axis.share(cell) && (cell.n || axis.published));
  const flat = distinct(shown.filter((cell) => cell.level).map((cell) => cell.curve))
    .map((name) => shown.find((cell) => cell.curve === name));
  if (!spots.length) return make("p", { class: "quiet" }, `No numbers to draw over ${axis.label}.`);
  const values = [...spots, ...flat].flatMap((cell) => [
    ...(cell.n ? [cell.mean - (cell.std ?? 0), cell.mean + (cell.std ?? 0)] : []),
    ...(cell.published && axis.published ? [cell.published.mean] : []),
  ]);
  const shares = spots.map(axis.share);
  const scale = scales(shares, values);
  const marks = [];
  const lines = flat.flatMap((cell) => drawLevel(cell, axis, scale, marks));
  for (const name of distinct(spots.map((cell) => cell.curve))) {
    const curve = spots.filter((cell) => cell.curve === name);
    lines.push(...drawCurve(curve.sort((a, b) => axis.share(b) - axis.share(a)), axis, scale, marks));
  }
  const looks = { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "group" };
  looks["aria-label"] = `Test accuracy (%) against ${axis.label} ${panel.title}`;
  const drawing = make("svg", looks, ...frame(axis, scale, shares), ...lines, ...marks.map((mark) => mark.element));
  return explore(drawing, marks);
}

/** A dense network: a line across whatever stands below; published is dotted. */
function drawLevel(cell, axis, scale, marks) {
  const { colour, dash } = look(cell.curve);
  const across = (value, dashes) => {
    const d = `M${LEFT},${scale.y(value)}H${WIDTH - RIGHT}`;
    const element = make("path", { class: "mark", d, stroke: colour, "stroke-width": 1.5, "stroke-dasharray": dashes });
    marks.push({ element, text: describe(cell), distance: (x, y) => 6 + Math.abs(y - scale.y(value)) });
  };
  if (cell.n) across(cell.mean, dash);
  if (axis.published && cell.published) across(cell.published.mean, "1 3");
  if (!cell.n || !cell.std) return [];
  const top = scale.y(cell.mean + cell.std), bottom = scale.y(cell.mean - cell.std);
  return [make("rect", { x: LEFT, y: top, width: WIDTH - LEFT - RIGHT, height: bottom - top, fill: colour, opacity: 0.12 })];
}

/** A line through our means with a band of one deviation, and a mark a cell. */
function drawCurve(curve, axis, scale, marks) {
  const { colour, shape, dash } = look(curve[0].curve);
  const at = (cell, value) => `${scale.x(axis.share(cell)).toFixed(1)},${scale.y(value).toFixed(1)}`;
  const ours = curve.filter((cell) => cell.n);
  const edge = (cells, sign) => cells.map((cell) => at(cell, cell.mean + sign * (cell.std ?? 0)));
  const band = `M${[...edge(ours, 1), ...edge([...ours].reverse(), -1)].join("L")}z`;
  const bars = ours.filter((cell) => cell.std).map((cell) => `M${edge([cell], 1)}L${edge([cell], -1)}`);
  const stroke = { fill: "none", stroke: colour };
  const parts = [];
  if (ours.length > 1) parts.push(make("path", { d: band, fill: colour, opacity: 0.13 }));
  if (ours.length) parts.push(
    make("path", { ...stroke, d: `M${ours.map((cell) => at(cell, cell.mean)).join("L")}`, "stroke-width": 1.8, "stroke-dasharray": dash }),
    make("path", { ...stroke, d: bars.join("") || "M0,0" }));
  for (const cell of curve) {
    if (cell.n) marks.push(mark(cell, cell.mean, { d: shape, fill: colour, stroke: colour }));
    if (cell.n && cell.collapsed) parts.push(make("path", { ...stroke, d: CROSS, transform: `translate(${at(cell, cell.mean)})` }));
    if (axis.published && cell.published) marks.push(mark(cell, cell.published.mean, { ...stroke, d: shape }));
  }
  return parts;

  function mark(cell, value, looks) {
    const element = make("path", { class: "mark", ...looks, "stroke-width": 1.5, transform: `translate(${at(cell, value)})` });
    const [x0, y0] = [scale.x(axis.share(cell)), scale.y(value)];
    return { element, text: describe(cell), distance: (x, y) => Math.hypot(x - x0, y - y0) };
  }
}

/** Let pointer and keyboard find the marks of a drawing: the nearest one tells what it is. */
function explore(drawing, marks) {
  marks.forEach(({ element, text }, index) => {
    for (const [name, value] of [["tabindex", index ? -1 : 0], ["role", "img"], ["aria-label", text]])
      element.setAttribute(name, value);
    element.addEventListener("focus", () => show(marks[index]));
    element.addEventListener("blur", hide);
  });
  drawing.addEventListener("pointerleave", hide);
  drawing.addEventListener("pointermove", (event) => {
    const box = drawing.getBoundingClientRect();
    const scale = drawing.viewBox.baseVal.width / box.width;
    const [x, y] = [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
    const distances = marks.map((mark) => mark.distance(x, y));
    const least = Math.min(...distances);
    if (least < 24) show(marks[distances.indexOf(least)], event);
    else hide();
  });
  drawing.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape") hide();
    if (!step) return;
    event.preventDefault();
    const now = marks.findIndex((mark) => mark.element === document.activeElement);
    marks[(now + step + marks.length) % marks.length].element.focus();
  });
  return drawing;
}

function hide() {
  tip.hidden = true;
  document.querySelector(".near")?.classList.remove("near");
}

/** The tooltip of a mark, above the pointer, or above the mark if the keyboard found it. */
function show({ element, text }, event) {
  hide();
  element.classList.add("near");
  tip.textContent = text;
  tip.hidden = false;
  const box = element.getBoundingClientRect();
  const x = event ? event.clientX : box.left + box.width / 2;
  const y = event ? event.clientY : box.top;
  const left = Math.min(x + 12, innerWidth - tip.offsetWidth - 8);
  tip.style.left = `${Math.max(8, left)}px`;
  tip.style.top = `${Math.max(8, y - tip.offsetHeight - 12)}px`;
}
