"use strict";

const data = JSON.parse(document.getElementById("data").textContent);
const place = (id) => document.getElementById(id);
const tip = place("tip");
const off = new Set(); // curves that the legend switched off
const watchers = []; // what is drawn again when methods are filtered or switched off
let wanted = []; // texts of the filter; a method passes that holds any of them

const SVG = place("blank").namespaceURI;
const DRAWN = new Set(["svg", "g", "path", "line", "rect", "text"]);

/** An element with attributes, listeners ("onclick") and children; a string is text, never HTML. */
function make(tag, attributes = {}, ...children) {
  const element = DRAWN.has(tag) ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== ""));
  return element;
}

const isNumber = (value) => typeof value === "number";
const fixed = (value, digits = 2) => (isNumber(value) ? value.toFixed(digits) : "–");
const spread = (value, std) => fixed(value) + (isNumber(std) ? ` ± ${fixed(std)}` : "");
const whole = (value) => fixed(value, 0);
const signed = (value) => (value < 0 ? "−" : "+") + fixed(Math.abs(value));
const percent = (share) => (isNumber(share) ? `${Number((100 * share).toPrecision(6))} %` : "–");
const short = (layer) => layer.replace(/\.weight$/, "");
const distinct = (values) => [...new Set(values)];

/** How many runs count, and what became of the others. */
function counts(cell) {
  if (!cell.asked) return "-"; // nothing was ever run here
  const parts = [`n=${cell.n}` + (cell.n < cell.asked ? ` of ${cell.asked}` : "")];
  for (const word of ["collapsed", "failed", "missing"])
    if (cell[word] && (word !== "missing" || !cell.n)) parts.push(`${cell[word]} ${word}`);
  return (cell.n ? parts : parts.slice(1)).join(", ");
}

function published(cell) {
  const number = cell.published;
  const n = number.n === null ? "" : ` (n=${number.n})`;
  return spread(number.mean, number.std) + n + (cell.judged ? "" : " †");
}

/** Ours less published, its interval, and what it says. */
function difference(cell) {
  return [signed(cell.difference), interval(cell), verdict(cell)].filter(Boolean).join(" ");
}

const interval = (cell) => (cell.interval ? `[${cell.interval.map(signed).join(", ")}]` : "");

function verdict(cell) {
  const more = cell.more ? ` (+${cell.more} seeds)` : "";
  return cell.verdict ? (cell.verdict === "differs" ? "≠ " : "") + cell.verdict + more : "";
}

const cells = data.panels.flatMap((panel) => panel.cells.map((cell) => ({ ...cell, panel })));
const names = distinct(cells.map((cell) => cell.curve));
const levels = new Set(cells.filter((cell) => cell.level).map((cell) => cell.curve));
const other = (cell) => (data.curves === "rows" ? cell.column : cell.row);
const passes = (name) => !wanted.length || wanted.some((text) => name.toLowerCase().includes(text));
const visible = (name) => passes(name) && !off.has(name);

const SHAPES = [
  "M-4,0a4,4 0 1,0 8,0a4,4 0 1,0-8,0z",
  "M-3.5-3.5h7v7h-7z",
  "M0-4.7L4.5,3.3H-4.5z",
  "M0-5L5,0L0,5L-5,0z",
  "M0,4.7L4.5-3.3H-4.5z",
  "M-1.5-4.5h3v3h3v3h-3v3h-3v-3h-3v-3h3z",
  "M-4.4-2.2L-2.2-4.4L0-2.2L2.2-4.4L4.4-2.2L2.2,0L4.4,2.2L2.2,4.4L0,2.2L-2.2,4.4L-4.4,2.2L-2.2,0z",
];
const CROSS = "M-6-6L6,6M-6,6L6-6";

/** Colour, marker and dashes of a method; where colours are used up, others of the rest. */
function look(name) {
  if (levels.has(name)) return { colour: "var(--quiet)", shape: "M-4,0h8", dash: "6 4" };
  const index = names.filter((other) => !levels.has(other)).indexOf(name);
  const turn = Math.floor(index / data.colours.length);
  const colour = data.colours[index % data.colours.length];
  return {
    colour: colour === "#000000" ? "var(--text)" : colour, // black is no colour on a dark page
    shape: SHAPES[(index + turn) % SHAPES.length],
    dash: ["none", "7 3", "2 3"][turn % 3],
  };
}

function watch(draw) {
  watchers.push(draw);
  draw();
}

function drawMethods() {
  const changed = () => watchers.forEach((draw) => draw());
  const filter = make("input", {
    type: "search",
    placeholder: "Filter methods: snip, synflow",
    "aria-label": "Filter methods by name; commas between several",
    oninput: () => {
      const texts = filter.value.toLowerCase().split(",");
      wanted = texts.map((text) => text.trim()).filter(Boolean);
      changed();
    },
  });
  place("methods").append(filter);
  for (const name of names) {
    const { colour, shape, dash } = look(name);
    const line = { d: "M0,7H26", stroke: colour, "stroke-width": 2, "stroke-dasharray": dash };
    const sample = make("svg", { width: 26, height: 14, "aria-hidden": "true" },
      make("path", line), make("path", { d: shape, fill: colour, transform: "translate(13,7)" }));
    const button = make("button", {
      type: "button",
      title: "Show or hide in the curves and the layers",
      onclick: () => {
        if (!off.delete(name)) off.add(name);
        changed();
      },
    }, sample, name);
    place("methods").append(button);
    watch(() => {
      button.setAttribute("aria-pressed", !off.has(name));
      button.hidden = !passes(name);
    });
  }
}
