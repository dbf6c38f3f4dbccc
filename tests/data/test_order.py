import pytest
import torch

from goldpan.data.order import TrainOrder, evaluation_order

INDICES = torch.arange(100, 123)


def epoch(order: TrainOrder, number: int) -> list[list[int]]:
    order.set_epoch(number)
    return [batch.tolist() for _, batch in order]


def test_an_epoch_has_whole_batches_of_different_images() -> None:
    batches = epoch(TrainOrder(INDICES, 5, seed=0), 0)
    assert [len(batch) for batch in batches] == [5, 5, 5, 5]  # three of 23 images are dropped
    assert len({index for batch in batches for index in batch} & set(INDICES.tolist())) == 20


def test_the_order_depends_on_seed_and_epoch_alone() -> None:
    order, resumed = TrainOrder(INDICES, 5, seed=0), TrainOrder(INDICES, 5, seed=0)
    first, second = epoch(order, 0), epoch(order, 1)
    assert epoch(resumed, 1) == second != first
    assert epoch(TrainOrder(INDICES, 5, seed=1), 0) != first


def test_an_iteration_begun_before_its_epoch_is_set_is_of_that_epoch() -> None:
    order = TrainOrder(INDICES, 5, seed=0)
    iterator = iter(order)
    order.set_epoch(3)
    number, batch = next(iterator)
    assert number == 3
    assert batch.tolist() == epoch(order, 3)[0]


def test_augmentation_begins_anew_with_each_epoch() -> None:
    order, resumed = TrainOrder(INDICES, 5, seed=0), TrainOrder(INDICES, 5, seed=0)
    epoch(order, 0)
    torch.rand(7, generator=order.augmentation)
    epoch(order, 1)
    epoch(resumed, 1)
    assert torch.equal(order.augmentation.get_state(), resumed.augmentation.get_state())


def test_ranks_share_each_global_batch_and_augment_differently() -> None:
    whole = epoch(TrainOrder(INDICES, 6, seed=0), 2)
    orders = [TrainOrder(INDICES, 6, seed=0, rank=rank, world=3) for rank in range(3)]
    parts = [epoch(order, 2) for order in orders]
    assert [[*a, *b, *c] for a, b, c in zip(*parts, strict=True)] == whole
    states = {tuple(order.augmentation.get_state().tolist()) for order in orders}
    assert len(states) == 3


def test_a_batch_that_ranks_cannot_share_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"3 processes share evenly, got 5; try 3"):
        TrainOrder(INDICES, 5, seed=0, world=3)


@pytest.mark.parametrize(("images", "world", "batch_size"), [(23, 1, 10), (23, 4, 3), (3, 2, 1)])
def test_evaluation_sees_each_image_once_in_equally_many_batches(
    images: int, world: int, batch_size: int
) -> None:
    orders = [
        evaluation_order(torch.arange(images), batch_size, rank=rank, world=world)
        for rank in range(world)
    ]
    assert len({len(order) for order in orders}) == 1
    batches = [batch for order in orders for _, batch in order]
    assert min(len(batch) for batch in batches) > 0
    assert torch.cat(batches).sort()[0].tolist() == list(range(images))


def test_fewer_images_than_processes_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"each of the 4 processes, got 3"):
        evaluation_order(torch.arange(3), 10, world=4)
