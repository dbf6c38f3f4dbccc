import pytest
import torch
from torch import nn

from goldpan.layers.masked import MaskedLinear
from goldpan.layers.quantized import EXPONENTS, Grid, Values, best_exponent, choose_exponent, grids
from goldpan.training.input_statistics import measure_inputs

X = torch.tensor([[[[0.3, -0.6]]], [[[0.4, 0.9]]]])
BATCHES = [(one[None], torch.tensor([0])) for one in X]  # two batches of an image (1, 1, 2)


def net() -> nn.Module:
    """Twice the images, their sign turned in the second number; then a layer that takes that."""
    made = nn.Sequential(nn.Flatten(), MaskedLinear(2, 2, bias=False), MaskedLinear(2, 1))
    with torch.no_grad():
        made[1].weight.copy_(torch.tensor([[2.0, 0.0], [0.0, -2.0]]))  # type: ignore[operator]
    return made


def test_saliency_is_the_sum_of_the_absolute_inputs_over_all_batches() -> None:
    found = measure_inputs(net(), BATCHES, {}, [], prune_first=True)
    assert found["1.weight"].saliency is not None
    assert found["2.weight"].saliency is not None
    assert found["1.weight"].saliency.tolist() == pytest.approx([0.7, 1.5])
    assert found["2.weight"].saliency.tolist() == pytest.approx([1.4, 3.0])
    assert [one.of_images for one in found.values()] == [True, False]


def test_errors_are_those_of_all_batches_as_one() -> None:
    found = measure_inputs(net(), BATCHES, {}, grids(4), prune_first=True)["1.weight"]
    assert found.errors.shape == (EXPONENTS,)
    assert best_exponent(found.errors) == choose_exponent(X, 4)
    assert float(found.errors[2]) == pytest.approx(float(Grid(4, 2).error(X)))


def test_the_order_decides_what_masks_and_grids_are_fitted_to() -> None:
    """Prune first: the mean of floats, errors of what is kept. Quantise first: the other way."""
    mask = torch.tensor([True, False])
    values = {"2.weight": Values(input=Grid(3, 0), mask=mask)}  # whole numbers from -4 to 3
    into = X.reshape(2, 2) * torch.tensor([2.0, -2.0])  # (0.6, 1.2) and (0.8, -1.8)
    first, last = (
        measure_inputs(net(), BATCHES, values, [Grid(3, 1)], prune_first=prune)["2.weight"]
        for prune in (True, False)
    )
    assert first.saliency is not None
    assert last.saliency is not None
    assert first.saliency.tolist() == pytest.approx([1.4, 3.0])
    assert last.saliency.tolist() == [0.0, 2.0]
    assert float(first.errors[0]) == pytest.approx(float(Grid(3, 1).error(into[:, 0])))
    assert float(last.errors[0]) == float(Grid(3, 1).error(Grid(3, 0)(into)))


def test_the_network_is_as_it_was() -> None:
    made = nn.Sequential(nn.Flatten(), MaskedLinear(2, 2), nn.BatchNorm1d(2), MaskedLinear(2, 1))
    before = {name: value.clone() for name, value in made.state_dict().items()}
    measure_inputs(made, BATCHES, {}, grids(4), prune_first=True)
    assert made.training
    assert all(torch.equal(before[name], value) for name, value in made.state_dict().items())
    assert not any(layer._forward_pre_hooks for layer in made.modules())


def test_a_layer_of_two_shapes_is_refused() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = MaskedLinear(2, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            out: torch.Tensor = self.layer(self.layer(x.flatten(1))[:, None])
            return out

    with pytest.raises(
        ValueError, match=r"layer\.weight takes inputs of one shape.*\(2,\) and \(1, 2\)"
    ):
        measure_inputs(Twice(), BATCHES, {}, [], prune_first=True)
