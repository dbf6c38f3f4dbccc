"""Runs from Python, their records as rows, and their networks."""

from pathlib import Path

import pytest
import torch

import goldpan as gp
from goldpan.masks import digest
from goldpan.runs.refusal import Refusal

SHORT = ["recipe.epochs=1", "strategy.threads=1", "logger=none"]


def test_a_run_its_row_and_its_network(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["method=random", "sparsity=0.9", "model=lenet_300_100", f"output={tmp_path}", *SHORT]
    record = gp.run(words)
    assert record.status == "finished"
    assert gp.run(words).identity == record.identity
    assert "done before" in capsys.readouterr().out
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/record.json").write_text("{}")
    with pytest.warns(UserWarning, match="skipped: .*broken.record.json is not a whole record"):
        (row,) = gp.records(tmp_path)
    assert record.accuracies is not None
    assert row["test"] == record.accuracies.last.test
    assert (row["method"], row["sparsity"], row["seed"], row["error"]) == ("random", 0.9, 0, None)
    model = gp.load(row["folder"])
    assert not model.training
    assert record.weights is not None
    assert digest(gp.read_masks(model)) == record.weights.masks
    assert gp.sparsity(model) == pytest.approx(row["got"])


@pytest.mark.slow
def test_a_network_without_its_channels_is_loaded(tmp_path: Path) -> None:
    words = [
        "method=uniform",
        "sparsity=0.5",
        "model=vgg11",
        "model.width=0.1",
        f"output={tmp_path}",
    ]
    record = gp.run([*words, *SHORT])
    (folder,) = [row["folder"] for row in gp.records(tmp_path) if row["id"] == record.identity.id]
    model = gp.load(folder)
    assert record.channels is not None
    assert sum(p.numel() for p in model.parameters()) == record.channels.parameters_left
    assert model(torch.zeros(2, 1, 8, 8)).shape == (2, 10)


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no record\.json below .*; gp\.run"):
        gp.records(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"has no record\.json; gp\.load takes the folder"):
        gp.load(tmp_path)
    with pytest.raises(ValueError, match="did you mean snip"):
        gp.run(["method=snp"])
    with pytest.raises(ValueError, match="seed=0,1 has several values"):
        gp.run(["seed=0,1"])
    with pytest.raises(Refusal, match=r"sparsity is .*; got 2"):
        gp.run(["sparsity=2", f"output={tmp_path}"])
    with pytest.raises(TypeError, match=r"words is a list of words; got one text: \['method=snip'"):
        gp.run("method=snip seed=1")
