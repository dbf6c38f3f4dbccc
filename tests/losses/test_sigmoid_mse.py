import pytest
import torch

from goldpan.losses.sigmoid_mse import sigmoid_mse
from goldpan.losses.sigmoid_mse_twice import sigmoid_mse_twice
from goldpan.types import Loss

Z = torch.tensor([[0.0, 1.0], [-2.0, 0.5]], dtype=torch.float64)
LABELS = torch.tensor([1, 0])
Y = torch.tensor([[0.0, 1.0], [1.0, 0.0]], dtype=torch.float64)
Y_HAT = 1 / (1 + (-Z).exp())


def gradient(loss: Loss) -> torch.Tensor:
    logits = Z.clone().requires_grad_()
    (found,) = torch.autograd.grad(loss(logits, LABELS), logits)
    return found


@pytest.mark.parametrize("loss", [sigmoid_mse, sigmoid_mse_twice])
def test_the_value_is_half_the_squared_error_of_an_image(loss: Loss) -> None:
    """The first image: outputs 0.5 and 0.731 for labels 0 and 1."""
    first = loss(Z[:1], LABELS[:1])
    assert first.item() == pytest.approx((0.5**2 + 0.268941**2) / 2, abs=1e-6)
    assert loss(Z, LABELS).item() == pytest.approx(((Y_HAT - Y) ** 2).sum().item() / 4)


def test_the_gradient_is_delta_of_the_textbook_over_the_batch() -> None:
    assert torch.allclose(gradient(sigmoid_mse), (Y_HAT - Y) * Y_HAT * (1 - Y_HAT) / 2)


def test_the_gradient_of_sets_code_has_its_slope_at_the_sigmoid_of_the_output() -> None:
    s = 1 / (1 + (-Y_HAT).exp())
    assert torch.allclose(gradient(sigmoid_mse_twice), (Y_HAT - Y) * s * (1 - s) / 2)


def test_the_gradient_of_sets_code_has_a_gradient_itself() -> None:
    logits = Z.clone().requires_grad_()
    assert torch.autograd.gradgradcheck(lambda z: sigmoid_mse_twice(z, LABELS), (logits,))
