from collections.abc import Callable
from functools import partial

import pytest
import torch

from goldpan.channels.stability import Kept, Watch, counts, hamming

EARLY_BIRD = Watch(hamming, earlier=4, of="least", threshold=0.9, rising=0, untrained=False)
EPI = Watch(counts, earlier=5, of="mean", threshold=0.983, rising=5, untrained=True)


def kept(*numbers: int, of: int = 8, last: bool = False) -> Kept:
    """Groups of `of` channels that keep the first of them, or the last."""
    places = torch.arange(of).flip(0) if last else torch.arange(of)
    return {f"norm{index}": places < number for index, number in enumerate(numbers)}


def flipped(number: int) -> Kept:
    """A hundred channels; the first `number` of them are the other way round than in flipped(0)."""
    return {"norm": (torch.arange(100) < 50) ^ (torch.arange(100) < number)}


def drawn(watch: Watch, networks: list[Kept]) -> list[bool]:
    """Whether each network of a series, in its turn, counts as settled."""
    found = [watch.stability(networks[: index + 1]) for index in range(len(networks))]
    return [watch.settled(found[: index + 1]) for index in range(len(found))]


def test_equal_masks_are_drawn_at_the_fifth_epoch_and_never_before() -> None:
    assert drawn(EARLY_BIRD, [flipped(0)] * 6) == [False] * 4 + [True] * 2


def test_masks_that_differ_in_11_of_100_channels_are_not_drawn() -> None:
    assert not any(drawn(EARLY_BIRD, [flipped(0)] * 4 + [flipped(11)]))


def test_masks_that_differ_in_10_of_100_channels_are_drawn() -> None:
    assert drawn(EARLY_BIRD, [flipped(0)] * 4 + [flipped(10)])[-1]


def test_one_far_mask_among_the_four_before_blocks_the_draw() -> None:
    series = [flipped(11), *[flipped(0)] * 4]
    assert not drawn(EARLY_BIRD, series)[-1]
    assert drawn(EARLY_BIRD, [*series, flipped(0)])[-1]


@pytest.mark.parametrize(
    ("one", "other", "psi"),
    [((4, 4), (4, 4), 1), ((6, 2), (2, 6), 0.5), ((8, 0), (4, 4), 1 / 3), ((0, 4), (0, 4), 1)],
)
def test_psi_is_that_of_the_paper(one: tuple[int, ...], other: tuple[int, ...], psi: float) -> None:
    assert counts(kept(*one), kept(*other)) == pytest.approx(psi)


@pytest.mark.parametrize("similarity", [hamming, counts])
def test_a_similarity_is_symmetric_and_within_0_and_1(
    similarity: Callable[[Kept, Kept], float],
) -> None:
    generator = torch.Generator().manual_seed(0)
    draw = partial(torch.randint, 0, 2, generator=generator)
    for _ in range(50):
        one, other = ({n: draw((6,)).bool() for n in "abc"} for _ in range(2))
        assert 0 <= similarity(one, other) == similarity(other, one) <= 1


def test_counts_do_not_see_which_channels_are_kept() -> None:
    series = [kept(4, 4, last=index % 2 == 1) for index in range(6)]
    assert EPI.stability(series) == 1
    assert Watch(hamming, 5, "mean", 0.983, 5, untrained=True).stability(series) == 0.4


def test_the_indicator_does_not_trigger_before_the_sixth_network() -> None:
    assert drawn(EPI, [kept(4, 4)] * 6) == [False] * 5 + [True]


@pytest.mark.parametrize(
    ("before", "expected"), [(0.99, True), (0.991, False), (None, True), (0.5, True)]
)
def test_a_higher_indicator_among_the_five_before_blocks_the_trigger(
    before: float | None, expected: bool
) -> None:
    series = [before, 0.9, 0.9, 0.9, 0.9, 0.99]
    assert EPI.settled(series) is expected
    assert EPI.settled([1.0, *series]) is expected  # six before: it no longer counts


def test_the_threshold_itself_is_enough() -> None:
    assert EPI.settled([0.983])
    assert not EPI.settled([0.9829])
