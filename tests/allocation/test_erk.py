import pytest
import torch

from goldpan.allocation.erk import erk_densities


def test_erk_densities_follow_shapes() -> None:
    """raw density (sum of shape) / product: 20/100 and 40/400, so eps = 100 / (20 + 40)."""
    shapes = {"a": torch.Size([10, 10]), "b": torch.Size([20, 20])}
    densities = erk_densities(shapes, 0.8)
    assert densities == pytest.approx({"a": 0.2 * 100 / 60, "b": 0.1 * 100 / 60})


def test_erk_makes_layers_dense_that_would_exceed_one() -> None:
    shapes = {"tiny": torch.Size([2, 2]), "wide": torch.Size([100, 100])}
    densities = erk_densities(shapes, 0.9)
    assert densities["tiny"] == 1.0
    assert densities["wide"] == pytest.approx((0.1 * 10_004 - 4) / 10_000)


LENET_300_100 = {"f1": (300, 784), "f2": (100, 300), "f3": (10, 100)}
LENET_5_CAFFE = {"c1": (20, 1, 5, 5), "c2": (50, 20, 5, 5), "f1": (500, 800), "f2": (10, 500)}


@pytest.mark.parametrize(
    ("shapes", "sparsity", "densities"),
    [
        (LENET_300_100, 0.9, [0.07957, 0.23019, 1]),
        (LENET_300_100, 0.95, [0.03848, 0.11133, 0.91851]),
        (LENET_300_100, 0.98, [0.01539, 0.04453, 0.36740]),
        (LENET_5_CAFFE, 0.9, [1, 0.08707, 0.08843, 1]),
        (LENET_5_CAFFE, 0.95, [0.72612, 0.03748, 0.03806, 1]),
        (LENET_5_CAFFE, 0.98, [0.27789, 0.01434, 0.01457, 0.45717]),
    ],
)
def test_erk_densities_of_the_two_lenets(
    shapes: dict[str, tuple[int, ...]], sparsity: float, densities: list[float]
) -> None:
    found = erk_densities({name: torch.Size(shape) for name, shape in shapes.items()}, sparsity)
    assert list(found.values()) == pytest.approx(densities, abs=6e-6)
