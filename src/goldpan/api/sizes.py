"""What a network costs, and smaller networks that do the same or almost the same."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.dropout import _DropoutNd

from goldpan.api.configuring import compose_checked
from goldpan.api.networks import masked_copy, require_masked, require_prunable, shape_of, unwrap
from goldpan.channels import compaction, surgery
from goldpan.channels.choosing import (
    Scope,
    Target,
    channel_scores,
    choose_channels,
    nothing_removed,
    prunable_groups,
)
from goldpan.channels.export import export_onnx, export_program
from goldpan.channels.groups import ChannelGroup
from goldpan.cost import cost, live_paths
from goldpan.masks import read_masks
from goldpan.runs.build import build

Importance = Callable[[str, nn.Module], Tensor]
"""A layer's name and the layer, a Conv2d or Linear -> importances (C_out,); higher is kept."""


@dataclass(frozen=True)
class NetworkCost:
    """What a network is and does for one image, and how much of it is not cut.

    FLOPs are 2 per multiply-add of Conv2d and Linear layers. A masked network runs dense all the
    same: `flops_kept` is what could be saved, and `compact` saves a part of it. `effective` is the
    sparsity that counts kept weights as cut which lie on no path of kept weights from the input to
    the output; None if the paths through the network are not known.
    """

    parameters: int
    parameters_kept: int
    flops: int
    flops_kept: int
    sparsity: float
    effective: float | None


def count_cost(model: nn.Module, example: Tensor) -> NetworkCost:
    """Count parameters, FLOPs and the weights that still join input and output.

    Zeros of a plain network, such as `plain` leaves, count as cut.

    >>> import torch, goldpan as gp
    >>> conv, linear = torch.nn.Conv2d(1, 4, 3), torch.nn.Linear(144, 2)
    >>> model = torch.nn.Sequential(conv, torch.nn.Flatten(), linear)
    >>> masks = gp.prune(model, "magnitude", 0.5)
    >>> cost = gp.count_cost(model, torch.zeros(1, 1, 8, 8))
    >>> cost.parameters, cost.parameters_kept, cost.flops, cost.sparsity
    (330, 168, 3168, 0.5)

    Args:
        example: a batch of images (N, C, H, W), or (N, features); its shape counts.

    Raises:
        ValueError: if the network has no Conv2d or Linear layer.
        TypeError: if the example is no batch.
    """
    shape = shape_of(example)
    require_prunable(net := unwrap(model))
    net = masked_copy(net)
    spent, live = cost(net, shape), live_paths(net, shape)
    return NetworkCost(
        **vars(spent),
        sparsity=read_masks(net).sparsity,
        effective=None if live is None else live.sparsity,
    )


def compact(model: nn.Module, example: Tensor) -> nn.Module:
    """A smaller copy of a masked network, without the channels that its masks have left dead.

    It has the same logits and trains in the same way, which is checked. Channels that pass a
    BatchNorm can go. Make the optimizer of the smaller network's parameters.

    >>> import torch, goldpan as gp
    >>> _ = torch.manual_seed(0)
    >>> model = torch.nn.Sequential(
    ...     torch.nn.Conv2d(1, 8, 3, bias=False), torch.nn.BatchNorm2d(8), torch.nn.ReLU(),
    ...     torch.nn.Flatten(), torch.nn.Linear(288, 2),
    ... )
    >>> _ = gp.write_masks(model, {"0.weight": torch.ones(8, 1, 3, 3).bool(),
    ...                            "4.weight": (torch.arange(288) < 144).expand(2, 288)})
    >>> gp.compact(model, torch.zeros(1, 1, 8, 8))[0]
    MaskedConv2d(1, 4, kernel_size=(3, 3), stride=(1, 1), bias=False)

    Args:
        example: a batch of images (N, C, H, W); its shape counts.

    Raises:
        ValueError: if the network has no masks, cannot be traced, or would not train in the same
            way without them.
    """
    shape = shape_of(example)
    require_masked(net := unwrap(model))
    still = copy.deepcopy(net)
    for layer in still.modules():
        if isinstance(layer, _DropoutNd):
            layer.p = 0.0  # what it draws depends on the number of channels, and decides nothing
    try:
        kept = compaction.compact(still, shape).kept
    except ValueError as error:  # it names an option of the command line
        sentence = str(error).replace("choose compact=false", "keep the masked one")
        raise ValueError(sentence) from error
    return surgery.shrink(net, kept, shape)


def shrink(
    model: nn.Module,
    example: Tensor,
    sparsity: float,
    importance: str | Importance = "slimming",
    *,
    target: Target = "channels",
    scope: Scope = "all",
    floor: int | None = None,
) -> nn.Module:
    """A smaller copy of a network without its least important channels.

    Channels that a residual connection ties go together; those of the output stay, and so do those
    that pass no BatchNorm. Train the copy on, by an optimizer of its own parameters.

    >>> import torch, goldpan as gp
    >>> model = torch.nn.Sequential(
    ...     torch.nn.Conv2d(1, 8, 3), torch.nn.BatchNorm2d(8), torch.nn.ReLU(),
    ...     torch.nn.Flatten(), torch.nn.Linear(288, 2),
    ... )
    >>> def l1(name, layer):
    ...     return layer.weight.abs().flatten(1).mean(1)
    >>> gp.shrink(model, torch.zeros(1, 1, 8, 8), 0.5, l1)[0]
    Conv2d(1, 4, kernel_size=(3, 3), stride=(1, 1))

    Args:
        example: a batch of images (N, C, H, W); its shape counts.
        sparsity: the fraction of the target to remove, in [0, 1).
        importance: the name of a method of conf that removes channels, such as "slimming" (the
            norms' scales), "uniform" (the same of each layer alike) or "when_to_prune" (the
            filters' weights). Or a function of a layer's name and the layer that makes channels, a
            Conv2d or Linear with weight (C_out, ...), to importances (C_out,); it may look at
            `layer.weight.grad`. Where several layers make a channel their mean counts.
        target: what sparsity is a fraction of: "channels", "flops" or "parameters".
        scope: "followed" leaves channels whole that cannot be followed through the network.
        floor: channels that each layer keeps at least; None is what the method's file says, 3 with
            a function.

    Raises:
        ValueError: if there is no such method, the sparsity is outside [0, 1) or removes nothing,
            or the network cannot be traced.
        TypeError: if the importances of a layer are no tensor (C_out,).
    """
    shape, net = shape_of(example), unwrap(model)
    named = importance if isinstance(importance, str) else "slimming"
    channels = compose_checked([f"method={named}"], sparsity).method.get("channels")
    if channels is None:
        raise ValueError(f"{named} cuts weights, not channels; gp.prune(model, {named!r}, ...)")
    if channels.get("sampling"):
        raise ValueError(
            f"{named} scores channels by images, and gp.shrink sees none; give importance a "
            f"function that looks at layer.weight.grad, or gp.run(['method={named}', ...])"
        )
    allocate = build(channels.allocate)
    if floor is not None:
        allocate = partial(allocate, floor=floor)
    score = build(channels.get("scorer")) or channel_scores
    if callable(importance):
        score = partial(_score, importance=importance)
    groups = prunable_groups(net, shape, scope)
    scores = score(net, groups)  # of the network itself: a copy has no gradients
    choice = choose_channels(
        masked_copy(net), shape, sparsity, allocate, target, scope, lambda *_: scores, groups
    )
    if sparsity > 0 and choice.removed() == 0:
        raise nothing_removed(sparsity)
    return surgery.shrink(net, choice.kept, shape)


def export(model: nn.Module, path: str | Path, example: Tensor) -> float:
    """Write the network, plain and in eval mode, as .onnx or .pt2 (torch.export), for any batch.

    The file is run before it gets its name. ONNX takes `pip install "goldpan[export]"`.

        gp.export(gp.compact(model, x), "network.onnx", x)

    Args:
        example: a batch of images (N, C, H, W); its shape counts.

    Returns the largest |difference| of logits between the file and the network on random images.

    Raises:
        ValueError: if the path has another suffix, or the logits differ by more than 1e-4.
        ModuleNotFoundError: if an ONNX package is missing.
    """
    path, shape = Path(path), shape_of(example)
    if path.suffix not in (".onnx", ".pt2"):
        raise ValueError(f"path ends in .onnx or .pt2; got {path}")
    write = export_onnx if path.suffix == ".onnx" else export_program
    return write(unwrap(model), path, shape)


@torch.no_grad()
def _score(
    model: nn.Module, groups: Sequence[ChannelGroup], importance: Importance
) -> dict[str, Tensor]:
    """The scores of each group's channels, (size,), by a user's importance of each layer."""

    def of_layer(name: str) -> Tensor:
        layer: Any = model.get_submodule(name)
        found, expected = importance(name, layer), (len(layer.weight),)
        if not isinstance(found, Tensor) or found.shape != expected:
            got = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
            raise TypeError(f"the importance of {name} is a tensor of shape {expected}; got {got}")
        return found.float()

    return {
        group.name: torch.stack([group.pool(n, of_layer(n)) for n in group.producers]).mean(0)
        for group in groups
    }
