"""Every file of examples runs, in a folder of its own, and prints what it promises."""

import json
import re
import runpy
import sys
from pathlib import Path

import pytest

from goldpan.runs.record import RECORD, Identity, Origin, Record
from goldpan.runs.results import Accuracy, ChannelResult, Sparsity

EXAMPLES = Path(__file__).parents[2] / "examples"
NOTEBOOK = EXAMPLES / "first_steps.ipynb"


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> "Run":
    monkeypatch.chdir(tmp_path)
    return Run(monkeypatch, capsys)


class Run:
    """Runs an example with words of a command line; returns what it prints."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.monkeypatch, self.capsys = monkeypatch, capsys

    def __call__(self, name: str, *words: str) -> str:
        self.monkeypatch.setattr(sys, "argv", [name, *words])
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")
        return self.capsys.readouterr().out


def test_own_loop(run: Run) -> None:
    found = re.fullmatch(r"snip: test accuracy (.*) % at sparsity (.*)\n", run("own_loop.py"))
    assert found
    assert float(found[1]) > 80
    assert float(found[2]) == 0.9


def test_channels_by_own_importance(run: Run) -> None:
    printed = run("channels_by_own_importance.py")
    whole, pruned, tuned = map(float, re.findall(r"([\d.]+) %, ", printed))
    assert min(whole, tuned) > 80
    assert pruned > 20  # of ten classes
    sizes = [int(number.replace(",", "")) for number in re.findall(r"([\d,]+) parameters", printed)]
    assert sizes[1] < sizes[0] / 2


def test_export_onnx(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")
    before, after = re.findall(r"([\d,]{4,})(?: FLOPs| in)", run("export_onnx.py", "small.onnx"))
    assert int(after.replace(",", "")) < int(before.replace(",", "")) / 2
    assert (tmp_path / "small.onnx").exists()


def test_how_much_pretraining(run: Run, tmp_path: Path) -> None:
    """Of 256 images 2 steps are within a point of the best; of 1,024 the 8 that are the most."""
    for images, steps, accuracy in [
        *[(256, 1, 60.0), (256, 2, 89.5), (256, 4, 90.0), (256, 8, 89.0)],
        *[(1024, 1, 60.0), (1024, 2, 70.0), (1024, 4, 80.0), (1024, 8, 90.0), (1024, 8, 94.0)],
    ]:
        seed = int(accuracy)
        who = Identity(f"{images}{steps}{seed}", "", "greedy_forward", seed, {}, "")
        part, trained = Sparsity(0.8, 0.8, 0, None, {}), Accuracy(1, 95.0, step=steps)
        channels = ChannelResult(part, 1, 1, trained, Accuracy(0, accuracy, step=0))
        origin = Origin(data={"train": images})
        folder = tmp_path / "runs" / who.id
        folder.mkdir(parents=True)
        record = Record(who, "finished", origin=origin, channels=channels)
        record.write(folder / RECORD)
    printed = run("how_much_pretraining.py", "runs", "picture.png")
    assert "| 256 | 90.00 % | 2 |\n| 1,024 | 92.00 % | 8 |\n" in printed
    assert "\n3.0 more steps for twice the images" in printed
    assert (tmp_path / "picture.png").stat().st_size > 10_000
    loose = run("how_much_pretraining.py", "runs", "picture.png", "12")
    assert "| 256 | 90.00 % | 2 |\n| 1,024 | 92.00 % | 4 |\n" in loose
    with pytest.raises(ValueError, match="found none there"):
        run("how_much_pretraining.py", "picture.png")


def test_the_notebooks_outputs_are_stored() -> None:
    cells = [
        cell for cell in json.loads(NOTEBOOK.read_text())["cells"] if cell["cell_type"] == "code"
    ]
    assert [cell["execution_count"] for cell in cells] == [*range(1, len(cells) + 1)]
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert {output["output_type"] for output in outputs} <= {*_KINDS}
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert "stderr" not in {output.get("name") for output in outputs}


_KINDS = ("stream", "execute_result", "display_data")  # and no error


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # Jupyter's own
def test_the_notebook_runs(tmp_path: Path) -> None:
    nbformat = pytest.importorskip("nbformat", reason="pip install nbclient nbformat ipykernel")
    nbclient = pytest.importorskip("nbclient", reason="pip install nbclient nbformat ipykernel")
    pytest.importorskip("ipykernel", reason="pip install nbclient nbformat ipykernel")
    book = nbformat.read(NOTEBOOK, as_version=4)
    where = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(book, timeout=600, resources=where).execute()
    last = book.cells[-1].outputs[0]["data"]["text/plain"]
    assert float(last) == pytest.approx(0.9, abs=1e-3)
