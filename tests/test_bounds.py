"""Interval bounds by hand, against their corners, and against images of the box."""

from itertools import product

import pytest
import torch
from torch import Tensor, nn

from goldpan.bounds import bound, flat_layers, pass_box, pixel_box, relu_inputs, worst_margins
from goldpan.layers.bounded_norm import BoundedBatchNorm2d
from goldpan.models.lenet import lenet5
from goldpan.models.mlp import mlp
from goldpan.models.resnet import resnet20
from goldpan.models.vgg import vgg11

STATISTICS = ((0.5,), (0.1,))
"""A pixel of 0.6 is 1 in the network, and an epsilon of 0.01 is 0.1."""


def box_of(*pixels: float, epsilon: float = 0.01) -> tuple[Tensor, Tensor]:
    images = torch.tensor([pixels], dtype=torch.float64).reshape(1, 1, 1, -1)
    return pixel_box(images, epsilon, STATISTICS)


def linear(weight: list[list[float]], bias: list[float]) -> nn.Linear:
    layer = nn.Linear(len(weight[0]), len(weight)).double()
    layer.weight.data = torch.tensor(weight, dtype=torch.float64)
    layer.bias.data = torch.tensor(bias, dtype=torch.float64)
    return layer


def test_a_linear_layer_takes_epsilon_times_the_l1_norm_of_its_rows() -> None:
    net = nn.Sequential(nn.Flatten(), linear([[1, -2], [3, 4]], [0, 1]))
    lower, upper = bound(flat_layers(net), box_of(1, 1))
    assert lower[0].tolist() == pytest.approx([-1 - 0.3, 8 - 0.7])
    assert upper[0].tolist() == pytest.approx([-1 + 0.3, 8 + 0.7])


def test_a_linear_layer_attains_its_bounds_and_its_margins_at_corners_of_the_box() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(4, 3)).double()
    box = box_of(0.3, -1, 2, 0)
    lower, upper = bound(flat_layers(net), box)
    signs = torch.tensor([*product((0.0, 1.0), repeat=4)], dtype=torch.float64)
    corners = box[0] + signs.reshape(-1, 1, 1, 4) * (box[1] - box[0])
    logits = net(corners)
    torch.testing.assert_close(logits.amin(0), lower[0])
    torch.testing.assert_close(logits.amax(0), upper[0])
    for label in range(3):
        rest = logits[:, [other for other in range(3) if other != label]]
        expected = (logits[:, label] - rest.amax(1)).amin()
        found = worst_margins(net, box, torch.tensor([label]))
        torch.testing.assert_close(found[0], expected)


def test_two_layers_by_hand() -> None:
    """Hidden bounds (-1.3, -0.7) and (2.9, 3.1); behind the ReLU (0, 0) and (2.9, 3.1)."""
    net = nn.Sequential(
        nn.Flatten(), linear([[1, -2], [0, 1]], [0, 2]), nn.ReLU(), linear([[5, -1]], [0.5])
    )
    (inside, before) = next(relu_inputs(flat_layers(net), box_of(1, 1)))
    assert inside[0][0].tolist() == pytest.approx([-1.3, 2.9])
    assert inside[1][0].tolist() == pytest.approx([-0.7, 3.1])
    assert before is net[1]
    lower, upper = bound(flat_layers(net), box_of(1, 1))
    assert (lower.item(), upper.item()) == pytest.approx((-2.6, -2.4))


def test_pixels_stay_between_black_and_white() -> None:
    """0.5 and 0.1: black is -5, white is 5, and an epsilon of 0.01 is 0.1."""
    lower, upper = box_of(-5, 0, 5)
    assert lower.flatten().tolist() == pytest.approx([-5, -0.1, 4.9])
    assert upper.flatten().tolist() == pytest.approx([-4.9, 0.1, 5])


def with_statistics(net: nn.Module) -> nn.Module:
    """The network in float64, with norms that have seen images and weights of both signs."""
    for norm in (m for m in net.modules() if isinstance(m, nn.BatchNorm2d)):
        nn.init.normal_(norm.running_mean)  # type: ignore[arg-type]
        nn.init.uniform_(norm.running_var, 0.5, 2)  # type: ignore[arg-type]
        nn.init.normal_(norm.weight)
    return net.double().eval()


NETWORKS = {
    "mlp": lambda: mlp(image_size=16, hidden=(20, 15)),
    "classic": lambda: mlp(image_size=16, hidden=(20,), dropout=0.5, dropout_kind="classic"),
    "scaled": lambda: mlp(image_size=16, hidden=(9,), dropout=0.5, dropout_kind="straight_through"),
    "prunable biases": lambda: mlp(image_size=16, hidden=(20,), bias="prunable"),
    "lenet5": lambda: lenet5(image_size=16),
    "vgg11": lambda: vgg11(channels=1, image_size=16, width=0.1),
    "bounded": lambda: nn.Sequential(
        nn.Conv2d(1, 4, 3, stride=2, padding=1, padding_mode="circular"),
        BoundedBatchNorm2d(4), nn.ReLU(inplace=True), nn.AvgPool2d(2), nn.Flatten(),
        nn.Linear(64, 10),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
def test_bounds_hold_for_images_of_the_box_and_are_the_logits_at_epsilon_0(name: str) -> None:
    torch.manual_seed(0)
    net = with_statistics(NETWORKS[name]())
    images = torch.randn(3, 1, 16, 16, dtype=torch.float64)
    logits = net(images)
    layers, labels = flat_layers(net), logits.argmax(1)
    for end in bound(layers, pixel_box(images, 0.0, STATISTICS)):
        torch.testing.assert_close(end, logits)
    at_0 = worst_margins(net, pixel_box(images, 0.0, STATISTICS), labels)
    first, second = logits.topk(2).values.T
    torch.testing.assert_close(at_0, first - second)
    box = pixel_box(images, 0.002, STATISTICS)
    lower, upper = bound(layers, box)
    margins = worst_margins(net, box, labels)
    wider = bound(layers, pixel_box(images, 0.004, STATISTICS))
    assert (wider[0] < lower).all()
    assert (wider[1] > upper).all()
    for _ in range(100):
        inside = box[0] + torch.randint(2, images.shape) * (box[1] - box[0])
        found = net(inside)
        assert (lower <= found).all()
        assert (found <= upper).all()
        right = found.gather(1, labels[:, None])[:, 0]
        others = found.scatter(1, labels[:, None], -torch.inf).amax(1)
        assert (right - others >= margins).all()


def test_bounds_before_a_relu_in_place_stay_what_they_are() -> None:
    box = box_of(-1, 1)
    pass_box(nn.ReLU(inplace=True), box)
    assert box[0].flatten().tolist() == pytest.approx([-1.1, 0.9])


@pytest.mark.parametrize("net", [resnet20(), nn.Sequential(nn.GELU())])
def test_other_networks_are_refused(net: nn.Module) -> None:
    with pytest.raises(ValueError, match=r"networks in sequence.*; got (BasicBlock|GELU); choose"):
        flat_layers(net)
