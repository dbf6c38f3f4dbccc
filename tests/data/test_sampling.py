import pytest
import torch

from goldpan.data.sampling import (
    HOLD_OUT,
    Sampling,
    balanced_order,
    draw,
    hold_out,
    proportional_order,
)
from goldpan.stream import stream

LABELS = torch.tensor([0] * 6 + [1] * 4 + [2] * 10)


def test_streams_with_one_key_give_the_same_numbers() -> None:
    first, again, other = (
        torch.randint(1 << 40, (3,), generator=stream(*key))
        for key in ((0, "order", 1), (0, "order", 1), (0, "order", 2))
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_balanced_order_takes_every_class_in_turn() -> None:
    order = balanced_order(LABELS, stream(0))
    assert LABELS[order[:12]].bincount().tolist() == [4, 4, 4]
    assert LABELS[order[:16]].bincount().tolist() == [6, 4, 6]  # class 1 has no more
    assert order.sort()[0].tolist() == list(range(20))


def test_proportional_order_keeps_the_proportions() -> None:
    order = proportional_order(LABELS, stream(0))
    assert LABELS[order[:10]].bincount().tolist() == [3, 2, 5]


def test_per_class_batches_are_balanced_and_disjoint() -> None:
    batches = draw(LABELS, Sampling(per_class=2, batches=2), stream(0))
    assert [LABELS[batch].bincount().tolist() for batch in batches] == [[2, 2, 2]] * 2
    assert len(torch.cat(batches).unique()) == 12


def test_each_half_of_a_per_class_batch_is_balanced() -> None:
    (batch,) = draw(LABELS, Sampling(per_class=4), stream(0))
    assert LABELS[batch[:6]].bincount().tolist() == [2, 2, 2]


def test_batches_beyond_the_data_are_drawn_anew() -> None:
    batches = draw(LABELS, Sampling(per_class=3, batches=3), stream(0))
    assert [len(batch.unique()) for batch in batches] == [9, 9, 9]
    assert not torch.equal(batches[0], batches[1])


def test_size_draws_that_many_images_disjointly() -> None:
    batches = draw(LABELS, Sampling(size=7, batches=2), stream(0))
    assert [len(batch) for batch in batches] == [7, 7]
    assert len(torch.cat(batches).unique()) == 14


def test_the_same_stream_draws_the_same_images() -> None:
    first, again = (draw(LABELS, Sampling(size=7), stream(5))[0] for _ in range(2))
    assert torch.equal(first, again)


def test_per_class_above_the_smallest_class_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"per_class=5 .* got 4 of class 1; lower per_class to 4"):
        draw(LABELS, Sampling(per_class=5), stream(0))


def test_size_above_the_data_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"size=21 .* got 20"):
        draw(LABELS, Sampling(size=21), stream(0))


@pytest.mark.parametrize("options", [{}, {"per_class": 1, "size": 1}])
def test_both_or_neither_of_per_class_and_size_is_an_error(options: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="either per_class or size"):
        Sampling(**options)


def test_no_batches_is_an_error() -> None:
    with pytest.raises(ValueError, match="batches of at least 1"):
        Sampling(size=1, batches=0)


def test_hold_out_takes_a_share_of_each_class() -> None:
    train, held = hold_out(LABELS, 0.5, seed=3)
    assert LABELS[held].bincount().tolist() == [3, 2, 5]
    assert torch.cat([train, held]).sort()[0].tolist() == list(range(20))


def test_hold_out_after_a_limit_uses_balanced_images() -> None:
    train, held = hold_out(LABELS, 0.25, seed=3, limit=12)
    assert LABELS[torch.cat([train, held])].bincount().tolist() == [4, 4, 4]
    assert LABELS[held].bincount().tolist() == [1, 1, 1]


def test_hold_out_of_the_last_takes_the_end_of_the_file() -> None:
    for seed in (0, 1):
        train, held = hold_out(LABELS, 0.25, seed, kind="last")
        assert held.tolist() == [15, 16, 17, 18, 19]
        assert train.tolist() == list(range(15))


def test_a_random_hold_out_is_drawn_by_the_seed_from_all_images_alike() -> None:
    labels = torch.zeros(1000).long()
    (train, held), (_, again), (_, other) = (
        hold_out(labels, 100, seed, kind="random") for seed in (0, 0, 1)
    )
    assert torch.equal(held, again)
    assert not torch.equal(held, other)
    assert torch.cat([train, held]).sort()[0].tolist() == list(range(1000))
    assert held.double().mean().item() == pytest.approx(500, abs=90)  # three deviations


@pytest.mark.parametrize("kind", HOLD_OUT)
def test_a_whole_number_is_a_number_of_images(kind: str) -> None:
    train, held = hold_out(LABELS, 7, seed=0, kind=kind)
    assert (len(train), len(held)) == (13, 7)


def test_a_twelfth_of_60_000_images_is_5_000() -> None:
    labels = torch.arange(60_000) % 10
    assert len(hold_out(labels, 0.08333, 0, kind="last")[1]) == 5000
