from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from goldpan.channels.allocation import global_channels, kept_channels, layerwise_channels
from goldpan.channels.choosing import channel_scores, fraction_of_round, prunable_groups
from goldpan.models.resnet import resnet56
from goldpan.models.vgg import vgg16

SCORES = {"a": torch.arange(10.0), "b": torch.arange(100.0, 110.0), "c": torch.arange(2.0)}


def counts(kept: dict[str, torch.Tensor]) -> dict[str, int]:
    return {name: int(mask.sum()) for name, mask in kept.items()}


def test_global_allocation_keeps_the_best_of_all_and_the_floor_of_each() -> None:
    assert counts(global_channels(SCORES, 0.5)) == {"a": 3, "b": 10, "c": 2}
    assert counts(global_channels(SCORES, 0.5, floor=0)) == {"a": 1, "b": 10, "c": 0}
    assert global_channels(SCORES, 0.5)["a"].nonzero().flatten().tolist() == [7, 8, 9]


def test_layerwise_allocation_keeps_the_same_fraction_of_each() -> None:
    assert counts(layerwise_channels(SCORES, 0.5)) == {"a": 5, "b": 5, "c": 2}
    assert counts(layerwise_channels(SCORES, 0.9)) == {"a": 3, "b": 3, "c": 2}


@pytest.mark.parametrize("allocate", [global_channels, layerwise_channels])
def test_sparsity_zero_keeps_all_and_one_is_refused(allocate: object) -> None:
    assert all(mask.all() for mask in allocate(SCORES, 0.0).values())  # type: ignore[operator]
    with pytest.raises(ValueError, match=r"got 1\.0"):
        allocate(SCORES, 1.0)  # type: ignore[operator]


@pytest.mark.parametrize("sparsity", [0.1, 0.37, 0.5, 0.7, 0.9, 0.99])
@pytest.mark.parametrize("channels", [1, 2, 11, 16, 64, 2016, 4224])
def test_the_count_by_quantile_is_what_lies_above_numpys_quantile(
    channels: int, sparsity: float
) -> None:
    scores = np.random.default_rng(0).permutation(channels).astype(float)
    above = int((scores > np.quantile(scores, sparsity)).sum())
    assert kept_channels(channels, sparsity, "quantile") == above


@pytest.mark.parametrize(
    ("channels", "sparsity", "kept"),
    [(16, 0.5, 8), (16, 0.7, 4), (32, 0.7, 9), (64, 0.7, 19), (16, 0.95, 0), (16, 0.0, 16)],
)
def test_gregs_code_rounds_up_the_filters_that_go(
    channels: int, sparsity: float, kept: int
) -> None:
    """ceil(0.7 * 16) = 12, ceil(22.4) = 23, ceil(44.8) = 45; of 16 filters 95 % are 15.2."""
    assert kept_channels(channels, sparsity, "at_most") == kept


def test_one_round_removes_the_sparsity_itself_where_a_last_bit_would_be_a_filter_more() -> None:
    """1 - (1 - 0.3) is 0.30000000000000004 in floats, and ceil(10 times that) is 4."""
    assert kept_channels(10, fraction_of_round(0.3, 1), "at_most") == 7
    assert fraction_of_round(0.75, 2) == pytest.approx(0.5)


def test_the_first_layers_are_spared_where_that_is_asked() -> None:
    assert counts(layerwise_channels(SCORES, 0.5, spare=1)) == {"a": 10, "b": 5, "c": 2}
    spared = layerwise_channels(SCORES, 0.99, floor=1, count="at_most", spare=2)
    assert counts(spared) == {"a": 10, "b": 10, "c": 1}


def test_another_count_is_refused() -> None:
    with pytest.raises(ValueError, match="one of nearest, quantile, at_most, got official"):
        layerwise_channels(SCORES, 0.5, count="official")  # type: ignore[arg-type]


def importances(net: nn.Module) -> dict[str, torch.Tensor]:
    """Distinct importances of every prunable channel, at random."""
    generator = torch.Generator().manual_seed(0)
    groups = channel_scores(net, prunable_groups(net, (3, 32, 32)))
    return {name: torch.rand(len(score), generator=generator) for name, score in groups.items()}


@pytest.mark.parametrize(
    ("build", "allocate", "sparsity", "kept", "before"),
    [
        (resnet56, layerwise_channels, 0.9, 126, 108),
        (vgg16, layerwise_channels, 0.9, 430, 422),
        (vgg16, global_channels, 0.9, 423, 422),
        (resnet56, layerwise_channels, 0.5, 504, 504),
        (vgg16, layerwise_channels, 0.5, 2112, 2112),
        (vgg16, global_channels, 0.5, 2112, 2112),
    ],
)
def test_as_many_channels_are_kept_as_by_the_authors_code(
    build: Callable[..., nn.Module],
    allocate: Callable[..., dict[str, torch.Tensor]],
    sparsity: float,
    kept: int,
    before: int,
) -> None:
    """Counts of receding-neuron-importances 0db9cec; `before` is ours without the option."""
    scores = importances(build(classes=10, channels=3, image_size=32, seed=0))
    assert sum(counts(allocate(scores, sparsity, count="quantile")).values()) == kept
    assert sum(counts(allocate(scores, sparsity)).values()) == before
