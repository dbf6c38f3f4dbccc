"""When weights and activations become quantised, in which order, and that a resume repeats it."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from goldpan.allocation.layerwise import layerwise
from goldpan.data.sampling import Sampling
from goldpan.data.vision import VisionData
from goldpan.layers.masked import MaskedConv2d, MaskedLinear
from goldpan.layers.quantized import Grid, QuantizedConv2d, quantizable
from goldpan.masks import masked_layers, read_masks
from goldpan.schedules.calendar import every, once
from goldpan.schedules.sparsity import cubic, one_shot
from goldpan.scorers.magnitude import magnitude
from goldpan.training.callbacks.growing_penalty import GrowingPenalty
from goldpan.training.callbacks.prune_before import PruneBefore
from goldpan.training.callbacks.prune_during import PruneDuring
from goldpan.training.callbacks.quantize import Quantize, in_order
from goldpan.training.classifier import Classifier
from goldpan.training.length import Length

Fit = Callable[..., pl.Trainer]
Build = Callable[..., Classifier]

FEW = Sampling(per_class=1)
LENGTH = Length(12, 4)


def quantize(activation_sparsity: float = 0.0, **options: Any) -> Quantize:
    """By default all floats; three epochs have 12 steps."""
    chosen = {
        "order": "prune_first",
        "weight_bits": 32,
        "activation_bits": 32,
        "start": "6it",
        "activation_start": "7it",
        "activation_schedule": partial(cubic, target=activation_sparsity),
        "activation_calendar": partial(every, begin="1it", end="5it", interval="1it"),
    }
    return Quantize(FEW, activation_sparsity=activation_sparsity, **chosen | options)


def gmp(sparsity: float = 0.5, begin: str = "2it", end: str = "6it", **options: Any) -> PruneDuring:
    calendar = partial(every, begin=begin, end=end, interval="1it")
    chosen = {"scorer": magnitude, "allocator": layerwise, "sampling": FEW, "calendar": calendar}
    return PruneDuring(**{"schedule": partial(cubic, target=sparsity)} | chosen | options)


class Notes(pl.Callback):
    """Before each step: whether the first layer is quantised, and its values."""

    def __init__(self) -> None:
        self.grids: list[tuple[Grid | None, Grid | None]] = []
        self.cut: list[dict[str, float]] = []

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: object
    ) -> None:
        found = [getattr(layer, "values", None) for layer in quantizable(pl_module.net).values()]  # type: ignore[arg-type]
        first = found[0]
        self.grids.append((None, None) if first is None else (first.weight, first.input))
        masks = [None if one is None else one.mask for one in found]
        self.cut.append({str(i): int((~m).sum()) for i, m in enumerate(masks) if m is not None})


def test_weights_and_activations_are_floats_until_their_times(fit: Fit, build: Build) -> None:
    system, notes = build(), Notes()
    fit(system, quantize(weight_bits=4, activation_bits=8), notes, epochs=3)
    weights = [grid is not None for grid, _ in notes.grids]
    inputs = [grid is not None for _, grid in notes.grids]
    assert weights == [False] * 6 + [True] * 6
    assert inputs == [False] * 7 + [True] * 5
    assert {(grid.bits, grid) for grid, _ in notes.grids[6:] if grid} == {(4, notes.grids[6][0])}


def test_the_trained_network_is_plain_and_its_weights_lie_on_their_grids(
    fit: Fit, build: Build
) -> None:
    system, chosen = build(), quantize(weight_bits=3, activation_bits=8)
    fit(system, chosen, epochs=3)
    assert {type(layer) for layer in masked_layers(system.net).values()} == {
        MaskedConv2d,
        MaskedLinear,
    }
    for name, layer in quantizable(system.net).items():
        whole = layer.weight.detach() * 2.0 ** chosen.weight_exponents[name]
        assert torch.equal(whole, whole.round())
        assert set(whole.unique().tolist()) <= set(range(-4, 4))


@pytest.mark.filterwarnings("ignore:.*LeafSpec", "ignore:.*does not have many workers")
def test_its_accuracy_is_that_of_the_network_that_is_left(
    fit: Fit, build: Build, data: VisionData
) -> None:
    """Where activations are floats, plain layers with the last weights do the same."""
    system = build()
    trainer = fit(system, quantize(weight_bits=3), epochs=3)
    measured = trainer.callback_metrics["test/loss"]
    trainer.validate(system, datamodule=data, verbose=False)
    assert torch.equal(trainer.callback_metrics["test/loss"], measured)


@pytest.mark.parametrize("order", ["prune_first", "quantize_first"])
def test_of_32_bits_and_no_activation_cut_nothing_changes(
    fit: Fit, build: Build, order: str
) -> None:
    plain, same = build(), build()
    fit(plain, gmp(), epochs=3)
    fit(same, *in_order(gmp(), quantize(order=order)), epochs=3)
    expected, found = plain.net.state_dict(), same.net.state_dict()
    assert all(torch.equal(expected[name], found[name]) for name in expected)


def test_activations_are_cut_by_the_cubic_schedule_but_for_the_images(
    fit: Fit, build: Build
) -> None:
    """s (1 - (1 - k / 4)^3) of 6 x 8 x 8 = 384 activations and of 8, at k = 1, 2, 3, 4."""
    system, notes, chosen = build(), Notes(), quantize(0.5)
    fit(system, chosen, notes, epochs=3)
    shares = [0.5 * share for share in (0.578125, 0.875, 0.984375, 1)]
    assert notes.cut[:2] == [{}, {}]
    first = [cut["1"] for cut in notes.cut[2:]]
    assert first == [round(384 * share) for share in (*shares, *[0.5] * 6)]
    assert [set(cut) for cut in notes.cut[2:]] == [{"1", "2"}] * 10
    assert notes.cut[-1]["2"] == 4
    assert chosen.result(system.net).activation_sparsity == 0.5


class Few(nn.Module):
    """A layer of some weights."""

    def __init__(self, *weights: float) -> None:
        super().__init__()
        self.layer = MaskedLinear(len(weights), 1, bias=False)
        with torch.no_grad():
            self.layer.weight.copy_(torch.tensor([weights]))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.layer(x.flatten(1)[:, : self.layer.in_features]).expand(-1, 10)
        return out


def of_few(
    fit: Fit, build: Build, weights: tuple[float, ...], sparsity: float, order: str, start: str
) -> tuple[list[float], int]:
    """The weights at the end and their exponent, cut once before step 6 and never moved."""
    system = build(
        lambda seed: Few(*weights), optimizer=lambda groups: torch.optim.SGD(groups, 0.0)
    )
    cut = gmp(schedule=partial(one_shot, target=sparsity), calendar=partial(once, at="6it"))
    chosen = quantize(order=order, weight_bits=2, start=start)
    fit(system, *in_order(cut, chosen), epochs=3)
    (layer,) = quantizable(system.net).values()
    return layer.weight[0].tolist(), chosen.weight_exponents["layer.weight"]


@pytest.mark.parametrize("starts", [("8it", "4it"), ("6it", "6it")], ids=["apart", "at_once"])
def test_the_orders_do_not_commute_by_hand(fit: Fit, build: Build, starts: tuple[str, str]) -> None:
    """Of 2 bits, -2 to 1. Prune first: 0.26 stays, and d = 2 makes it 1/4. Quantise first: d = 3
    makes the first two 1/8 (the squared error is 0.041, and 0.068 at d = 2), and the later goes."""
    few = ((0.24, 0.26, 0.1), 2 / 3)
    assert of_few(fit, build, *few, "prune_first", starts[0]) == ([0.0, 0.25, 0.0], 2)
    assert of_few(fit, build, *few, "quantize_first", starts[1]) == ([0.125, 0.0, 0.0], 3)


def test_quantised_first_may_leave_nothing_to_rank(fit: Fit, build: Build) -> None:
    pair = ((0.24, 0.26), 0.5)
    assert of_few(fit, build, *pair, "prune_first", "8it") == ([0.0, 0.25], 2)
    with pytest.raises(ValueError, match=r"every weight.* has the score 0\.125"):
        of_few(fit, build, *pair, "quantize_first", "4it")


@pytest.mark.parametrize("order", ["prune_first", "quantize_first"])
def test_scores_see_plain_layers_and_the_weights_of_the_order(
    fit: Fit, build: Build, order: str
) -> None:
    seen: list[tuple[bool, bool]] = []

    def scorer(model: nn.Module, batches: Any, loss: Any) -> dict[str, Tensor]:
        exponent = chosen.weight_exponents["0.weight"]
        weight = model[0].weight.detach()  # type: ignore[index]
        seen.append(
            (type(model[0]) is MaskedConv2d, torch.equal(weight, Grid(4, exponent)(weight)))
        )  # type: ignore[index]
        return dict(magnitude(model, batches, loss))

    chosen = quantize(order=order, weight_bits=4, activation_bits=4, start="1it")
    fit(build(), *in_order(gmp(scorer=scorer), chosen), epochs=3)
    assert seen == [(True, order == "quantize_first")] * 5


class Killed(pl.Callback):
    """Ends the process' part of a run before an epoch."""

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.current_epoch == 1:
            raise InterruptedError


@pytest.mark.parametrize("start", ["3it", "4it", "5it"])
@pytest.mark.parametrize("order", ["prune_first", "quantize_first"])
def test_a_run_that_was_killed_goes_on_bit_for_bit(
    fit: Fit, build: Build, tmp_path: Path, order: str, start: str
) -> None:
    """Killed after four steps: behind the start, just at it, and before it."""
    options = {"order": order, "weight_bits": 3, "activation_bits": 4, "start": start}
    options |= {"activation_start": start}

    def parts() -> list[pl.Callback]:
        return in_order(gmp(begin="5it", end="9it"), quantize(0.5, **options))

    whole, half, resumed = build(), build(), build()
    first, last = parts(), parts()
    fit(whole, *first, epochs=3)
    with pytest.raises(InterruptedError):
        fit(half, *parts(), Killed(), epochs=3)
    fit(resumed, *last, epochs=3, resume=tmp_path / "last.ckpt")
    expected, found = whole.net.state_dict(), resumed.net.state_dict()
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    of_whole, of_resumed = (next(p for p in ps if isinstance(p, Quantize)) for ps in (first, last))
    assert of_whole.input_exponents == of_resumed.input_exponents
    assert of_whole.weight_exponents == of_resumed.weight_exponents
    assert of_whole.masks.keys() == of_resumed.masks.keys() != set()
    assert all(torch.equal(mask, of_resumed.masks[name]) for name, mask in of_whole.masks.items())


def test_a_run_that_was_killed_behind_its_last_step_ends_quantised(
    fit: Fit, build: Build, tmp_path: Path
) -> None:
    whole, resumed = build(), build()
    fit(whole, quantize(weight_bits=3), epochs=3)
    fit(resumed, quantize(weight_bits=3), epochs=3, resume=tmp_path / "last.ckpt")
    expected, found = whole.net.state_dict(), resumed.net.state_dict()
    assert all(torch.equal(expected[name], found[name]) for name in expected)


def test_the_record_says_bits_scales_and_size(fit: Fit, build: Build) -> None:
    """54 + 432 + 80 weights are cut to a half; 10 biases and 28 numbers of norms have 32 bits."""
    system, chosen = build(), quantize(weight_bits=4, activation_bits=8)
    fit(system, *in_order(gmp(), chosen), epochs=3)
    found = chosen.result(system.net)
    assert read_masks(system.net).kept == 283
    assert found.size_in_bits == 283 * 4 + 38 * 32
    assert found.weight_exponents.keys() == found.activation_exponents.keys()
    assert "weights of 4 bits, activations of 8: 0.2866 KiB" in found.summary()
    assert quantize().result(system.net).size_in_bits == (283 + 38) * 32


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"start": "12it"}, r"start=12it is step 12, outside a training of 12 steps"),
        ({"activation_start": "1.0"}, r"activation_start=1.0 is step 12, outside"),
    ],
)
def test_times_outside_the_training_are_refused(
    build: Build, data: VisionData, options: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        quantize(**options).check(build().net, data, LENGTH, None)


def test_too_few_images_are_refused_if_activations_need_any(build: Build, data: VisionData) -> None:
    for options in ({"activation_bits": 8}, {"activation_sparsity": 0.5}, {}):
        chosen = quantize(**options)  # type: ignore[arg-type]
        chosen.sampling = Sampling(size=101)
        if not options:
            chosen.check(build().net, data, LENGTH, None)
            continue
        with pytest.raises(ValueError, match="at least size=101 training images"):
            chosen.check(build().net, data, LENGTH, None)


def test_quantising_first_comes_before_the_first_cut(build: Build, data: VisionData) -> None:
    before = PruneBefore(magnitude, layerwise, partial(one_shot, target=0.5), FEW)
    growing = GrowingPenalty(
        *(magnitude, layerwise, partial(one_shot, target=0.5), FEW),
        begin="3it",
        end="7it",
        cut="9it",
        interval="1it",
        ceiling=1.0,
    )
    chosen = quantize(order="quantize_first", weight_bits=4, start="3it")
    for pruner, when in ((before, "before training"), (gmp(), "at step 2")):
        with pytest.raises(ValueError, match=rf"got step 3, and the method cuts {when}; choose"):
            chosen.check(build().net, data, LENGTH, pruner)
    for pruner in (None, growing, gmp(begin="3it")):
        chosen.check(build().net, data, LENGTH, pruner)
    quantize(weight_bits=4, start="3it").check(build().net, data, LENGTH, before)


def test_a_network_without_a_layer_to_quantise_is_refused(data: VisionData) -> None:
    with pytest.raises(ValueError, match="no convolution or linear layer"):
        quantize().check(nn.Sequential(nn.Linear(2, 2)), data, LENGTH, None)


def test_a_network_computes_with_the_layers_of_the_callback(fit: Fit, build: Build) -> None:
    """Validation in the training is that of the quantised network, not of its floats."""
    kinds: list[type] = []

    class Look(pl.Callback):
        def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
            kinds.append(type(pl_module.net[0]))  # type: ignore[index]

    fit(build(), quantize(weight_bits=3), Look(), epochs=3)
    assert kinds == [MaskedConv2d, QuantizedConv2d, QuantizedConv2d]
