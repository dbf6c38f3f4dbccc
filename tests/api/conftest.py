"""A network as a user has it: nothing of goldpan in it."""

import pytest
import torch
from torch import nn

from goldpan.types import Batch


@pytest.fixture
def plain_net() -> nn.Module:
    """Two convolutions with BatchNorm, two linear layers; 1 x 8 x 8 images, 4 classes."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 8, 3, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(32, 16),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(16, 4),
    )


@pytest.fixture
def batches() -> list[Batch]:
    """One batch of twenty images, five of each of four classes."""
    generator = torch.Generator().manual_seed(1)
    return [(torch.randn(20, 1, 8, 8, generator=generator), torch.arange(20) % 4)]
