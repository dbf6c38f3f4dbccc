"""Names and messages of runs reach the page as text, wherever they stand."""

import json
import re
from importlib.resources import files
from pathlib import Path

from goldpan.reports.page.contents import contents
from goldpan.reports.page.page import SCRIPTS, page
from goldpan.reports.report import Report, report_of_plan
from goldpan.runs.record import Identity, Origin, Record
from goldpan.runs.results import Accuracies, Accuracy, Costs, Sparsity, WeightResult
from goldpan.sweeps.cells import Cell, Plan

ODD = "<script>alert(1)</script><!--"


def odd_report(folder: Path) -> Report:
    """A report whose method, layer, class of hardware, folder, commit and paper are all markup."""
    who = Identity("1", ODD, ODD, 0, {}, ODD)
    machine = Origin(ODD, {"torch": ODD}, {"cpu": ODD}, {"name": ODD, "train": 10, "test": 10})
    sparsity = Sparsity(0.9, 0.9, 0.9, 0.9, {ODD: 0.9})
    record = Record(
        *(who, "finished", None, machine, Accuracies(Accuracy(1, 90.0)), Costs({}, 10, 10, "")),
        WeightResult(sparsity, 10, 1, 1, ""),
    )
    place = folder / "<script>alert(1)<"
    place.mkdir()
    record.write(place / "record.json")
    axes = {"method": ODD, "sparsity": "0.9", "seed": "0"}
    cell = Cell((), axes, {"output": str(folder)}, record, place)
    table = {"paper": ODD, "metric": "last", "rows": "method", "columns": "sparsity"}
    number = {"at": {"method": ODD}, "mean": 90.0, "source": ODD}
    listed = {name: [value] for name, value in axes.items()}
    return report_of_plan(Plan(table | {"published": [number]}, listed, [cell]))


def test_no_text_of_a_report_is_markup_in_its_page(tmp_path: Path) -> None:
    report = odd_report(tmp_path)
    text = page(report)
    assert text.count("<script") == 2  # the numbers, and goldpan's own script
    assert "<!--" not in text
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text)
    assert json.loads(data) == json.loads(json.dumps(contents(report)))
    assert data.count("alert(1)") > 10


def test_the_scripts_make_text_and_never_markup() -> None:
    folder = files("goldpan.reports.page")
    script = "".join((folder / f"{name}.js").read_text("utf-8") for name in SCRIPTS)
    markup = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\b|srcdoc"
    assert not re.search(markup, script)
    assert re.findall(r"href: ([\w.]+)", script) == ["run.link"]


def test_a_link_stays_below_the_report(tmp_path: Path) -> None:
    (run,) = contents(odd_report(tmp_path))["runs"]
    assert re.fullmatch(r"[\w./%()-]+", run["link"])  # no colon, so it names no scheme
