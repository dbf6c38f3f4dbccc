from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from goldpan.channels.allocation import global_channels
from goldpan.channels.choosing import prunable_groups
from goldpan.channels.groups import ChannelGroup
from goldpan.channels.mask_generator import MaskGenerator, image_features
from goldpan.channels.stamp import (
    MetaTraining,
    adapted,
    among,
    check_tasks,
    draw_task,
    generated,
    masked_loss,
    meta_train,
)
from goldpan.layers.masked import MaskedConv2d, MaskedLinear
from goldpan.stream import stream
from goldpan.types import Batch

CLASSES = 4


@pytest.fixture
def copier() -> nn.Module:
    """Of four classes each lights a pixel of its own, which a channel of its own copies."""
    net = nn.Sequential(
        MaskedConv2d(CLASSES, CLASSES, 1, bias=False),
        nn.BatchNorm2d(CLASSES, eps=1e-3),
        nn.ReLU(),
        nn.Flatten(),
        MaskedLinear(CLASSES, CLASSES),
    )
    with torch.no_grad():
        net[0].weight.copy_(torch.eye(CLASSES).view(CLASSES, CLASSES, 1, 1))  # type: ignore[operator]
        net[4].weight.copy_(2 * torch.eye(CLASSES))  # type: ignore[operator]
        net[4].bias.zero_()  # type: ignore[operator]
    return net


@pytest.fixture
def pool() -> Batch:
    """Forty of each class; what is lit is so by 1 to 2."""
    labels = torch.arange(CLASSES).repeat(40)
    light = 1 + torch.rand(len(labels), generator=torch.Generator().manual_seed(0))
    images = F.one_hot(labels, CLASSES) * light[:, None]
    return images.view(-1, CLASSES, 1, 1), labels


def groups_of(net: nn.Module) -> list[ChannelGroup]:
    return prunable_groups(net, (CLASSES, 1, 1))


def learnt(net: nn.Module, pool: Batch, **options: Any) -> MaskGenerator:
    few = {"size": 16, "width": 16, "rate": 0.02, "price": 0.3} | options
    return meta_train(net, groups_of(net), pool, F.cross_entropy, MetaTraining(**few), 0)


def test_the_channels_of_a_tasks_classes_outrank_the_others_once_it_was_seen(
    copier: nn.Module, pool: Batch
) -> None:
    before = {name: tensor.clone() for name, tensor in copier.state_dict().items()}
    generator = learnt(copier, pool)
    for classes in ([0, 1], [2, 3], [0, 3]):
        of_task = torch.isin(pool[1], torch.tensor(classes))
        batches = [(pool[0][of_task], pool[1][of_task])]
        scores = generated(copier, groups_of(copier), generator, batches)
        kept = global_channels(scores, 0.5, floor=1)["1"]
        assert kept.nonzero().flatten().tolist() == classes
    assert all(torch.equal(tensor, before[name]) for name, tensor in copier.state_dict().items())


def test_at_a_price_beyond_all_losses_nothing_stays(copier: nn.Module, pool: Batch) -> None:
    generator = learnt(copier, pool, price=1000.0, rate=0.1, steps=40)
    masks = generator(image_features(copier, groups_of(copier), pool[0])).sigmoid()
    assert masks.max() < 0.05


def test_the_slope_of_a_mask_is_what_a_little_less_of_it_costs(
    net: nn.Module, batch: Batch
) -> None:
    groups = prunable_groups(net, (3, 8, 8))
    masks = torch.full((14,), 0.7, dtype=torch.float32, requires_grad=True)
    weights = {name: parameter.detach() for name, parameter in net.named_parameters()}

    def value(at: Tensor) -> Tensor:
        return masked_loss(net, groups, at, weights, batch, F.cross_entropy)

    (slope,) = torch.autograd.grad(value(masks), masks)
    for channel in (0, 5, 6, 13):
        step = 0.01 * torch.eye(14)[channel]
        change = value(masks.detach() + step) - value(masks.detach() - step)
        assert float(slope[channel]) == pytest.approx(float(change) / 0.02, abs=2e-4)
    assert slope.abs().max() > 0.01


def test_the_weights_take_steps_of_sgd_under_the_masks() -> None:
    """L = (m w)^2 / 2 with m = 1/2 and w = 8: dL/dw = w / 4, so w goes to 6, then to 4.5."""
    net = nn.Linear(1, 1, bias=False)
    nn.init.constant_(net.weight, 8)
    group = ChannelGroup("", 1, (), ("",), (), {("", "out"): torch.tensor([0])})
    batch = torch.ones(1, 1), torch.tensor([0])

    def half_square(logits: Tensor, _: Tensor) -> Tensor:
        return logits.square().sum() / 2

    for steps, expected in ((0, 8), (1, 6), (2, 4.5)):
        options = MetaTraining(inner_steps=steps, inner_rate=1.0)
        after = adapted(net, [group], torch.tensor([0.5]), batch, half_square, options)
        assert after["weight"].item() == pytest.approx(expected)
    assert net.weight.item() == 8


def test_a_task_has_images_of_its_classes_alone_and_none_twice() -> None:
    labels = torch.arange(5).repeat(8)
    options, drawn = MetaTraining(classes=2, size=6), stream(0, "tasks")
    tasks = [draw_task(labels, options, drawn) for _ in range(30)]
    for classes, shown, asked in tasks:
        assert len(classes) == 2
        assert len(shown) == len(asked) == 6
        assert len(set(shown.tolist()) | set(asked.tolist())) == 12
        assert torch.isin(labels[torch.cat([shown, asked])], classes).all()
    assert {label for classes, *_ in tasks for label in classes.tolist()} == set(range(5))


def test_a_loss_among_classes_sees_no_other_logits() -> None:
    logits = torch.tensor([[9.0, 1, 5, 2], [7, 3, 8, 3]])
    value = among(F.cross_entropy, torch.tensor([1, 3]))(logits, torch.tensor([3, 1]))
    expected = F.cross_entropy(torch.tensor([[1.0, 2], [3, 3]]), torch.tensor([1, 0]))
    assert float(value) == pytest.approx(float(expected))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"classes": 5}, "expected tasks of 2 to 4 classes, as many as the reference has, got 5"),
        ({"size": 41}, "got 80 in the pool"),
    ],
)
def test_tasks_that_cannot_be_drawn_are_refused(
    options: dict[str, int], sentence: str, pool: Batch
) -> None:
    with pytest.raises(ValueError, match=sentence):
        check_tasks(pool[1], MetaTraining(**options))
