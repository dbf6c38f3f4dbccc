import numpy as np
import pytest
import torch

from goldpan.allocation.selection import (
    SAMPLE,
    by_sorting,
    by_sorting_among,
    highest,
    highest_among,
)


def test_ties_go_to_the_first() -> None:
    kept = highest(torch.tensor([1.0, 2.0, 2.0, 2.0, 3.0]), 3)
    assert kept.tolist() == [False, True, True, False, True]


@pytest.mark.parametrize("count", [0, 1, 500, 999, 1000])
def test_the_count_is_exact_among_many_ties(count: int) -> None:
    scores = torch.arange(1000) // 100
    assert int(highest(scores.float(), count).sum()) == count


@pytest.mark.parametrize("zeros", [0.0, 0.9])
def test_the_count_is_exact_at_twenty_million_scores(zeros: float) -> None:
    generator = torch.Generator().manual_seed(0)
    scores = torch.rand(20_000_000, generator=generator)
    scores[: int(zeros * len(scores))] = 0
    for count in (400_000, 5_000_001):
        kept = highest(scores, count)
        assert int(kept.sum()) == count
        assert scores[kept].min() >= scores[~kept].max()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("kind", ["periodic", "sorted", "few values", "infinite", "two heaps"])
def test_it_is_the_first_of_a_stable_sort(kind: str, dtype: torch.dtype) -> None:
    count = 3 * SAMPLE + 11
    generator = torch.Generator().manual_seed(1)
    scores = torch.rand(count, generator=generator, dtype=dtype)
    if kind == "periodic":
        scores[::3] = 0.5
    elif kind == "sorted":
        scores = scores.sort().values
    elif kind == "few values":
        scores = (scores * 7).floor()
    elif kind == "infinite":
        scores[scores < 0.6] = -torch.inf
        scores[scores > 0.95] = torch.inf
    else:
        scores[: count // 2] += 100
    order = scores.sort(descending=True, stable=True).indices
    for kept in (1, 17, count // 20, count // 3, count // 2, count - count // 50, count - 1):
        expected = torch.zeros(count, dtype=torch.bool)
        expected[order[:kept]] = True
        assert torch.equal(highest(scores, kept), expected), kept


def test_kernels_of_nine_weights_are_bracketed_at_the_first_try(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Scores may depend on the place in a 3 x 3 kernel: a sample at equal steps would miss it."""
    monkeypatch.setattr(torch.Tensor, "kthvalue", None)
    scores = torch.rand(9 * 25 * SAMPLE // 16, generator=torch.Generator().manual_seed(0))
    scores.view(-1, 9)[:, 4] *= 10
    for share in (0.02, 0.1, 0.5):
        kept = highest(scores, int(share * len(scores)))
        assert scores[kept].min() >= scores[~kept].max()


def test_a_sample_that_misses_is_made_good(monkeypatch: pytest.MonkeyPatch) -> None:
    class Odd:
        def integers(self, high: int, size: int) -> list[int]:
            return [7] * size

    monkeypatch.setattr(np.random, "default_rng", lambda _: Odd())
    scores = torch.rand(3 * SAMPLE, generator=torch.Generator().manual_seed(0))
    expected = scores >= scores.sort(descending=True).values[999]
    assert torch.equal(highest(scores, 1000), expected)


def test_what_is_not_a_number_is_refused() -> None:
    with pytest.raises(ValueError, match="1 of 2 scores are not numbers"):
        highest(torch.tensor([1.0, torch.nan]), 1)


def test_more_than_there_are_is_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 2 weights, got 3"):
        highest(torch.ones(2), 3)


def test_among_several_tensors_the_ranking_is_one_whatever_their_layout() -> None:
    generator = torch.Generator().manual_seed(2)
    shapes = ((64, 32, 3, 3), (7,), (500, 300))
    scores = [torch.randint(50, shape, generator=generator).double() for shape in shapes]
    scores[0] = scores[0].contiguous(memory_format=torch.channels_last)
    allowed = [torch.rand(shape, generator=generator) < 0.3 for shape in shapes]
    flat, alive = (torch.cat([part.flatten() for part in parts]) for parts in (scores, allowed))
    order = flat.masked_fill(~alive, -1).sort(descending=True, stable=True).indices
    for count in (0, 1, 5_000, 30_000, int(alive.sum())):
        kept = highest_among(allowed, scores, count)
        assert [part.shape for part in kept] == [part.shape for part in scores]
        expected = torch.zeros(len(flat), dtype=torch.bool)
        expected[order[:count]] = True
        assert torch.equal(torch.cat([part.flatten() for part in kept]), expected), count


def test_scores_that_may_not_be_chosen_may_be_anything() -> None:
    allowed = torch.tensor([True, True, False, True])
    scores = torch.tensor([-torch.inf, 1.0, torch.nan, -torch.inf])
    (kept,) = highest_among([allowed], [scores], 2)
    assert kept.tolist() == [True, True, False, False]
    with pytest.raises(ValueError, match="between 0 and 3 weights, got 4"):
        highest_among([allowed], [scores], 4)


def test_a_gpu_keeps_by_sorting_what_a_processor_keeps() -> None:
    generator = torch.Generator().manual_seed(3)
    shapes = ((64, 32, 3, 3), (7,), (500, 300))
    scores = [torch.randint(-25, 25, shape, generator=generator) / 8 for shape in shapes]
    scores[2] *= -1  # zeros of both signs are ties
    scores[0] = scores[0].contiguous(memory_format=torch.channels_last)
    allowed = [torch.rand(shape, generator=generator) < 0.3 for shape in shapes]
    alive = sum(int(mask.sum()) for mask in allowed)
    for count in (0, 1, 5_000, 30_000, alive):
        both = highest_among(allowed, scores, count), by_sorting_among(allowed, scores, count)
        for one, other in zip(*both, strict=True):
            assert torch.equal(one, other), count
    flat = scores[2].flatten()
    assert torch.equal(highest(flat, 1000), by_sorting(flat, 1000))
    with pytest.raises(ValueError, match=f"between 0 and {alive} weights, got {alive + 1}"):
        by_sorting_among(allowed, scores, alive + 1)
    with pytest.raises(ValueError, match="1 of 2 scores are not numbers"):
        by_sorting(torch.tensor([1.0, torch.nan]), 1)


@pytest.mark.gpu
def test_a_gpu_sorts_zeros_of_both_signs_as_ties() -> None:
    scores = torch.randn(3_000_000, generator=torch.Generator().manual_seed(4))
    scores[::2] *= 0
    for count in (1000, 2_000_000):
        assert torch.equal(highest(scores.cuda(), count).cpu(), highest(scores, count))
