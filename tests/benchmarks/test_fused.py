"""Cells that train as one network end where each would by itself."""

import pytest
import torch

from benchmarks import fused
from goldpan.models.lenet import lenet_300_100
from goldpan.models.resnet import resnet20
from goldpan.models.vgg import vgg11


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (lenet_300_100, (1, 28, 28)),
        (lambda seed: vgg11(width=0.125, seed=seed), (3, 32, 32)),
        (lambda seed: resnet20(width=0.25, seed=seed), (3, 32, 32)),
    ],
)
def test_twenty_steps_of_four_cells_are_those_of_each(make, shape) -> None:  # type: ignore[no-untyped-def]
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(4, fused.STEPS, 8, *shape, generator=generator, dtype=torch.float64)
    labels = torch.randint(10, (4, fused.STEPS, 8), generator=generator)
    nets = [net.double() for net in fused.cells(make, 4)]
    assert fused.check(nets, images, labels) < 1e-9
