place("name").textContent = data.name;
place("paper").textContent = data.paper;
place("caption").textContent = data.caption;
drawMethods();
for (const panel of data.panels) {
  const title = panel.title ? [make("h3", {}, panel.title)] : [];
  place("comparison").append(...title.map((head) => head.cloneNode(true)), drawComparison(panel));
  const charts = ["sparsity", "flops"].map((name) => chart(panel, AXES[name]));
  place("curves").append(...title, make("div", { class: "charts" }, ...charts));
}
place("layers").append(...drawLayers());
place("cells").append(drawCells());
place("runs").append(drawRuns());
place("lines").append(...data.lines.map((line) => make("p", {}, line)));
