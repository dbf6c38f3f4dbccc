"""goldpan export: a run's folder is all that it needs."""

import json
from collections.abc import Callable
from pathlib import Path

import onnxruntime
import pytest
import torch
from omegaconf import DictConfig

from goldpan.choices import conf_folder
from goldpan.procedures.export import main
from goldpan.reports.reading import read_below
from goldpan.runs.experiment import run

GROUPS = {"dataset": "digits", "recipe": "quick"}


def finished(configure: Callable[..., DictConfig], method: str, model: str, *more: str) -> Path:
    """The folder of a run that has ended."""
    words = [f"method={method}", f"model={model}", "recipe.epochs=1", "sparsity=0.5", *more]
    cfg = configure(*words)
    run(cfg, GROUPS | {"method": method, "model": model}, words)
    (folder,) = Path(cfg.output).glob(f"digits-{model}-{method}-*")
    return folder


def test_masked_and_shrunk_networks_are_exported_beside_their_weights_and_are_no_runs(
    configure: Callable[..., DictConfig], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    masked = finished(configure, "magnitude", "lenet_300_100")
    shrunk = finished(configure, "rni", "vgg11", "model.width=0.25", "method.channels.epochs=1")
    before = sorted(read_below(tmp_path, "last").records)
    sizes = (shrunk / "architecture.json").read_text()
    for folder, output in ((masked, masked), (shrunk, tmp_path / "elsewhere/deep")):
        capsys.readouterr()
        assert main([str(folder), f"output={output}"]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert [line.partition(":")[0] for line in lines] == [
            f"{output / name}" for name in ("model.onnx", "model.pt2")
        ]
    program = torch.export.load(masked / "model.pt2")
    weights = torch.load(masked / "model.pt", weights_only=True)
    for name, value in program.state_dict.items():
        assert torch.equal(value, weights[name])
    images = torch.randn(5, 1, 8, 8)
    session = onnxruntime.InferenceSession(tmp_path / "elsewhere/deep/model.onnx")
    assert session.run(None, {"images": images.numpy()})[0].shape == (5, 10)
    assert sorted(read_below(tmp_path, "last").records) == before
    assert (shrunk / "architecture.json").read_text() == sizes
    assert not list((conf_folder() / "procedure").glob("export*"))


def test_what_is_no_finished_run_is_refused_in_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(*words: str) -> str:
        assert main(words) == 1
        (line,) = capsys.readouterr().err.splitlines()
        return line

    there = str(tmp_path)
    assert refused(there) == (
        f"expected the folder of a finished run, such as outputs/RUN; {there} has no record.json"
    )
    (tmp_path / "record.json").write_text(json.dumps({}))
    assert "has no model.pt" in refused(there)
    (tmp_path / "model.pt").write_text("")
    assert "record.json" in refused(there)
    for words in ([there, "more"], [there, "seed=3"], ["output=x"], ["--now"], [there, "output="]):
        assert "expected goldpan export RUN, and output=FOLDER" in refused(*words)
    assert main(["--help"]) == 0
    assert "goldpan export RUN [output=FOLDER]" in capsys.readouterr().out
