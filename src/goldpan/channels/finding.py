"""Find which channels of a network must shrink together.

Torch-Pruning (Fang et al., "DepGraph: towards any structural pruning", CVPR 2023, arXiv 2301.12900)
traces the network into a graph of layers and operations. Every channel gets a label that is
followed through that graph, as goldpan.channels.tracing says. Channels of one label go together.

*Differs from Torch-Pruning:* its own groups take every operation that it does not know for one that
works on each channel by itself, which is wrong for a padding of channels, a permutation, or a
slice. Here an operation has to be known, and channels that pass through any other stay whole.
"""

import copy
import importlib
import warnings
from collections import Counter
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.overrides import TorchFunctionMode

from goldpan.channels.groups import FIXED, ChannelGroup, Coupling
from goldpan.channels.hidden import has_batchnorm, hidden_units
from goldpan.channels.shrinkable import sizes
from goldpan.channels.tracing import BATCH, Follower
from goldpan.masks import UnknownLayer


def find_groups(
    model: nn.Module, shape: Sequence[int], scope: Sequence[str] | None = None
) -> list[ChannelGroup]:
    """The groups of channels that can be removed, in the order of a forward pass.

    Each holds a BatchNorm, or hidden units if the network has none; channels of the images or the
    output, or tied to padded ones, are in none. `shape` is one image's, (C, H, W). `scope` names
    the norms that may shrink: all if None.

    Raises:
        ModuleNotFoundError: if Torch-Pruning is not installed.
        UnknownLayer: if the scope names something that is no BatchNorm of the model.
        ValueError: if channels pass through an operation that cannot be followed and the scope does
            not leave them out; or if a norm of the scope cannot shrink without one outside of it.
    """
    coupling = couple(model, shape)
    if scope is None:
        if lost := {name: why for name, why in coupling.whole.items() if why not in FIXED}:
            first, why = next(iter(lost.items()))
            raise ValueError(
                f"the channels of {len(lost)} norms of {type(model).__name__} must stay, such as "
                f"those of {first}, as {why}; method.channels.scope=followed removes channels of "
                "the others alone"
            )
        return list(coupling.groups)
    norms = {name for name, module in model.named_modules() if isinstance(module, _BatchNorm)}
    if strange := [name for name in scope if name not in norms]:
        raise UnknownLayer(f"the scope must name BatchNorms of the model, got {strange[0]}")
    chosen = [group for group in coupling.groups if set(group.norms) & set(scope)]
    for group in chosen:
        if outside := [name for name in group.norms if name not in scope]:
            inside = next(name for name in group.norms if name in scope)
            raise ValueError(f"{inside} shrinks with {outside[0]}, which the scope leaves out")
    shrinking = {name for group in chosen for name in group.norms}
    if stuck := [name for name in scope if name not in shrinking]:
        raise coupling.refusal(stuck[0])
    return chosen


def couple(model: nn.Module, shape: Sequence[int]) -> Coupling:
    """The groups that `trace` finds, or the hidden units of a network without BatchNorm."""
    if has_batchnorm(model):
        return trace(model, shape)
    return Coupling(tuple(hidden_units(model, shape)), {})


def trace(model: nn.Module, shape: Sequence[int]) -> Coupling:
    """Follow every channel of the model through one forward pass; the model is left untouched.

    Raises:
        ModuleNotFoundError: if Torch-Pruning is not installed.
        ValueError: if the model cannot be traced, calls a layer more than once, or ties weights.
    """
    net = copy.deepcopy(model).cpu().to(memory_format=torch.contiguous_format).requires_grad_()
    names = {module: name for name, module in net.named_modules()}
    owners: dict[Tensor, str] = {}
    for module, name in names.items():
        for parameter in module.parameters(recurse=False):
            if (owner := owners.setdefault(parameter, name)) != name:
                raise ValueError(f"{name} and {owner} share weights; their channels must stay")
    calls: Counter[str] = Counter()
    for module in names:
        if sizes(module):  # a layer that can shrink
            module.register_forward_hook(lambda layer, *_: calls.update([names[layer]]))
    dtype = next((p.dtype for p in net.parameters() if p.is_floating_point()), torch.float32)
    with torch.enable_grad():
        leaf = torch.zeros(BATCH, *shape, dtype=dtype).requires_grad_()
        images = leaf * 1  # so that autograd has a node of the images; a leaf has none
        graph = _graph(net, images)
    if again := [name for name, count in calls.items() if count > 1]:
        raise ValueError(f"{again[0]} is called more than once; its channels cannot be followed")
    follower = Follower(names, images.grad_fn)
    for parameter, _ in graph.unwrapped_parameters:
        if node := graph.module2node.pop(parameter, None):
            follower.keep_parameter(node, graph._param_to_name[parameter])
    # Autograd numbers its nodes as they are made, so each comes after those that it depends on.
    for node in sorted(graph.module2node.values(), key=lambda node: node.grad_fn._sequence_nr()):
        follower.follow(node)
    return follower.coupling()


def _graph(net: nn.Module, images: Tensor) -> Any:
    """Trace the network with Torch-Pruning, of which only the graph is used.

    Its index maps, shapes and groups are made after the graph (checked with 1.6.1). They may fail,
    by a division by zero at a shuffle of channels, or warn of their recursion; neither matters.
    """
    try:
        graph = importlib.import_module("torch_pruning").DependencyGraph()
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "Shrinking a network needs Torch-Pruning: pip install torch-pruning."
        ) from error
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Maximum recursive depth reached!", UserWarning)
        try:
            graph.build_dependency(net, [images], _forward, verbose=False)
        except Exception as error:  # of any kind: the model's own, or the tracer's
            if not hasattr(graph, "module2node"):  # else the graph was there before the error
                shape = tuple(images.shape[1:])
                raise ValueError(
                    f"the model cannot be traced on images of shape {shape}: {error}"
                ) from error
    return graph


class _NoValues(TorchFunctionMode):
    """Refuses a network that looks at numbers: on other images it may take another branch."""

    def __torch_function__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        name = getattr(func, "__name__", "")
        if name in ("__bool__", "__int__", "__float__", "item", "tolist"):
            raise ValueError(
                "its forward looks at the value of a tensor, so that other images may pass through "
                "other layers, which cannot be followed"
            )
        return func(*args, **(kwargs or {}))


def _forward(net: nn.Module, images: Sequence[Tensor]) -> Tensor:
    with _NoValues():
        logits = net(*images)
    if not isinstance(logits, Tensor):
        raise TypeError(f"it must return logits, it returns a {type(logits).__name__}")
    return logits
