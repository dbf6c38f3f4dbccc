"""Tickets on the bundled digits: what is rewound, what is cut, and which levels are shared."""

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from omegaconf import DictConfig, OmegaConf
from torch import Tensor

from goldpan.masks import Masks
from goldpan.models.lenet import lenet_300_100
from goldpan.procedures import lottery as module
from goldpan.procedures.levels import LevelFailed, level_below
from goldpan.procedures.lottery import by_layer
from goldpan.runs.checkpoint import read_checkpoint
from goldpan.runs.experiment import resolve, run
from goldpan.runs.identity import identity
from goldpan.runs.record import Record, read_record
from goldpan.runs.refusal import Refusal
from goldpan.training.callbacks.rewind import StartAt

GROUPS = {"dataset": "digits", "model": "lenet_300_100", "recipe": "quick"}
SHORT = ("model=lenet_300_100", "recipe.epochs=2", "dataset.limit=400", "progress=false")
PLAIN = ("recipe.optimizer.momentum=0", "recipe.optimizer.nesterov=false")
"""Without momentum, which no rewinding brings back."""

UNCUT = ("procedure.levels=1", "procedure.rate=1e-9")
"""A level whose mask is all ones."""

STEPS = 5
"""In an epoch: 360 of 400 images in batches of 64."""

METHODS = sorted(
    path.stem
    for path in (Path(__file__).parents[2] / "conf/method").glob("*.yaml")
    if "@package _global_" in path.read_text() and "quantize" not in path.stem
)

Configure = Callable[..., DictConfig]
State = dict[str, Tensor]


def do(configure: Configure, *overrides: str, method: str = "lottery") -> Record:
    """Run a method with these words; a short training of LeNet-300-100."""
    cfg = configure(f"method={method}", *SHORT, *overrides)
    words = tuple(word for word in overrides if word.startswith("controls"))
    return run(cfg, GROUPS | {"method": method}, words)


def folder_of(record: Record, output: Path) -> Path:
    return next(output.glob(f"*-{record.identity.id}"))


def trained(record: Record, output: Path) -> State:
    """The weights and masks that a run ended with."""
    return read_checkpoint(folder_of(record, output) / "model.pt")


def rows(record: Record, output: Path) -> list[dict[str, str]]:
    with (folder_of(record, output) / "metrics.csv").open() as file:
        return list(csv.DictReader(file))


def rows_or_none(record: Record, output: Path) -> list[dict[str, str]] | None:
    return rows(record, output) if (folder_of(record, output) / "metrics.csv").exists() else None


class Spy(StartAt):
    """Notes the network as each training begins, at its own step."""

    seen: list[State]

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        super().on_train_batch_start(trainer, pl_module, batch, batch_idx)
        if trainer.global_step == self.step:
            state = pl_module.net.state_dict()  # type: ignore[union-attr]
            Spy.seen.append({name: value.clone() for name, value in state.items()})


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[State]:
    """The networks of levels as their training begins, in the order in which they do."""
    Spy.seen = []
    monkeypatch.setattr(module, "StartAt", Spy)
    return Spy.seen


@pytest.mark.parametrize("point", ["0it", "1ep", "3it", "7it"])
def test_without_a_cut_a_rewound_training_is_the_dense_one_bit_by_bit(
    point: str, configure: Configure, tmp_path: Path
) -> None:
    words = (*PLAIN, "model.initialization=default", "recipe.epochs=3")
    dense = do(configure, *words, method="dense")
    again = do(configure, *words, *UNCUT, f"procedure.rewind.weights={point}")
    assert again.ranks == dense.ranks
    assert again.accuracies is not None
    assert dense.accuracies is not None
    assert again.accuracies.last.test == dense.accuracies.last.test


def test_an_uncut_ticket_with_momentum_is_the_dense_network_bit_by_bit(
    configure: Configure,
) -> None:
    assert do(configure, *UNCUT).ranks == do(configure, method="dense").ranks


def test_a_rewound_level_starts_from_the_step_asked_for_under_its_mask(
    configure: Configure, tmp_path: Path, begun: list[State]
) -> None:
    do(configure, "procedure.levels=2", "procedure.rewind.weights=7it")
    (kept,) = tmp_path.glob("*/rewind.pt")
    origin = read_checkpoint(kept)
    assert len(begun) == 2
    for state in begun:
        for name in ("linear1", "linear2", "linear3"):
            mask, weight = state[f"{name}.mask"], state[f"{name}.weight"]
            assert not weight[~mask].any()
            assert torch.equal(weight[mask], origin[f"{name}.weight"][mask])
            assert torch.equal(state[f"{name}.bias"], origin[f"{name}.bias"])


def test_statistics_of_norms_go_back_with_the_weights(
    configure: Configure, tmp_path: Path, begun: list[State]
) -> None:
    words = ("model=vgg11", "model.width=0.1", "procedure.rewind.weights=1ep", "procedure.levels=1")
    do(configure, *words)
    (kept,) = tmp_path.glob("*/rewind.pt")
    origin = read_checkpoint(kept)
    names = [name for name in origin if "running" in name]
    assert names
    assert all(torch.equal(begun[0][name], origin[name]) for name in names)


def test_masks_only_lose_weights_over_the_levels(configure: Configure, tmp_path: Path) -> None:
    records = [do(configure, f"procedure.levels={level}") for level in (3, 2, 1)]
    third, second, first = (trained(record, tmp_path) for record in records)
    for name in (name for name in first if name.endswith("mask")):
        assert not (second[name] & ~first[name]).any()
        assert not (third[name] & ~second[name]).any()
    assert [record.level.number for record in records if record.level] == [3, 2, 1]


LABELS = {3: 51.28, 7: 21.07, 9: 13.52, 11: 8.68, 15: 3.58, 18: 1.85, 20: 1.19}
"""LeNet-300-100's levels and what they keep (%), 10 % a level of the output layer."""


@pytest.mark.parametrize(("level", "label"), LABELS.items())
def test_lenet_keeps_what_the_paper_says(level: int, label: float) -> None:
    masks = Masks({name: mask.bool() for name, mask in _masks().items()})
    scores = {name: torch.rand(mask.shape) for name, mask in masks.items()}
    kept = by_layer(scores, 0.5, masks, kept=0.8**level, last=0.9**level)
    assert 100 * kept.kept / kept.total == pytest.approx(label, abs=0.005)
    assert int(kept["linear3.weight"].sum()) == pytest.approx(1000 * 0.9**level, abs=1)


def _masks() -> State:
    state = lenet_300_100().state_dict()
    return {
        name.replace("mask", "weight"): value
        for name, value in state.items()
        if name.endswith("mask")
    }


def test_a_layerwise_ticket_has_the_output_layers_own_rate(configure: Configure) -> None:
    rates = ("allocation=layerwise", "procedure.last_rate=0.1", "procedure.levels=2")
    record = do(configure, *rates)
    assert record.sparsity is not None
    layers = [1 - sparsity for sparsity in record.sparsity.layers.values()]
    assert layers == pytest.approx([0.64, 0.64, 0.81], abs=1e-3)


def test_two_targets_share_their_levels_and_the_dense_network(
    configure: Configure, tmp_path: Path
) -> None:
    second = do(configure, "sparsity=0.3")
    first, dense = do(configure, "sparsity=0.15"), do(configure, method="dense")
    assert len(list(tmp_path.glob("*/record.json"))) == 3
    assert second.level is not None
    assert first.level is not None
    assert (second.level.parent, first.level.parent) == (first.identity.id, dense.identity.id)
    assert first.identity.method == "lottery"


@pytest.mark.parametrize("level", [0, 2])
def test_a_level_is_the_same_run_whether_typed_singly_or_in_a_sweep(
    level: int, configure: Configure
) -> None:
    words = ("method=lottery", *SHORT, "controls.shuffle=true")
    cfg = OmegaConf.create(resolve(configure(*words, "sparsity=0.7")))
    alone = ("method=lottery", f"procedure.levels={level}") if level else ("method=dense",)
    own = resolve(configure(*SHORT, *alone))
    assert identity(resolve(level_below(cfg, level))) == identity(own)


def test_reinitialized_weights_have_the_tickets_masks(
    configure: Configure, tmp_path: Path, begun: list[State]
) -> None:
    ticket = do(configure, "procedure.levels=2")
    control = do(configure, "procedure.levels=2", "controls.reinitialize=true")
    assert ticket.weights is not None
    assert control.weights is not None
    assert control.weights.masks == ticket.weights.masks
    assert control.level is not None
    assert ticket.level is not None
    assert control.level.parent == ticket.level.parent
    *_, one, other = begun
    kept = one["linear1.mask"]
    assert (one["linear1.weight"][kept] != other["linear1.weight"][kept]).all()


def test_a_controls_method_shares_the_tickets_levels(configure: Configure, tmp_path: Path) -> None:
    do(configure, "procedure.levels=2", method="reinitialized")
    do(configure, "procedure.levels=1")
    names = [path.name.split("seed")[0] for path in sorted(tmp_path.glob("*/"))]
    start = "digits-lenet_300_100"
    parts = ("dense-0-", "lottery-0.2-", "reinitialized-0.36-")
    assert names == [f"{start}-{part}" for part in parts]


def test_shuffled_masks_keep_as_many_weights_in_each_layer(configure: Configure) -> None:
    ticket = do(configure, "procedure.levels=2")
    control = do(configure, "procedure.levels=2", "controls.shuffle=true")
    assert ticket.sparsity is not None
    assert control.sparsity is not None
    assert control.sparsity.layers == ticket.sparsity.layers
    assert ticket.weights is not None
    assert control.weights is not None
    assert control.weights.masks != ticket.weights.masks


REWINDS = {
    "lottery": ("0it", "true", [0, 0], ["1", "2"]),
    "lr_finetune": ("null", "true", [None, 0], ["1", "2"]),
    "lr_lottery": ("0it", "false", [0, None], ["3", "4"]),
    "finetune": ("null", "false", [None, None], ["3", "4"]),
}


@pytest.mark.parametrize("name", REWINDS)
def test_weights_and_rate_are_rewound_each_for_itself(
    name: str, configure: Configure, tmp_path: Path, begun: list[State]
) -> None:
    weights, rate, steps, epochs = REWINDS[name]
    words = (f"procedure.rewind.weights={weights}", f"procedure.rewind.rate={rate}")
    record = do(configure, *words, "procedure.levels=1")
    dense = do(configure, method="dense")
    assert record.level is not None
    assert [record.level.rewound, record.level.schedule] == steps
    curve, whole = rows(record, tmp_path), rows(dense, tmp_path)
    assert [row["epoch"] for row in curve] == epochs
    rates = [row["lr"] for row in whole]
    assert [row["lr"] for row in curve] == (rates if rate == "true" else rates[-1:] * 2)
    (start,) = begun
    kept, end = start["linear1.mask"], trained(dense, tmp_path)["linear1.weight"]
    assert torch.equal(start["linear1.weight"][kept], end[kept]) == (weights == "null")


@pytest.mark.parametrize("method", METHODS)
def test_every_method_in_levels_runs(method: str, configure: Configure) -> None:
    epochs = 2 if method == "late_lottery" else 1  # it goes back to the end of the first
    record = do(configure, f"recipe.epochs={epochs}", "sparsity=0.2", method=method)
    assert record.status == "finished"
    assert record.sparsity is not None
    assert record.sparsity.got == pytest.approx(0.2, abs=0.01)


def test_a_supermask_is_measured_on_the_first_weights(configure: Configure, tmp_path: Path) -> None:
    words = ("sparsity=0.6", "procedure.levels=1")
    words += ("procedure.rate=null", "procedure.last_rate=null")
    record = do(configure, *words, method="supermask")
    dense = do(configure, method="dense")
    assert record.accuracies is not None
    assert (record.accuracies.last.epoch, rows_or_none(record, tmp_path)) == (0, None)
    mask = trained(record, tmp_path)["linear1.mask"]
    found, end = (trained(one, tmp_path)["linear1.weight"] for one in (record, dense))
    start = lenet_300_100(channels=1, image_size=8).linear1.weight
    assert torch.equal(found, torch.where(mask, start, 0.0))
    score = (end * start.sign()).relu()
    assert score[mask].min() >= score[~mask].max()
    shuffled = do(configure, *words, "controls.shuffle=true", method="supermask")
    assert shuffled.accuracies is not None
    assert record.accuracies.last.test > shuffled.accuracies.last.test + 10


def test_levels_below_a_supermask_are_trained_and_say_so(
    configure: Configure, tmp_path: Path
) -> None:
    do(configure, "procedure.levels=2", method="supermask")
    titles = {read_record(path).identity.method for path in tmp_path.glob("*/record.json")}
    assert titles == {"dense", "supermask", "supermask procedure.retrain=true"}


def test_only_the_last_level_is_left_untrained(configure: Configure, tmp_path: Path) -> None:
    do(configure, "procedure.levels=2", "procedure.retrain=false")
    ticket = do(configure, "procedure.levels=1")
    assert ticket.level is not None
    assert len(rows(ticket, tmp_path)) == 2
    assert len(list(tmp_path.glob("*lottery*"))) == 2  # the level below is that ticket


def test_retraining_takes_the_last_epochs_of_the_schedule(
    configure: Configure, tmp_path: Path
) -> None:
    words = ("procedure.rewind.weights=null", "procedure.epochs=1", "procedure.levels=1")
    record = do(configure, *words)
    dense = rows(do(configure, method="dense"), tmp_path)
    (only,) = rows(record, tmp_path)
    assert (only["epoch"], only["lr"], only["step"]) == ("2", dense[-1]["lr"], dense[-1]["step"])


def test_a_level_that_was_cut_short_ends_as_it_would_have(
    configure: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("procedure.levels=1", "procedure.rewind.weights=2it", "recipe.epochs=3")

    class Stops(StartAt):
        def on_train_batch_start(self, trainer: pl.Trainer, *rest: Any) -> None:
            super().on_train_batch_start(trainer, *rest)
            if trainer.global_step == 2 * STEPS + 1:
                raise SystemExit(1)

    with monkeypatch.context() as patched:
        patched.setattr(module, "StartAt", Stops)
        with pytest.raises(SystemExit):
            do(configure, *words)
    assert list(tmp_path.glob("*lottery*/last.ckpt"))
    resumed = do(configure, *words)
    whole = do(configure, *words, f"output={tmp_path / 'whole'}")
    assert resumed.ranks == whole.ranks
    assert [row["step"] for row in rows(resumed, tmp_path)] == ["5", "10", "15"]


def test_a_level_above_one_that_failed_is_refused_in_a_sentence(
    configure: Configure, tmp_path: Path
) -> None:
    first = do(configure, "procedure.levels=1")
    path = folder_of(first, tmp_path) / "record.json"
    replace(read_record(path), status="failed", error="ValueError: no").write(path)
    with pytest.raises(Refusal, match=r"level 1 failed \(ValueError: no\), .* rerun=failed"):
        do(configure, "procedure.levels=2")
    assert do(configure, "procedure.levels=2", "rerun=failed").done


def test_a_level_that_fails_now_is_named_by_those_above(
    configure: Configure, tmp_path: Path
) -> None:
    with pytest.raises(LevelFailed, match=r"the dense training \(level 0\) failed, .*diverged"):
        do(configure, "procedure.levels=2", "recipe.optimizer.lr=1e30")
    (above,) = tmp_path.glob("*lottery-0.36*/record.json")
    assert "the dense training (level 0) failed" in str(read_record(above).error)


def test_rewinding_past_the_end_is_refused_before_any_work(
    configure: Configure, tmp_path: Path
) -> None:
    with pytest.raises(Refusal, match="step 10, not before the end of a training of 10 steps"):
        do(configure, "procedure.rewind.weights=10it")
    assert not list(tmp_path.glob("*dense*"))


def test_the_record_has_the_step_with_the_lowest_validation_loss(
    configure: Configure, tmp_path: Path
) -> None:
    record = do(configure, "procedure.levels=1")
    losses = {float(row["val/loss"]): int(row["step"]) for row in rows(record, tmp_path)}
    assert record.level is not None
    assert record.level.early_stop == losses[min(losses)]
