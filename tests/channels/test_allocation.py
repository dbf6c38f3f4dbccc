import pytest
import torch

from goldpan.channels.allocation import global_channels, layerwise_channels

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
