"""The first valley by hand, on made-up histograms."""

import pytest
import torch

from goldpan.channels.allocation import Count, global_channels
from goldpan.channels.valley import first_valley, fraction_below_valley


@pytest.mark.parametrize(
    ("counts", "valley"),
    [
        ([5, 3, 1, 4, 9], 2),
        ([9, 0, 0, 0, 3], 1),
        ([1, 7, 4, 2, 3, 1, 6], 3),
        ([0, 2, 5, 9], 0),
        ([9, 5, 2, 1], 0),
    ],
)
def test_the_first_valley_of_a_histogram(counts: list[int], valley: int) -> None:
    assert first_valley(counts) == valley


SCORES = {
    "a": torch.tensor([0.001, 0.002, 0.003, 0.012, 0.9, 0.95]),
    "b": torch.tensor([0.004, 0.013, 0.025, 0.034, 0.035, 1.0]),
}
"""Bins of 0.01 hold 4, 2, 1, 2 and then 0: the valley is bin 2, and 6 of 12 lie below 0.02."""


@pytest.mark.parametrize("count", ["nearest", "quantile"])
def test_channels_below_the_valley_go_however_they_are_counted(count: Count) -> None:
    fraction = fraction_below_valley(SCORES)
    assert fraction == 0.5
    kept = global_channels(SCORES, fraction, floor=0, count=count)
    assert {name: mask.tolist() for name, mask in kept.items()} == {
        name: (score > 0.02).tolist() for name, score in SCORES.items()
    }


@pytest.mark.parametrize(("score", "below"), [(0.5, "0 of 4"), (0.001, "4 of 4")])
def test_scales_that_have_not_parted_are_refused(score: float, below: str) -> None:
    with pytest.raises(ValueError, match=rf"at 0\.01, has {below} channels below it.*=ratio"):
        fraction_below_valley({"a": torch.full((4,), score)})
