const TALL = 200, SIDE = 70;

/** A bar for each layer and method at one place of the table. */
function drawLayers() {
  const known = cells.filter((cell) => !cell.level && Object.keys(cell.layers).length);
  const label = (cell) => [cell.panel.title, other(cell)].filter(Boolean).join(", ");
  const places = distinct(known.map(label));
  if (!places.length) return [make("p", { class: "quiet" }, "No run says what its layers kept.")];
  const choice = make("select", { onchange: draw }, ...places.map((name) => make("option", {}, name)));
  const kept = make("input", { type: "checkbox", onchange: draw });
  const holder = make("div", { class: "scroll", role: "region", tabindex: 0, "aria-label": "Layers" });
  function draw() {
    const chosen = known.filter((cell) => label(cell) === choice.value && visible(cell.curve));
    holder.replaceChildren(drawBars(chosen, kept.checked));
  }
  watch(draw);
  addEventListener("resize", draw);
  const controls = make("p", {},
    make("label", {}, "at ", choice), make("label", {}, kept, " weights kept, logarithmic"));
  return [controls, holder];
}

/** Sparsities in percent, or what is kept in powers of ten. */
function height(kept, lowest) {
  if (!kept) return (sparsity) => TALL * (sparsity / 100);
  return (sparsity) =>
    sparsity < 100 ? TALL * Math.max(0, 1 - Math.log10((100 - sparsity) / 100) / lowest) : 0;
}

function drawBars(chosen, kept) {
  if (!chosen.length) return make("p", { class: "quiet" }, "No method is chosen.");
  const layers = distinct(chosen.flatMap((cell) => Object.keys(cell.layers)));
  const shares = chosen.flatMap((cell) => Object.values(cell.layers)).map(([mean]) => 1 - mean / 100);
  const lowest = Math.min(-1, Math.floor(Math.log10(Math.min(...shares.filter((share) => share > 0), 1)) - 1e-9));
  const tall = height(kept, lowest);
  const group = Math.max(26, 7 * chosen.length + 10, (place("layers").clientWidth - SIDE - 12) / layers.length);
  const wide = Math.min(22, (group - 8) / chosen.length);
  const longest = Math.max(...layers.map((layer) => short(layer).length));
  const size = { width: SIDE + group * layers.length + 8, height: TOP + TALL + 26 + 4.5 * longest };
  const parts = barsFrame(kept, lowest, size.width);
  const marks = [];
  layers.forEach((layer, index) => {
    const middle = SIDE + group * (index + 0.5);
    const at = `translate(${middle + 3},${TOP + TALL + 12}) rotate(-40)`;
    parts.push(make("text", { transform: at, "text-anchor": "end" }, short(layer)));
    chosen.forEach((cell, turn) => {
      const x = middle + wide * (turn - chosen.length / 2);
      if (cell.layers[layer]) marks.push(bar(cell, layer, x, wide, tall));
    });
  });
  const looks = { ...size, viewBox: `0 0 ${size.width} ${size.height}`, role: "group" };
  looks["aria-label"] = kept ? "Weights kept of each layer" : "Sparsity of each layer";
  return explore(make("svg", looks, ...parts, ...marks.map((mark) => mark.element)), marks);
}

function bar(cell, layer, x, wide, tall) {
  const [mean, least, most] = cell.layers[layer];
  const size = tall(mean);
  const text = `${cell.curve}, ${layer}\nsparsity ${Number(mean.toPrecision(6))} %`
    + (cell.n > 1 ? ` (${least} to ${most}, n=${cell.n})` : "");
  const box = { class: "mark", x, y: TOP + TALL - size, width: wide - 1, height: size };
  const { colour, dash } = look(cell.curve);
  const paint = { fill: colour, "fill-opacity": dash === "none" ? 1 : 0.5 }; // a colour's second method
  const element = size > 0 ? make("rect", { ...box, ...paint })
    : make("text", { class: "mark", x: x + wide / 2, y: TOP + TALL - 3, "text-anchor": "middle" },
      mean === 100 ? "∅" : "");
  const inside = (at) => at >= x && at < x + wide;
  return { element, text, distance: (at) => (inside(at) ? 0 : Infinity) };
}

function barsFrame(kept, lowest, width) {
  const ticks = kept
    ? Array.from({ length: 1 - lowest }, (_, index) => [TALL * (1 + index / lowest), 10 ** (2 - index)])
    : [0, 25, 50, 75, 100].map((value) => [(TALL * value) / 100, value]);
  const label = kept ? "weights kept (%)" : "sparsity of the layer (%)";
  return [upright(label, TOP, TOP + TALL), ...ticks.flatMap(([size, value]) => {
    const y = TOP + TALL - size;
    return [
      make("line", { class: "grid", x1: SIDE, x2: width, y1: y, y2: y }),
      make("text", { x: SIDE - 6, y: y + 4, "text-anchor": "end" }, Number(value.toPrecision(3))),
    ];
  })];
}
