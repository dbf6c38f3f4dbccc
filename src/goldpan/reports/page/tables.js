function compare(a, b) {
  if (isNumber(a) && isNumber(b)) return a - b;
  return String(a).localeCompare(String(b), undefined, { numeric: true });
}

const isEmpty = (value) => value === "" || value === null || value === undefined;

/** Rows in the order of a column's values; those without one are last in both directions. */
function ordered(lines, column, sign) {
  const keyed = lines.map((line) => [column.value(line.row), line]);
  keyed.sort(([a], [b]) =>
    isEmpty(a) || isEmpty(b) ? isEmpty(a) - isEmpty(b) : sign * compare(a, b));
  return keyed.map(([, line]) => line);
}

/** A table that a click on a column's head sorts: one way, the other, and back as it was.
 *  A column has a `head`, the `value` of a row to sort by, and what to `show` of it. */
function table(label, columns, rows, looks = "") {
  const lines = rows.map((row) => ({ row, element: tableRow(columns, row) }));
  const heads = columns.map((column) => {
    const button = make("button", { type: "button", onclick: () => sort(column) }, column.head);
    return make("th", { scope: "col", class: column.number ? "number" : null }, button);
  });
  const body = make("tbody", {}, ...lines.map((line) => line.element));
  let by = null;
  let sign = 0;

  function sort(column) {
    const first = column.number ? -1 : 1; // the highest numbers are what is looked for
    sign = by !== column || !sign ? first : sign === first ? -first : 0;
    by = column;
    heads.forEach((head, index) => {
      if (columns[index] !== column || !sign) head.removeAttribute("aria-sort");
      else head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
    });
    body.append(...(sign ? ordered(lines, column, sign) : lines).map((line) => line.element));
  }

  watch(() => {
    for (const { row, element } of lines) element.hidden = row.curve !== null && !passes(row.curve);
  });
  const region = { class: `scroll ${looks}`, role: "region", tabindex: 0, "aria-label": label };
  const head = make("thead", {}, make("tr", {}, ...heads));
  return make("div", region, make("table", {}, head, body));
}

function tableRow(columns, row) {
  const parts = columns.map((column, index) => {
    const looks = { class: column.number ? "number" : null, scope: index ? null : "row" };
    const shown = column.show ? column.show(row) : column.value(row);
    const content = [shown].flat().map((part) => (isEmpty(part) ? "–" : part));
    return make(index ? "td" : "th", looks, ...content);
  });
  return make("tr", {}, ...parts);
}

/** Columns that only show what stands in a row under `key`, as `show` writes it. */
const text = (head, key) => ({ head, value: (row) => row[key] });
const number = (head, key, show = fixed) => ({
  head, number: true, value: (row) => row[key], show: (row) => show(row[key]),
});

/** A cell as a paper has it, with what was published below. */
function comparison(cell) {
  const ours = cell.n ? [spread(cell.mean, cell.std), make("small", {}, counts(cell))]
    : [make("span", { class: cell.failed ? "wrong" : "quiet" }, counts(cell))];
  if (cell.published) ours.push(make("small", {}, `published ${published(cell)}`));
  if (cell.difference !== null) {
    const wrong = cell.verdict === "differs" ? "wrong" : null;
    ours.push(make("small", { class: wrong }, `difference ${difference(cell)}`));
  }
  return ours;
}

function drawComparison(panel) {
  const width = panel.columns.length;
  const rows = panel.rows.map((name, index) => ({
    name,
    curve: data.curves === "rows" ? name : null,
    cells: panel.cells.slice(index * width, (index + 1) * width),
  }));
  const columns = panel.columns.map((head, index) => ({
    head,
    number: true,
    value: (row) => row.cells[index].mean,
    show: (row) => comparison(row.cells[index]),
  }));
  const first = { head: data.rows, value: (row) => row.name };
  return table(`Comparison ${panel.title}`, [first, ...columns], rows, "fitting");
}

function drawCells() {
  const seen = new Set(); // the same runs in every column are one line
  const once = cells.filter((cell) => {
    const key = [cell.panel.title, cell.curve].join("\n");
    return !cell.level || (!seen.has(key) && seen.add(key));
  });
  const same = (cell) => cell.level && cell.panel.cells.length > cell.panel.rows.length;
  const axis = (head, name, key) => ({
    head,
    value: (cell) => cell[key],
    show: (cell) => (same(cell) && (data.curves === "rows") === (name === "column") ? "all" : cell[name]),
  });
  const columns = [
    axis(data.rows, "row", "row"), axis(data.columns, "column", "column_value"),
    ...(data.panels.length > 1 ? [{ head: "setting", value: (cell) => cell.panel.title }] : []),
    number("ours", "mean"), number("std", "std"), number("n", "n", whole),
    ...["asked", "collapsed", "failed", "missing"].map((word) => number(word, word, whole)),
    number("FLOPs kept %", "flops"),
    ...(cells.some((cell) => cell.published) ? columnsOfPublished() : []),
  ];
  return table("Every cell", columns, once, "tall");
}

function columnsOfPublished() {
  const part = (head, key, show) => ({
    head, number: true, value: (cell) => cell.published?.[key],
    show: (cell) => show(cell.published?.[key]),
  });
  return [
    part("published", "mean", fixed), part("std", "std", fixed), part("n", "n", whole),
    number("difference", "difference", (value) => (isNumber(value) ? signed(value) : "–")),
    { head: "90 % interval", number: true, value: (cell) => cell.interval?.[0], show: interval },
    number("margin ±", "margin"),
    { head: "verdict", value: (cell) => cell.verdict, show: judged },
    text("source", "source"),
  ];
}

function judged(cell) {
  if (cell.verdict === "differs") return make("span", { class: "wrong" }, verdict(cell));
  return verdict(cell) || (cell.published && !cell.judged ? "† not judged" : "–");
}

function status(run) {
  const wrong = ["failed", "not counted"].includes(run.status) ? "wrong" : null;
  const word = make("span", { class: run.status === "missing" ? "quiet" : wrong }, run.status);
  return run.error ? [word, make("small", { class: "sentence" }, run.error)] : word;
}

function seconds(run) {
  const parts = Object.entries(run.parts ?? {}).map(([part, value]) => `${part} ${fixed(value, 1)}`);
  return make("span", { title: parts.join(", ") }, fixed(run.seconds, 1));
}

function drawRuns() {
  const method = data.curves === "rows" ? data.rows : data.columns;
  const axis = data.curves === "rows" ? data.columns : data.rows;
  const columns = [
    text(method, "curve"),
    { head: axis, value: (run) => run.place_value, show: (run) => (levels.has(run.curve) ? "all" : run.place) },
    ...(data.panels.length > 1 ? [text("setting", "setting")] : []),
    number("seed", "seed", whole),
    { head: "status", value: (run) => run.status, show: status },
    number("last", "last"), number("best", "best"), number("best on test", "best_on_test"),
    ...(data.metric === "best_on_test_of_last_5" ? [number("best of last 5", data.metric)] : []),
    number("asked", "asked", percent), number("got", "got", percent),
    number("effective", "effective", percent), number("FLOPs kept %", "flops"),
    ...(data.runs.some((run) => isNumber(run.nll)) ? columnsOfEnsembles() : []),
    { head: "seconds", number: true, value: (run) => run.seconds, show: seconds },
    number("images/s", "images_per_second", (value) => fixed(value, 0)),
    text("hardware", "hardware"), text("commit", "commit"), text("started", "started"),
    text("id", "id"),
    { head: "record", value: (run) => run.path, show: record },
  ];
  return table("Every run", columns, data.runs, "tall");
}

function columnsOfEnsembles() {
  const four = (value) => fixed(value, 4);
  return [
    number("NLL", "nll", four), number("calibration error", "calibration_error", four),
    number("disagreement", "disagreement", four),
  ];
}

function record(run) {
  return run.status === "missing" ? run.path : make("a", { href: run.link }, run.path);
}
