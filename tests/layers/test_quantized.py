"""The grid of few bits: its values, its ends, its gradient, its scale; and layers that use it."""

import pytest
import torch
from torch import nn

from goldpan.layers.masked import MaskedConv2d, MaskedLinear
from goldpan.layers.quantized import (
    Grid,
    QuantizedConv2d,
    QuantizedLinear,
    Values,
    choose_exponent,
    plain_layers,
    quantizable,
    use_floats,
    use_values,
    write_weights,
)

QUARTERS = Grid(bits=4, exponent=2)  # -2, -1.75, ... 1.75


@pytest.mark.parametrize(
    ("x", "toward_zero", "nearest"),
    [
        (0.3, 0.25, 0.25),
        (-0.3, -0.25, -0.25),
        (0.45, 0.25, 0.5),
        (-0.45, -0.25, -0.5),
        (0.24, 0.0, 0.25),
        (0.375, 0.25, 0.5),  # 1.5 lies between 1 and 2: to the even one
        (0.125, 0.0, 0.0),
        (1.75, 1.75, 1.75),
        (5.0, 1.75, 1.75),
        (-2.0, -2.0, -2.0),
        (-5.0, -2.0, -2.0),
    ],
)
def test_values_by_hand(x: float, toward_zero: float, nearest: float) -> None:
    """4 bits and d = 2: clamp(int(4 x), -8, 7) / 4."""
    given = torch.tensor([x])
    assert float(QUARTERS(given)) == toward_zero
    assert float(Grid(4, 2, "nearest")(given)) == nearest


def test_there_are_two_to_the_bits_values_and_they_stay_as_they_are() -> None:
    values = QUARTERS(torch.linspace(-3, 3, 1001)).unique()
    assert values.tolist() == [number / 4 for number in range(-8, 8)]
    assert torch.equal(QUARTERS(values), values)


def test_the_gradient_is_1_where_nothing_is_clamped_and_0_elsewhere() -> None:
    x = torch.tensor([-2.3, -2.2, -2.0, 0.0, 0.3, 1.9, 2.0, 5.0], requires_grad=True)
    out = QUARTERS(x)
    (out * torch.arange(1.0, 9.0)).sum().backward()
    # int(4 x) = -9, -8, -8, 0, 1, 7, 8, 20, of which -8 to 7 are on the grid.
    assert x.grad is not None
    assert x.grad.tolist() == [0, 2, 3, 4, 5, 6, 0, 0]
    assert torch.equal(out.detach(), QUARTERS(x.detach()))


def test_the_exponent_is_the_smallest_of_the_least_squared_error() -> None:
    eighths = torch.arange(-7, 8) / 8  # exact with 8 bits at d = 3 to 7
    assert choose_exponent(eighths, 8) == 3
    assert choose_exponent(eighths[eighths.abs() < 0.25] / 2, 8) == 4


@pytest.mark.parametrize("rounding", ["toward_zero", "nearest"])
def test_no_exponent_has_a_smaller_error(rounding: str) -> None:
    x = torch.randn(500, generator=torch.Generator().manual_seed(0))
    errors = [float((Grid(4, d, rounding)(x) - x).double().square().sum()) for d in range(20)]  # type: ignore[arg-type]
    assert errors.index(min(errors)) == choose_exponent(x, 4, rounding) != 0  # type: ignore[arg-type]


def test_an_outlier_is_clamped_where_that_costs_less() -> None:
    """3 bits, a hundred weights of 3/8 and one of 1: d = 3 clamps 1, d = 2 makes 3/8 to 1/4."""
    x = torch.tensor([0.375] * 100 + [1.0])
    assert choose_exponent(x, 3) == 3
    assert choose_exponent(x[-3:], 3) == 2  # 1/4 twice and 3/4: 2 / 64 + 1 / 16


def test_what_has_no_best_scale_gets_the_largest() -> None:
    assert choose_exponent(torch.zeros(3), 4) == 0
    assert choose_exponent(torch.tensor([float("nan")]), 4) == 0


def test_half_precision_is_quantised_as_floats_are() -> None:
    x = torch.linspace(-1, 1, 33, dtype=torch.bfloat16)
    assert torch.equal(Grid(8, 7)(x).float(), Grid(8, 7)(x.float()))


def test_an_unknown_rounding_is_refused() -> None:
    with pytest.raises(ValueError, match="rounding is toward_zero or nearest; got 'up'"):
        Grid(4, 2, "up")  # type: ignore[arg-type]


def conv_and_linear() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(MaskedConv2d(1, 2, 3), nn.Flatten(), MaskedLinear(8, 3))


def test_layers_compute_with_the_values_and_have_the_straight_through_gradient() -> None:
    net, x = conv_and_linear(), torch.randn(5, 1, 4, 4)
    keep = torch.arange(8) % 2 == 0
    of_conv, of_linear = Values(weight=Grid(4, 5)), Values(Grid(4, 5), Grid(3, 2), keep)
    first, last = net[0], net[2]
    hidden = nn.functional.conv2d(x, Grid(4, 5)(first.weight.detach()), first.bias).flatten(1)  # type: ignore[arg-type]
    weight = Grid(4, 5)(last.weight.detach())  # type: ignore[arg-type]
    expected = nn.functional.linear(Grid(3, 2)(hidden * keep), weight, last.bias)  # type: ignore[arg-type]
    use_values(net, {"0.weight": of_conv, "2.weight": of_linear})
    assert [type(first), type(last)] == [QuantizedConv2d, QuantizedLinear]
    out = net(x)
    assert torch.equal(out, expected)
    out.sum().backward()
    inside = (last.weight.detach() * 32).trunc().clamp(-8, 7) == (last.weight.detach() * 32).trunc()  # type: ignore[operator]
    into = Grid(3, 2)(hidden * keep).detach().sum(0)
    torch.testing.assert_close(last.weight.grad, inside * into)
    assert not inside.all()


def test_values_of_none_are_the_identity_bit_for_bit() -> None:
    net, x = conv_and_linear(), torch.randn(5, 1, 4, 4)
    before = net(x)
    use_values(net, {"0.weight": Values(), "2.weight": Values()})
    assert torch.equal(net(x), before)


def test_layers_go_back_and_their_state_has_the_same_names() -> None:
    net = conv_and_linear()
    names = list(net.state_dict())
    use_values(net, {"0.weight": Values(Grid(4, 2))})
    assert list(net.state_dict()) == names
    use_floats(net)
    assert [type(net[0]), type(net[2])] == [MaskedConv2d, MaskedLinear]
    assert not hasattr(net[0], "values")


def test_plain_layers_hold_inside_the_block_only() -> None:
    net, values = conv_and_linear(), {"0.weight": Values(Grid(4, 2))}
    use_values(net, values)
    floats = net[0].weight.detach().clone()  # type: ignore[union-attr,operator]
    for quantized in (False, True):
        with plain_layers(net, values, quantized=quantized):
            expected = Grid(4, 2)(floats) if quantized else floats
            assert torch.equal(net[0].weight, expected)  # type: ignore[arg-type]
            assert type(net[0]) is MaskedConv2d
        assert torch.equal(net[0].weight, floats)  # type: ignore[arg-type]
        assert type(net[0]) is QuantizedConv2d


def test_written_weights_give_the_same_logits_in_plain_layers() -> None:
    net, x = conv_and_linear(), torch.randn(5, 1, 4, 4)
    values = {name: Values(Grid(4, 3)) for name in quantizable(net)}
    use_values(net, values)
    expected = net(x)
    use_floats(net)
    assert not torch.equal(net(x), expected)
    write_weights(net, values)
    assert torch.equal(net(x), expected)
