from collections.abc import Callable
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from goldpan.channels.allocation import layerwise_channels
from goldpan.channels.choosing import choose_channels, prunable_groups
from goldpan.channels.filter_norms import filter_l1
from goldpan.channels.groups import ChannelGroup
from goldpan.layers.masked import MaskedLinear
from goldpan.training.callbacks.growing_filters import GrowingFilters
from goldpan.training.classifier import Classifier
from goldpan.training.growth import Growth

Fit = Callable[..., pl.Trainer]
Build = Callable[..., Classifier]

SHAPE = (1, 8, 8)
GREG_1 = {"begin": "0it", "end": "5it", "cut": "1.0", "interval": "2it", "ceiling": 0.3}
GREG_2 = {"begin": "0it", "choose": "4it", "end": "8it", "cut": "1.0", "interval": "2it"}
GREG_2 |= {"separation": 0.1, "ceiling": 0.5, "recovery": -0.01}  # type: ignore[dict-item]
PLAIN = {"optimizer": lambda groups: torch.optim.SGD(groups, 0.1)}


def growing(net: nn.Module, **options: Any) -> GrowingFilters:
    """Half of the 6 and of the 8 filters of the small network are chosen."""
    groups = prunable_groups(net, SHAPE)
    allocate = partial(layerwise_channels, floor=1)
    choose = partial(
        choose_channels,
        shape=SHAPE,
        sparsity=0.5,
        allocate=allocate,
        score=filter_l1,
        groups=groups,
    )
    return GrowingFilters(choose, groups, Growth(**options))


@pytest.mark.parametrize(
    ("options", "chosen", "others"),
    [
        (GREG_1, [0.1, 0.1, 0.2, 0.2, 0.3, 0.3, 0.3, 0.3], [0] * 8),
        (
            GREG_2,
            [0.05, 0.05, 0.1, 0.1, 0.3, 0.3, 0.5, 0.5],
            [0.05, 0.05, 0.1, 0.1, *[-0.01] * 4],
        ),
    ],
    ids=["greg_1", "greg_2"],
)
def test_without_a_loss_chosen_filters_decay_by_the_product_and_the_others_by_theirs(
    fit: Fit, build: Build, options: dict[str, Any], chosen: list[float], others: list[float]
) -> None:
    """w = w0 * product of (1 - rate * factor), of filters alone; the smallest half is chosen."""
    system = build(loss=lambda logits, y: 0 * logits.sum(), **PLAIN)
    start = {name: value.clone() for name, value in system.net.named_parameters()}
    filters = growing(system.net, **options)
    fit(system, filters, epochs=2)
    shrunk, kept = (prod(1 - 0.1 * factor for factor in ones) for ones in (chosen, others))
    small = dict(system.net.named_parameters())
    for norm, filter_ in (("1", "0.weight"), ("4", "3.weight")):
        stays, w = filters.choice.kept[norm], start[filter_]
        sizes = w.abs().flatten(1).sum(1)
        assert int(stays.sum()) == len(w) // 2
        assert sizes[stays].min() >= sizes[~stays].max()
        torch.testing.assert_close(small[filter_][~stays], w[~stays] * shrunk)
        torch.testing.assert_close(small[filter_][stays], w[stays] * kept)
    for name in start.keys() - {"0.weight", "3.weight"}:
        assert torch.equal(small[name], start[name])


class Wells(nn.Module):
    """Two filters of one weight each, which are the answer to each image."""

    def __init__(self) -> None:
        super().__init__()
        self.wells = MaskedLinear(1, 2, bias=False)
        with torch.no_grad():
            self.wells.weight.copy_(torch.tensor([[1.0], [0.9]]))

    def forward(self, x: Tensor) -> Tensor:
        return self.wells.weight.flatten().expand(len(x), 2)


def curved(answer: Tensor, _: Tensor) -> Tensor:
    """h / 2 (w - w0)^2, h = (1, 4), w0 = (1, 0.9)."""
    offset = answer[0] - answer.new_tensor([1.0, 0.9])
    return (answer.new_tensor([0.5, 2.0]) * offset.square()).sum()


@pytest.mark.parametrize(
    ("begin", "kept"), [("30it", [True, False]), ("0it", [False, True])], ids=["greg_1", "greg_2"]
)
def test_the_first_way_chooses_what_is_small_and_the_second_what_the_loss_holds_least(
    fit: Fit, build: Build, begin: str, kept: list[bool]
) -> None:
    """Under the factor 1 weights come to h w0 / (h + 1): (0.5, 0.72)."""
    system = build(lambda seed: Wells(), loss=curved, **PLAIN)
    places = {("wells", "out"): torch.arange(2)}
    group = ChannelGroup("wells", 2, (), ("wells",), (), places)
    times = {"begin": begin, "choose": "30it", "end": "34it", "cut": "36it", "interval": "30it"}
    choose = partial(
        choose_channels,
        shape=SHAPE,
        sparsity=0.5,
        allocate=partial(layerwise_channels, floor=1),
        score=filter_l1,
        groups=[group],
    )
    growth = Growth(separation=1.0, ceiling=2.0, **times)  # type: ignore[arg-type]
    filters = GrowingFilters(choose, [group], growth)
    fit(system, filters, epochs=10)
    assert filters.choice.kept["wells"].tolist() == kept


class Killed(pl.Callback):
    """Ends the process' part of a run before an epoch."""

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.current_epoch == 1:
            raise InterruptedError


@pytest.mark.parametrize("choose", ["3it", "4it", "5it"])
def test_a_run_that_was_killed_goes_on_bit_for_bit(
    fit: Fit, build: Build, tmp_path: Path, choose: str
) -> None:
    """Killed after four steps: behind the choice, just at it, and before it."""
    options = GREG_2 | {"choose": choose, "interval": "1it"}
    whole, half, resumed = build(), build(), build()
    first, last = growing(whole.net, **options), growing(resumed.net, **options)
    fit(whole, first, epochs=3)
    with pytest.raises(InterruptedError):
        fit(half, growing(half.net, **options), Killed(), epochs=3)
    fit(resumed, last, epochs=3, resume=tmp_path / "last.ckpt")
    expected, found = whole.net.state_dict(), resumed.net.state_dict()
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    assert all(torch.equal(first.kept_channels[n], last.kept_channels[n]) for n in ("1", "4"))
