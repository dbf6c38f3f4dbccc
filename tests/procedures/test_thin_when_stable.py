"""Channels removed in the middle of a training, on the bundled digits, from choices to record."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import torch
from omegaconf import DictConfig
from torch import Tensor

from goldpan.channels.greedy_forward import Picks
from goldpan.procedures.setup import build_network, load_data
from goldpan.runs.checkpoint import load_weights
from goldpan.runs.experiment import run
from goldpan.runs.record import Record, read_record
from goldpan.runs.refusal import Refusal
from goldpan.training.classifier import Classifier

Configure = Callable[..., DictConfig]
SHORT = ("model.width=0.1", "dataset.limit=400", "model.initialization=rni", "sparsity=0.5")
STABLE = "method.channels.stable"
SECOND = ("recipe.epochs=4", f"{STABLE}.earlier=1", f"{STABLE}.threshold=0.01")
GROUPS = {"dataset": "digits", "model": "vgg11", "recipe": "quick"}


def do(configure: Configure, method: str, *overrides: str) -> Record:
    cfg = configure(*SHORT, f"method={method}", *overrides)
    return run(cfg, GROUPS | {"method": method}, overrides)


@pytest.mark.parametrize(
    ("method", "settled"), [("early_bird", 2), ("when_to_prune", 1)], ids=lambda value: str(value)
)
def test_channels_go_in_the_training_and_the_record_says_when(
    method: str, settled: int, configure: Configure, tmp_path: Path
) -> None:
    record = do(configure, method, *SECOND)
    channels = record.channels
    assert record.status == "finished"
    assert channels.stability.settled == settled == channels.trained.epoch
    assert len(channels.stability.values) == settled
    assert record.sparsity is not None
    assert record.sparsity.got == pytest.approx(0.5, abs=0.01)
    assert channels.parameters_left < 0.7 * record.costs.parameters
    assert record.accuracies.last.epoch == 4
    assert record.accuracies.best_on_test.epoch > settled
    assert channels.trained.train is not None
    assert channels.pruned.train is None
    assert f"the choice of channels settled after epoch {settled}" in record.summary()
    (path,) = tmp_path.glob("*/record.json")
    assert read_record(path) == record


def test_a_choice_that_never_settles_is_made_at_the_end_and_the_record_says_so(
    configure: Configure,
) -> None:
    never = ("recipe.epochs=3", f"{STABLE}.earlier=1", f"{STABLE}.threshold=1")
    record = do(configure, "early_bird", *never, "dataset.validation=0.2")
    assert record.channels.stability.settled is None
    assert record.channels.stability.values[0] is None
    assert record.sparsity is not None
    assert record.sparsity.got == pytest.approx(0.5, abs=0.01)
    assert record.accuracies.last == record.channels.pruned == record.accuracies.best_on_test
    assert record.channels.trained.epoch == record.channels.pruned.epoch == 3
    assert record.costs.seconds["training"] > 0
    assert "never settled: they went after the last epoch, untrained since" in record.summary()


@pytest.mark.parametrize(
    "cut", [pytest.param(1, marks=pytest.mark.slow), 2, pytest.param(3, marks=pytest.mark.slow)]
)
def test_a_run_that_was_cut_short_ends_bit_for_bit_as_one_that_was_not(
    cut: int, configure: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut before the channels go, right after, and later; there is momentum and a schedule."""
    whole = do(configure, "early_bird", *SECOND, f"output={tmp_path}/whole")
    start, last = Classifier.on_train_epoch_start, tmp_path / "copy.ckpt"

    def fail(system: Classifier) -> None:
        if system.current_epoch == cut:
            (checkpoint,) = tmp_path.glob("cut/*/last.ckpt")
            last.write_bytes(checkpoint.read_bytes())
            raise RuntimeError("cut short")
        start(system)

    monkeypatch.setattr(Classifier, "on_train_epoch_start", fail)
    with pytest.raises(RuntimeError, match="cut short"):
        do(configure, "early_bird", *SECOND, f"output={tmp_path}/cut")
    monkeypatch.setattr(Classifier, "on_train_epoch_start", start)
    again = do(configure, "early_bird", *SECOND, f"output={tmp_path}/cut")
    assert again.ranks == whole.ranks
    assert again.accuracies == whole.accuracies
    assert again.channels.stability == whole.channels.stability
    assert (again.channels.trained, again.channels.pruned) == (
        whole.channels.trained,
        whole.channels.pruned,
    )
    rates = [rates_of(tmp_path, name) for name in ("whole", "cut")]
    assert rates[0] == rates[1] == sorted(rates[0], reverse=True)


def rates_of(folder: Path, name: str) -> list[float]:
    """The learning rate of each epoch."""
    (path,) = folder.glob(f"{name}/*/metrics.csv")
    header, *rows = (line.split(",") for line in path.read_text().splitlines())
    return [float(row[header.index("lr")]) for row in rows]


def test_the_checkpoint_of_a_thinned_run_loads_by_the_sizes_beside_it(
    configure: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = Classifier.training_step

    def fail(system: Classifier, batch: tuple[torch.Tensor, torch.Tensor], index: int) -> object:
        if system.current_epoch == 2:
            raise RuntimeError("cut short")
        return end(system, batch, index)

    monkeypatch.setattr(Classifier, "training_step", fail)
    with pytest.raises(RuntimeError, match="cut short"):
        do(configure, "early_bird", *SECOND)
    (checkpoint,) = tmp_path.glob("*/last.ckpt")
    assert json.loads(checkpoint.with_name("architecture.json").read_text())
    cfg = configure(*SHORT, "method=early_bird", f"checkpoint={checkpoint}")
    net = build_network(cfg, load_data(cfg), 0)
    load_weights(net, checkpoint)
    assert sum(value.numel() for value in net.parameters()) < 50_000


def test_a_sparsity_that_removes_no_channel_is_refused(configure: Configure) -> None:
    with pytest.raises(Refusal, match=r"sparsity 0\.0001 removes no channel"):
        do(configure, "when_to_prune", "sparsity=0.0001")


def test_a_method_that_weighs_channels_anew_does_so_when_they_go(
    configure: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With all factors 0 the logits are the biases of the last layer: one answer to all images."""
    channels = "method.channels"
    sampling = "_target_:goldpan.data.sampling.Sampling,per_class:null,size:32,batches:1"
    words = (
        *("method=early_bird", "method.penalty=null", "model=mlp", "model.hidden=[30]"),
        *("sparsity=0.5", "recipe.epochs=3", f"{STABLE}.threshold=1", f"{STABLE}.earlier=1"),
        f"{channels}.scorer._target_=goldpan.channels.greedy_forward.greedy_forward",
        f"+{channels}.sampling={{{sampling}}}",
    )
    groups = GROUPS | {"method": "early_bird", "model": "mlp"}

    def no_weight(_: Picks, kept: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {name: torch.zeros(len(keep)) for name, keep in kept.items()}

    weighed = run(configure(*words), groups, words).channels
    monkeypatch.setattr(Picks, "scales", no_weight)
    silent = run(configure(*words, f"output={tmp_path}/silent"), groups, words).channels
    assert weighed.trained == silent.trained
    assert silent.pruned.test < 20 < weighed.pruned.test
