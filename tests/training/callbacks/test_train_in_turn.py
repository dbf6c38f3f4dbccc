"""A core and the whole network in turn: by hand on a line of weights, and by the Trainer."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from goldpan.layers.masked import MaskedLinear
from goldpan.masks import Masks, mask_gradients, masked_layers, read_masks, write_masks
from goldpan.runs.checkpoint import read_checkpoint
from goldpan.training.callbacks.train_in_turn import TrainInTurn
from goldpan.training.classifier import Classifier

Fit = Callable[..., pl.Trainer]
Build = Callable[..., Classifier]


class Cut(pl.Callback):
    """Cuts before the training, as a pruner does: all weights, or those at odd places."""

    def __init__(self, *, odd: bool = True) -> None:
        self.odd, self.done = odd, False

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if not self.done:
            write_masks(pl_module.net, core_of(pl_module.net, odd=self.odd))  # type: ignore[arg-type]
        self.done = True

    def state_dict(self) -> dict[str, Any]:
        return {"done": self.done}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.done = state_dict["done"]


class Spy(pl.Callback):
    """Copies weights and momenta at the start and after each step, when the whole network is in."""

    def __init__(self) -> None:
        self.weights: list[dict[str, Tensor]] = []
        self.momenta: list[dict[str, Tensor]] = []

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.note(trainer, pl_module)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any
    ) -> None:
        self.note(trainer, pl_module)

    def note(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        layers = masked_layers(pl_module.net)  # type: ignore[arg-type]
        assert read_masks(pl_module.net).sparsity == 0  # type: ignore[arg-type]
        state = trainer.optimizers[0].state
        self.weights.append({name: layer.weight.detach().clone() for name, layer in layers.items()})
        self.momenta.append(
            {
                name: state[layer.weight]["momentum_buffer"].clone()
                for name, layer in layers.items()
                if layer.weight in state
            }
        )


def core_of(net: nn.Module, *, odd: bool = True) -> Masks:
    """Every second weight, or all of them."""
    return Masks(
        {
            name: (torch.arange(mask.numel()).view(mask.shape) % 2 == 0) | (not odd)
            for name, mask in read_masks(net).items()
        }
    )


def decaying(groups: Any) -> torch.optim.Optimizer:
    return torch.optim.SGD(groups, 0.05, momentum=0.9, weight_decay=0.01)


def test_a_core_of_all_weights_is_trained_as_without_turns(
    build: Build, fit: Fit, tmp_path: Path
) -> None:
    """Bit by bit; running statistics are each network's own, so those of half the steps."""
    plain, turned = build(), build()
    fit(plain, epochs=2)
    fit(turned, TrainInTurn(tmp_path / "full.pt"), Cut(odd=False), epochs=2)
    for one, other in zip(plain.net.parameters(), turned.net.parameters(), strict=True):
        assert torch.equal(one, other)
    assert turned.net[1].num_batches_tracked == 4  # type: ignore[index,union-attr]
    assert read_checkpoint(tmp_path / "full.pt")["1.num_batches_tracked"] == 4


def test_the_core_alone_is_trained_as_a_network_that_was_cut(
    build: Build, fit: Fit, tmp_path: Path
) -> None:
    """Bit by bit, statistics too; the weights outside stay as they were drawn."""
    pruned, core = build(optimizer=decaying), build(optimizer=decaying)
    drawn = {name: value.clone() for name, value in core.net.state_dict().items()}
    fit(pruned, Cut(), epochs=2)
    fit(core, TrainInTurn(tmp_path / "full.pt", 1, 0), Cut(), epochs=2)
    for name, value in pruned.net.state_dict().items():
        assert torch.equal(value, core.net.state_dict()[name]), name
    full = read_checkpoint(tmp_path / "full.pt")
    for name, mask in core_of(core.net).items():
        assert torch.equal(full[name][~mask], drawn[name][~mask])
        assert torch.equal(full[name][mask], core.net.state_dict()[name][mask])


def test_a_core_step_leaves_weights_and_momenta_outside_the_core_bit_by_bit(
    build: Build, fit: Fit, tmp_path: Path
) -> None:
    """Turns of one core step and two whole steps."""
    system, spy = build(optimizer=decaying), Spy()
    fit(system, TrainInTurn(tmp_path / "full.pt", 1, 2), spy, Cut(), epochs=2)
    core = core_of(system.net)
    assert len(spy.weights) == 1 + 8
    for step in range(8):
        for name, mask in core.items():
            before, after = spy.weights[step][name], spy.weights[step + 1][name]
            outside = torch.equal(before[~mask], after[~mask])
            assert outside == (step % 3 == 0)
            assert not torch.equal(before[mask], after[mask])
            if step and step % 3 == 0:
                old, new = spy.momenta[step][name], spy.momenta[step + 1][name]
                assert torch.equal(old[~mask], new[~mask])
                assert old[~mask].any()


class Line:
    """A linear layer w of one output, its loss |X w - y|^2 / 2, and the hooks of a training."""

    def __init__(self, turns: TrainInTurn, x: Tensor, y: Tensor) -> None:
        self.net = nn.Sequential(MaskedLinear(x.shape[1], 1, bias=False))
        self.turns, self.x, self.y = turns, x, y
        self.optimizer = torch.optim.SGD(self.net.parameters(), lr=0.5)
        self.module: Any = SimpleNamespace(net=self.net, device="cpu")
        self.layers = masked_layers(self.net)

    def loss(self) -> Tensor:
        return (self.net(self.x)[:, 0] - self.y).square().sum() / 2

    def train(self, steps: int, core: Masks) -> tuple[list[float], list[float]]:
        """The losses of core steps and of whole steps, before each."""
        losses: tuple[list[float], list[float]] = ([], [])
        trainer: Any = SimpleNamespace(global_step=0, optimizers=[self.optimizer])
        self.turns.on_fit_start(trainer, self.module)
        write_masks(self.net, core)
        self.turns.on_train_start(trainer, self.module)
        for step in range(steps):
            trainer.global_step = step
            self.turns.on_train_batch_start(trainer, self.module, None, step)
            self.optimizer.zero_grad()
            loss = self.loss()
            loss.backward()  # type: ignore[no-untyped-call]
            mask_gradients(self.layers.values())
            self.optimizer.step()
            self.turns.on_train_batch_end(trainer, self.module, None, None, step)
            losses[step % 2].append(float(loss.detach()))
        return losses


def test_with_orthonormal_inputs_both_networks_reach_their_best(tmp_path: Path) -> None:
    """The gradient of X w - y is w - X'y, so w = X'y is a fixed point of both steps."""
    torch.manual_seed(0)
    x, y = torch.linalg.qr(torch.randn(6, 4))[0], torch.randn(6)
    line = Line(TrainInTurn(tmp_path / "full.pt"), x, y)
    core = Masks({"0.weight": torch.tensor([[True, False, True, False]])})
    of_core, of_whole = line.train(60, core)
    best = x.T @ y
    torch.testing.assert_close(line.net[0].weight[0], best)  # type: ignore[index,arg-type]
    residue = (y.square().sum() - best.square().sum()) / 2
    assert of_whole[-1] == pytest.approx(float(residue), rel=1e-5)
    without = (best * ~core["0.weight"][0]).square().sum() / 2
    assert of_core[-1] == pytest.approx(float(residue + without), rel=1e-5)
    for losses in (of_core, of_whole):
        assert all(later <= earlier + 1e-6 for earlier, later in pairwise(losses))
        assert losses[-1] < losses[0]


def test_a_core_step_is_the_gradient_at_the_core_times_its_mask(tmp_path: Path) -> None:
    """X = I, w = (3, 5), y = (1, 1), p = (1, 0): 3 - (3 - 1) / 2 = 2 and 5; then the whole: 2 - 1/2
    and 5 - 4/2."""
    line = Line(TrainInTurn(tmp_path / "full.pt"), torch.eye(2), torch.ones(2))
    line.net[0].weight.data = torch.tensor([[3.0, 5.0]])
    core = Masks({"0.weight": torch.tensor([[True, False]])})
    of_core, of_whole = line.train(2, core)
    assert of_core == [(2**2 + 1) / 2]
    assert of_whole == [(1 + 4**2) / 2]
    assert line.net[0].weight.tolist() == [[1.5, 3.0]]  # type: ignore[union-attr]


def test_a_run_that_was_cut_short_goes_on_as_it_would_have(
    build: Build, fit: Fit, tmp_path: Path
) -> None:
    """Turns of three steps lie across epochs of four."""
    (tmp_path / "whole").mkdir()
    systems = build(), build(), build()
    turns = [TrainInTurn(tmp_path / name, 2, 1) for name in ("whole.pt", "half.pt", "resumed.pt")]
    fit(systems[0], turns[0], Cut(), epochs=3)
    fit(systems[1], turns[1], Cut(), epochs=1)
    fit(systems[2], turns[2], Cut(), epochs=3, resume=tmp_path / "last.ckpt")
    whole, resumed = (read_checkpoint(turn.path) for turn in (turns[0], turns[2]))
    assert all(torch.equal(value, resumed[name]) for name, value in whole.items())
    for name, value in systems[0].net.state_dict().items():
        assert torch.equal(value, systems[2].net.state_dict()[name]), name
    assert turns[0].rows == turns[2].rows
    assert [row["step"] for row in turns[2].rows] == [4, 8, 12]


def test_after_its_last_step_a_run_that_was_cut_short_still_ends_with_its_core(
    build: Build, fit: Fit, tmp_path: Path
) -> None:
    first, again = build(), build()
    fit(first, TrainInTurn(tmp_path / "full.pt"), Cut())
    fit(again, TrainInTurn(tmp_path / "full.pt"), Cut(), resume=tmp_path / "last.ckpt")
    assert read_masks(again.net).sparsity == pytest.approx(0.5, abs=0.02)
    for name, value in first.net.state_dict().items():
        assert torch.equal(value, again.net.state_dict()[name]), name


@torch.no_grad()
def test_validation_measures_both_networks(build: Build, fit: Fit, tmp_path: Path) -> None:
    """The last row is the file's network; the core's accuracy is that of the network in the end."""
    fast = {"optimizer": lambda groups: torch.optim.SGD(groups, 0.3, momentum=0.9)}
    system, turns = build(**fast), TrainInTurn(tmp_path / "full.pt")
    trainer = fit(system, turns, Cut(), epochs=12)
    logged = {name: float(value) for name, value in trainer.callback_metrics.items()}
    data: Any = trainer.datamodule  # type: ignore[attr-defined]
    whole = build().net
    whole.load_state_dict(read_checkpoint(tmp_path / "full.pt"))
    images, labels = next(iter(data.val_dataloader()[0]))
    images, labels = data.on_after_batch_transfer((images, labels), 0)
    for net, name in ((system.net, "test/accuracy"), (whole, "test/full_accuracy")):
        found = (net.eval()(images).argmax(1) == labels).float().mean()
        assert logged[name] == pytest.approx(100 * float(found), abs=1e-3)
    assert turns.rows[-1]["test/accuracy"] == pytest.approx(logged["test/full_accuracy"], abs=1e-3)
    assert logged["test/accuracy"] != logged["test/full_accuracy"]
