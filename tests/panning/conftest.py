"""What tests of Panning need: its three indices, batches by seed, and scores made up by hand."""

from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor, nn

from goldpan.panning.indices import Index, find_indices
from goldpan.types import Batch, Loss, Scores

Draw = Callable[[int], Sequence[Batch]]
Made = Callable[[str], Index]


@pytest.fixture
def indices() -> tuple[Index, ...]:
    """SynFlow, SNIP and GraSP, as the paper has them."""
    return find_indices(["synflow", "snip", "grasp"])


@pytest.fixture
def draw() -> Draw:
    """A seed -> one batch of ten images, two of each of five classes; 3 x 8 x 8."""

    def drawn(seed: int) -> list[Batch]:
        generator = torch.Generator().manual_seed(1000 + seed)
        return [(torch.randn(10, 3, 8, 8, generator=generator), torch.arange(10) % 5)]

    return drawn


@pytest.fixture
def made() -> Made:
    """An index by name whose raw scores are the images of the batch."""

    def scorer(model: nn.Module, batches: Sequence[Batch], loss: Loss) -> Scores:
        return {"weight": batches[0][0].clone()}

    return lambda name: Index(name, scorer, masked=False)


@pytest.fixture
def scored() -> Callable[..., Index]:
    """scored("a", 4, 0, 0, -4): an index whose raw scores are always these numbers."""

    def index(name: str, *scores: float) -> Index:
        tensor: Tensor = torch.tensor([scores])
        return Index(name, lambda model, batches, loss: {"weight": tensor}, masked=False)

    return index
