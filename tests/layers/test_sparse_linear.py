"""Linear layers of kept weights compute what masked ones do."""

import pytest
import torch
from torch import nn

from goldpan.layers.masked import MaskedLinear
from goldpan.layers.sparse_linear import SparseLinear, find_places, use_dense, use_sparse
from goldpan.masks import Masks, set_masks, write_masks


@pytest.fixture(autouse=True)
def _small_layers_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Layers of a few weights compute with the kept ones as well."""
    monkeypatch.setattr("goldpan.layers.sparse_linear.SMALLEST", 1)


def layer(kept: float = 0.05) -> MaskedLinear:
    torch.manual_seed(0)
    made = MaskedLinear(40, 30)
    write_masks(made, Masks({"weight": torch.rand(30, 40) < kept}))
    return made


def passed(made: nn.Module, x: torch.Tensor) -> list[torch.Tensor]:
    """Output and all gradients of a product with fixed numbers."""
    x = x.clone().requires_grad_()
    made.zero_grad()
    out = made(x)
    (out * torch.arange(out.numel()).reshape(out.shape).cos()).sum().backward()
    return [out.detach(), x.grad, *(p.grad for p in made.parameters())]  # type: ignore[list-item]


@pytest.mark.parametrize("shape", [(7, 40), (2, 3, 40), (0, 40)])
def test_output_and_gradients_are_those_of_the_masked_layer(shape: tuple[int, ...]) -> None:
    made, x = layer(), torch.randn(*shape)
    expected = passed(made, x)
    use_sparse(made)
    assert type(made) is SparseLinear
    expected[2] = expected[2] * made.mask
    for one, other in zip(passed(made, x), expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)


def test_places_by_hand() -> None:
    places = find_places(torch.tensor([[0, 1, 1], [1, 0, 0]], dtype=torch.bool))
    assert places.flat.tolist() == [1, 2, 3]
    matrix = torch.tensor([[0.0, 5.0, 6.0], [7.0, 0.0, 0.0]])
    values = torch.tensor([5.0, 6.0, 7.0])
    assert torch.equal(places.matrix(values).to_dense(), matrix)
    assert torch.equal(places.transposed(values).to_dense(), matrix.T)


def test_masks_that_change_are_followed() -> None:
    made, x = layer(), torch.randn(7, 40)
    use_sparse(made)
    before = made(x)
    set_masks(made, Masks({"weight": torch.zeros(30, 40, dtype=torch.bool)}))
    assert not torch.equal(before, made(x))
    assert torch.equal(made(x), made.bias.expand(7, 30))


def test_only_layers_that_gain_change_and_can_change_back(monkeypatch: pytest.MonkeyPatch) -> None:
    small = MaskedLinear(5, 5)
    write_masks(small, Masks({"weight": torch.zeros(5, 5, dtype=torch.bool)}))
    net = nn.Sequential(layer(0.05), MaskedLinear(30, 5), small)
    monkeypatch.setattr("goldpan.layers.sparse_linear.SMALLEST", 26)
    use_sparse(net)
    assert [type(part) for part in net] == [SparseLinear, MaskedLinear, MaskedLinear]
    names = [*net.state_dict()]
    use_dense(net)
    assert {type(part) for part in net} == {MaskedLinear}
    assert [*net.state_dict()] == names
