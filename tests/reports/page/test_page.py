"""A table as a page: what it holds, and that nothing in it is taken for HTML or fetched."""

import json
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from goldpan.reports import command as table_command
from goldpan.reports.command import main
from goldpan.reports.page import page as page_module
from goldpan.reports.page.contents import contents
from goldpan.reports.page.page import page, write_page
from goldpan.reports.report import Report, report_of_plan
from goldpan.runs.record import Identity, Origin, Record
from goldpan.runs.results import Accuracies, Accuracy, Costs, Sparsity, WeightResult
from goldpan.sweeps.cells import Cell, Plan

ODD = "snip </script><b> & co"
PUBLISHED = [{"at": {"method": ODD, "sparsity": "0.9"}, "mean": 91.25, "std": 0.2, "n": 3}]
AXES = {"method": ["dense", ODD], "sparsity": ["0.9", "0.99"], "seed": ["0", "1"]}
BROWSER, NODE = shutil.which("chromium"), shutil.which("node")


def planned(folder: Path, **spec: Any) -> Plan:
    """Four runs of a method that no page may take for HTML, two of a dense network."""
    words = {"paper": "A & B <i>", "metric": "last", "rows": "method", "columns": "sparsity"}
    cells = []
    for method in AXES["method"]:
        for sparsity in AXES["sparsity"]:
            for seed in AXES["seed"]:
                asked = 0.0 if method == "dense" else float(sparsity)
                name = f"{method[:5].strip()}-{asked:g}-{seed}"
                shape = Sparsity(asked, asked, asked, asked, {"a.weight": asked})
                data = {"name": "digits", "train": 10, "test": 10}
                draft = Record(
                    Identity(name, "digits", method, int(seed), {}, "2026"),
                    status="finished",
                    origin=Origin("unknown", {"torch": "2"}, {"cpu": "a processor"}, data),
                    costs=Costs({"training": 1.5, "scoring": 0.25}, 1000, 1000, ""),
                    weights=WeightResult(shape, 1000, 1000, int(1000 * (1 - asked)), ""),
                )
                at = {"method": method, "sparsity": sparsity, "seed": seed}
                cells.append(Cell((), at, {"output": str(folder)}, draft, folder / name))
    return Plan(words | {"published": PUBLISHED} | spec, AXES, cells)


def written(plan: Plan, accuracies: dict[str, float], **changed: Any) -> None:
    for cell in plan.runs:
        if cell.draft.identity.id in accuracies:
            cell.folder.mkdir(exist_ok=True)
            found = Accuracies(Accuracy(epoch=3, test=accuracies[cell.draft.identity.id]))
            record = replace(cell.draft, accuracies=found, **changed)
            record.write(cell.folder / "record.json")


@pytest.fixture
def mixed(tmp_path: Path) -> Report:
    """Two runs that count, one that collapsed, one that failed, and dense ones that are missing."""
    plan = planned(tmp_path)
    written(plan, {"snip-0.9-0": 90.5, "snip-0.9-1": 91.5})
    written(plan, {"snip-0.99-0": 10.0}, status="collapsed")
    written(plan, {"snip-0.99-1": 0.0}, status="failed", error="out of <luck>")
    return report_of_plan(plan)


class Reader(HTMLParser):
    """The elements of a page, their attributes, and the text of the scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += attrs
        if tag not in ("meta", "input", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] == ["script"]:
            self.texts.append(data)


def test_the_page_is_whole_and_no_name_is_taken_for_html(mixed: Report) -> None:
    reader = Reader(page(mixed))
    assert reader.open == []
    data, script = reader.texts
    assert json.loads(data) == json.loads(json.dumps(contents(mixed)))
    assert "innerHTML" not in script
    assert ODD in {cell["curve"] for cell in json.loads(data)["panels"][0]["cells"]}


def test_the_page_loads_nothing(mixed: Report) -> None:
    text = page(mixed)
    assert "http:" not in text
    assert "https:" not in text
    assert not re.search(r"url\(|@import|\bfetch\(|XMLHttp", text)
    assert not {"src", "href"} & {name for name, _ in Reader(text).attributes}
    assert "default-src 'none'" in text


def test_the_page_holds_every_number(mixed: Report) -> None:
    held = contents(mixed)
    dense, _, some, other = held["panels"][0]["cells"]
    assert held["panels"][0]["columns"] == ["90 %", "99 %"]
    assert (some["mean"], some["n"], some["asked"]) == (91.0, 2, 2)
    assert some["std"] == pytest.approx(0.5**0.5)
    assert some["seeds"] == [[0, 90.5], [1, 91.5]]
    assert some["published"] == {"mean": 91.25, "std": 0.2, "n": 3}
    assert (some["difference"], some["verdict"], some["margin"]) == (-0.25, "undecided", 1.0)
    assert some["interval"][0] < -1.0 < some["interval"][1]
    assert some["more"] >= 1
    assert some["flops"] == pytest.approx(10, abs=0.2)
    assert some["layers"] == {"a.weight": [90.0, 90.0, 90.0]}
    assert [other[word] for word in ("n", "collapsed", "failed", "missing")] == [1, 1, 1, 0]
    assert [dense[word] for word in ("n", "missing", "mean", "level")] == [0, 2, None, True]
    assert any("out of <luck>" in line for line in held["lines"])


def test_every_run_that_was_asked_for_has_its_line(mixed: Report) -> None:
    runs = contents(mixed)["runs"]
    assert [run["status"] for run in runs] == [
        *("missing", "missing", "finished", "finished", "collapsed", "failed")
    ]
    first = runs[2]
    assert (first["seed"], first["last"], first["best"], first["seconds"]) == (0, 90.5, None, 1.75)
    assert first["link"] == "../../snip-0.9-0/record.json"
    assert (mixed.folder / first["link"]).resolve().exists()
    assert runs[5]["error"] == "out of <luck>"


def test_a_record_that_does_not_count_is_listed(tmp_path: Path) -> None:
    plan = planned(tmp_path)
    written(plan, {"snip-0.9-0": 90.0})
    another = replace(plan.runs[-1].draft.identity, id="another")
    written(plan, {"snip-0.9-1": 90.0}, identity=another)
    (tmp_path / "snip-0.9-0/record.json").write_text("{")
    runs = contents(report_of_plan(plan))["runs"]
    assert [run["status"] for run in runs].count("not counted") == 2


def test_sparsities_may_stand_in_rows(tmp_path: Path) -> None:
    plan = planned(tmp_path, rows="sparsity", columns="method")
    written(plan, {"dense-0-0": 94.0, "snip-0.9-0": 90.0})
    held = contents(report_of_plan(plan))
    assert held["curves"] == "columns"
    cells = held["panels"][0]["cells"]
    assert [cell["level"] for cell in cells] == [True, False, True, False]
    assert {cell["curve"] for cell in cells} == {"dense", ODD}


def test_the_command_prints_where_the_page_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(table_command, "plan", lambda words, conf: planned(tmp_path))
    monkeypatch.setattr(table_command, "check_table", lambda plan: None)
    assert main(["+table=digits", "to=html"]) == 0
    path = Path(capsys.readouterr().out.strip())
    assert path.name == "page.html"
    assert Reader(path.read_text()).open == []


@pytest.mark.skipif(NODE is None, reason="needs node")
def test_every_axis_of_a_figure_has_its_name_and_unit() -> None:
    folder = Path(page_module.__file__).parent
    scripts = "".join((folder / f"{name}.js").read_text() for name in ("charts", "layers"))
    ask = """
        const make = (tag, attributes = {}, ...children) => children.flat();
        const distinct = (values) => [...new Set(values)];
        const drawn = Object.values(AXES).map((axis) =>
          frame(axis, scales([0.1, 0.01], [90, 93]), [0.1, 0.01]));
        for (const kept of [false, true]) drawn.push(barsFrame(kept, -2, 300));
        const names = (texts) => texts.flat().filter((text) => /[a-z]/.test(text));
        console.log(JSON.stringify(drawn.map(names)));
    """
    command = [str(NODE), "-e", scripts + ask]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(done.stdout) == [
        ["sparsity (%)", "test accuracy (%)"],
        ["FLOPs kept (%)", "test accuracy (%)"],
        ["sparsity of the layer (%)"],
        ["weights kept (%)"],
    ]


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="needs chromium")
@pytest.mark.parametrize("empty", [False, True])
def test_a_browser_shows_and_sorts_it(mixed: Report, tmp_path: Path, empty: bool) -> None:
    path = write_page(report_of_plan(planned(tmp_path / "none")) if empty else mixed)
    sort = "document.querySelectorAll('#runs thead button')[4].click();"  # by last accuracy
    end = f"<script>{sort} document.title = 'done';</script></body>"
    path.write_text(path.read_text().replace("</body>", end))
    # Sandboxes of browsers need rights that test machines rarely give.
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'b'}"]
    command = [str(BROWSER), *options, "--dump-dom", path.as_uri()]
    seen = subprocess.run(command, capture_output=True, text=True, timeout=120).stdout
    assert "<title>done</title>" in seen
    runs = seen.partition('id="runs"')[2].partition('id="lines"')[0]
    words = re.findall(r">(finished|collapsed|failed|missing)<", runs)
    if empty:
        assert words == ["missing"] * 6
    else:
        assert words == ["finished", "finished", "collapsed", "failed", "missing", "missing"]
        assert runs.index("91.50") < runs.index("90.50")
        assert "91.00 ± 0.71" in seen
        assert "snip &lt;/script&gt;&lt;b&gt; &amp; co" in seen
