"""Hidden units of networks without BatchNorm, such as those of a transformer's MLP blocks.

A unit is an output of one linear layer that goes through activations alone into the next. It is
what may go of a network with LayerNorms: no norm spans the units, so a unit that is zero and a unit
that is gone give the same logits. All other channels of such a network are tied by its residual
stream, whose norms average over them: zeros there are no removal.
"""

import copy
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from goldpan.channels.groups import ChannelGroup
from goldpan.channels.shrinkable import cut, inputs_of
from goldpan.gradients import mode, removing
from goldpan.stream import stream

_ACTIVATION = re.compile(  # autograd's names of those that are zero at zero (checked: torch 2.14)
    r"(Relu|Gelu|Silu|Elu|LeakyRelu|Hardswish|Mish|Tanh|NativeDropout|View|Alias)Backward\d"
)
_TOLERANCE = 1e-6  # of logits in float64, where rounding leaves 1e-12


def has_batchnorm(model: nn.Module) -> bool:
    """Whether channels of the network have BatchNorms to be followed and ranked by."""
    return any(isinstance(module, _BatchNorm) for module in model.modules())


@torch.no_grad()
def hidden_units(model: nn.Module, shape: Sequence[int]) -> list[ChannelGroup]:
    """The groups of hidden units, in the order of a forward pass; each is named after its layer.

    `shape` is one image's, (C, H, W). Each group is proved: with half of its units gone, the logits
    are those of the network in which these units' weights and biases are zero.
    """
    net = copy.deepcopy(model).cpu().double().requires_grad_()
    drawn = stream("hidden")
    for parameter in net.parameters():  # some start at zero, such as the head of torchvision's ViT
        parameter.add_(torch.randn(parameter.shape, generator=drawn).double(), alpha=0.1)
    images = torch.randn(1, *shape, generator=drawn, dtype=torch.float64)
    with mode(net, training=False):
        groups = _pairs(net, images)
        if not _proved(net, images, groups):
            groups = [group for group in groups if _proved(net, images, [group])]
    return groups


def silence_units(layer: nn.Linear, silent: Tensor) -> None:
    """Zero the weights and biases of some outputs of a layer, bools (out,)."""
    with torch.no_grad():
        layer.weight[silent.to(layer.weight.device)] = 0
        if layer.bias is not None:
            layer.bias[silent.to(layer.weight.device)] = 0


def unit_magnitudes(model: nn.Module, group: ChannelGroup) -> Tensor:
    """The importance of each hidden unit, (size,): its weights' square, relative to the group's.

    It sums the squares of the unit's incoming and outgoing weights and divides by the mean over the
    group, so that layers can be compared: the group magnitude of DepGraph (Fang et al., CVPR 2023,
    arXiv 2301.12900), as Torch-Pruning's GroupMagnitudeImportance has it.
    """
    (producer,), (consumer,) = group.producers, group.consumers
    rows, columns = model.get_submodule(producer).weight, model.get_submodule(consumer).weight
    assert isinstance(rows, Tensor)
    assert isinstance(columns, Tensor)
    total = rows.detach().square().sum(1) + columns.detach().square().sum(0)
    return total / total.mean().clamp(min=torch.finfo(total.dtype).tiny)


def _pairs(net: nn.Module, images: Tensor) -> list[ChannelGroup]:
    """Linear layers that are called once, and whose output goes into the next through activations.

    Whether it goes elsewhere too is left to the proof.
    """
    calls: list[tuple[str, nn.Linear, Any, Any]] = []  # grad_fn of the input and of the output

    def note(layer: nn.Linear, given: tuple[Tensor, ...], made: Tensor) -> None:
        calls.append((names[layer], layer, given[0].grad_fn, made.grad_fn))

    names: dict[nn.Module, str] = {}
    owners = Counter(id(p) for module in net.modules() for p in module._parameters.values())
    for name, module in net.named_modules():
        if isinstance(module, nn.Linear) and inputs_of(module) is not None:
            names |= {module: name} if owners[id(module.weight)] == 1 else {}  # a tie would break
    hooks = [layer.register_forward_hook(note) for layer in names]
    with removing(hooks), torch.enable_grad():
        net(images)
    once = [call for call in calls if sum(other[1] is call[1] for other in calls) == 1]
    return [
        _group(first, layer.out_features, second)
        for first, layer, _, made in once
        for second, reader, read, _ in once
        if _is_activation_of(read, made) and layer.out_features == reader.in_features
    ]


def _is_activation_of(node: Any, made: Any) -> bool:
    """Whether a tensor, by its node of autograd, is an activation of what another node made."""
    while node is not None and node is not made:
        sources = [source for source, _ in node.next_functions if source is not None]
        if len(sources) != 1 or not _ACTIVATION.fullmatch(node.name()):
            return False
        node = sources[0]
    return node is not None


def _group(first: str, size: int, second: str) -> ChannelGroup:
    places = {(first, "out"): torch.arange(size), (second, "in"): torch.arange(size)}
    return ChannelGroup(first, size, (), (first,), (second,), places)


def _proved(net: nn.Module, images: Tensor, groups: Sequence[ChannelGroup]) -> bool:
    """Whether the network without half the units of each group is the one where they are zero."""
    small, silent = copy.deepcopy(net), copy.deepcopy(net)
    for group in groups:
        keep = torch.arange(group.size) < (group.size + 1) // 2
        cut(small.get_submodule(group.producers[0]), None, keep)
        cut(small.get_submodule(group.consumers[0]), keep, None)
        layer = silent.get_submodule(group.producers[0])
        assert isinstance(layer, nn.Linear)
        silence_units(layer, ~keep)
    expected = silent(images)
    try:
        got = small(images)
    except RuntimeError:  # something else reads the units
        return False
    return torch.allclose(got, expected, _TOLERANCE, _TOLERANCE * float(expected.abs().max()))
