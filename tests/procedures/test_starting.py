"""What a run starts from: a checkpoint that fits but for its classifier."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from omegaconf import DictConfig

from goldpan.models.lenet import lenet_300_100
from goldpan.runs.experiment import run
from goldpan.runs.record import Record
from goldpan.runs.refusal import Refusal

Configure = Callable[..., DictConfig]
GROUPS = {"dataset": "digits", "model": "lenet_300_100", "recipe": "quick", "method": "dense"}
SHORT = ("model=lenet_300_100", "method=dense", "recipe.epochs=1", "dataset.limit=400")


def do(configure: Configure, *overrides: str) -> Record:
    return run(configure(*SHORT, *overrides), GROUPS, overrides)


def test_a_checkpoint_of_other_classes_starts_all_but_the_classifier(
    configure: Configure, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "theirs.pt"
    torch.save(lenet_300_100(7, 1, 8).state_dict(), file)
    record = do(configure, f"checkpoint={file}")
    line = "first weights: 4 of 6 tensors from theirs.pt; drawn anew: "
    assert capsys.readouterr().out.startswith(line)
    assert record.origin.start["source"] == "theirs.pt"
    assert record.origin.start["loaded"] == 4
    assert len(record.origin.start["anew"]) == 2
    assert not do(configure, "seed=1").origin.start


def test_a_checkpoint_of_which_nothing_fits_is_refused(
    configure: Configure, tmp_path: Path
) -> None:
    file = tmp_path / "theirs.pt"
    torch.save({"a": torch.ones(3)}, file)
    with pytest.raises(Refusal, match=r"theirs.pt belongs to another model: nothing of it fits"):
        do(configure, f"checkpoint={file}")


def test_a_smaller_network_starts_a_run_of_other_classes(
    configure: Configure, tmp_path: Path
) -> None:
    """The sizes that lie beside its weights hold for all layers but the classifier."""
    small = run(
        configure("model=vgg11", "model.width=0.1", *CHANNELS), GROUPS | {"method": "slimming"}
    )
    folder = next(tmp_path.glob(f"*-{small.identity.id}"))
    state = torch.load(folder / "model.pt")
    state["linear.weight"], state["linear.bias"] = state["linear.weight"][:7], torch.ones(7)
    torch.save(state, folder / "model.pt")
    sizes = (folder / "architecture.json").read_text()
    assert '"out_features": 10' in sizes
    (folder / "architecture.json").write_text(
        sizes.replace('"out_features": 10', '"out_features": 7')
    )
    words = ("method=dense", "model=vgg11", "model.width=0.1", f"checkpoint={folder}/model.pt")
    started = run(configure("dataset.limit=400", "recipe.epochs=1", *words), GROUPS)
    assert started.origin.start["anew"] == ["linear.weight", "linear.bias"]
    assert started.costs is not None
    assert small.channels is not None
    assert started.costs.parameters == small.channels.parameters_left


CHANNELS = ("method=slimming", "sparsity=0.5", "dataset.limit=400", "recipe.epochs=1")
