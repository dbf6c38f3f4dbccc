from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from goldpan.runs.checkpoint import (
    COMPACTION,
    check_same_model,
    load_weights,
    read_checkpoint,
    save,
)


def test_weights_are_read_back_as_saved(net: nn.Module, tmp_path: Path) -> None:
    save({"state_dict": {f"net.{n}": v + 1 for n, v in net.state_dict().items()}}, tmp_path / "w")
    before = {name: value.clone() for name, value in net.state_dict().items()}
    load_weights(net, tmp_path / "w")
    assert all(
        torch.equal(v, before[n] + 1) for n, v in net.state_dict().items() if "mask" not in n
    )


def test_a_compacted_runs_checkpoint_is_refused(net: nn.Module, tmp_path: Path) -> None:
    save({"state_dict": {}, "callbacks": {COMPACTION: {"kept": {}}}}, tmp_path / "last.ckpt")
    with pytest.raises(ValueError, match="is the checkpoint of a compacted run; let that run end"):
        load_weights(net, tmp_path / "last.ckpt")


def test_half_a_checkpoint_is_refused(tmp_path: Path) -> None:
    save({"state_dict": {}}, tmp_path / "last.ckpt")
    (tmp_path / "half").write_bytes((tmp_path / "last.ckpt").read_bytes()[:100])
    with pytest.raises(ValueError, match="half is not a checkpoint that can be loaded safely"):
        read_checkpoint(tmp_path / "half")


def test_a_full_disk_is_said_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 576 vs 534")

    monkeypatch.setattr(torch, "save", fail)
    with pytest.raises(RuntimeError, match="unexpected pos"):
        save({}, tmp_path / "w")
    full = SimpleNamespace(free=0)
    monkeypatch.setattr("goldpan.runs.checkpoint.disk_usage", lambda _: full)
    with pytest.raises(OSError, match=r"No space left on device: .*/w"):
        save({}, tmp_path / "w")


def test_a_model_may_differ_only_where_it_is_allowed(net: nn.Module) -> None:
    state = net.state_dict() | {"8.weight": torch.ones(7, 8), "8.bias": torch.ones(7)}
    head = ("8.weight", "8.bias", "8.mask")
    check_same_model(net, state, Path("w.pt"), but=head)
    with pytest.raises(ValueError, match=r"8.weight must have shape \(5, 8\), the file has \(7, 8"):
        check_same_model(net, state, Path("w.pt"))
    del state["8.weight"]
    check_same_model(net, state, Path("w.pt"), but=head)
    del state["3.weight"]
    with pytest.raises(ValueError, match=r"w.pt belongs to another model: it lacks 3.weight"):
        check_same_model(net, state, Path("w.pt"), but=head)
    with pytest.raises(ValueError, match=r"another model: nothing of it fits, it lacks 0.weight"):
        check_same_model(net, {"a": torch.ones(2)}, Path("w.pt"), but=head)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ([torch.ones(2)], "weights by their names, got a list"),
        (torch.ones(2), "weights by their names, got one tensor"),
        ({"state_dict": [1]}, "a tensor for each weight's name, got a list"),
        ({"0.weight": 3.0}, "a tensor for each weight's name, got a float for '0.weight'"),
        ({0: torch.ones(2)}, "a tensor for each weight's name, got a Tensor for 0"),
    ],
    ids=["list", "tensor", "list of weights", "number", "number as name"],
)
def test_what_is_no_state_dict_is_refused(
    content: object, found: str, net: nn.Module, tmp_path: Path
) -> None:
    torch.save(content, tmp_path / "w.pt")
    with pytest.raises(ValueError, match=rf"w\.pt is not a checkpoint: expected {found}"):
        load_weights(net, tmp_path / "w.pt")
