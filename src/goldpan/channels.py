"""Which channels of a network must shrink together.

Torch-Pruning (Fang et al., "DepGraph: towards any structural pruning", CVPR 2023, arXiv 2301.12900)
traces the network into a graph of layers and operations. Every channel gets a label that is
followed through that graph: an addition ties the labels of its operands, a concatenation lists them
one after the other, a flattening repeats them, and a grouped or depthwise convolution ties all that
belongs to one of its groups. Channels of one label go together.

*Differs from Torch-Pruning:* its own groups take every operation that it does not know for one that
works on each channel by itself, which is wrong for a padding of channels, a permutation, or a
slice. Here an operation has to be known, and channels that pass through any other stay whole.
"""

import copy
import importlib
import re
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from goldpan.masks import UnknownLayer

Place = tuple[str, str]
"""A layer's name, and "in" or "out": where channels have their weights."""

Labels = list[int]  # of a tensor's channels, in order

_EACH_CHANNEL = re.compile(  # autograd's names of operations that keep channels apart
    r"""Abs|Add|Clamp|ClampMin|Clone|Div|Dropout|Elu|Exp|Gelu|Hardsigmoid|Hardswish|Hardtanh
    |LeakyRelu|Mish|Mul|NativeBatchNorm|NativeDropout|Neg|Pow|Relu|Sigmoid|Silu|Softplus|Sqrt|Sub
    |Tanh|ToCopy|AdaptiveAvgPool2D|AdaptiveMaxPool2D|AvgPool2D|MaxPool2DWithIndices
    |ReflectionPad2D|ReplicationPad2D|UpsampleBilinear2D|UpsampleNearest2D""",
    re.VERBOSE,
)
_RESHAPES = frozenset(("View", "UnsafeView", "ReshapeAlias", "Alias", "Squeeze", "Unsqueeze"))
_OVER_DIMENSIONS = frozenset(("Mean", "Sum", "Amax", "Slice"))
_LAYERS: dict[type[nn.Module], str] = {
    nn.Conv2d: "in_channels",
    nn.Linear: "in_features",
    _BatchNorm: "num_features",
}
_OWN = frozenset(  # what a layer may hold; anything else would have to be cut in its own way
    ("weight", "bias", "mask", "running_mean", "running_var", "num_batches_tracked")
)
_BATCH = 2  # with one image, a batch could be taken for a channel

IMAGES = "they are added to the images or concatenated with them"
LOGITS = "they reach the model's output"
PADDING = "they are added to padded channels, whose number is fixed"
BROADCAST = "they are spread over all channels of another tensor"
_FIXED = (IMAGES, LOGITS, PADDING, BROADCAST)  # followed, and known to stay


@dataclass(frozen=True)
class ChannelGroup:
    """Channels that shrink together, named after the first norm that they pass.

    `places` tells, for each index of a layer's inputs or outputs, which of the `size` channels it
    belongs to, -1 if to none: a norm behind a concatenation serves several groups, and a linear
    layer behind a flattening has several inputs for each channel.
    """

    name: str
    size: int
    norms: tuple[str, ...]
    producers: tuple[str, ...]
    consumers: tuple[str, ...]
    places: Mapping[Place, Tensor] = field(repr=False, compare=False)

    def __str__(self) -> str:
        made, used = ", ".join(self.producers), ", ".join(self.consumers)
        return f"{self.size} channels of {', '.join(self.norms)}: from {made} to {used}"

    def pool(self, norm: str, values: Tensor) -> Tensor:
        """(size,): what a norm has for each of its channels, averaged over those that are one."""
        owners = self.places[norm, "out"].to(values.device) + 1  # 0 is the place of the others
        total = values.new_zeros(self.size + 1).index_add_(0, owners, values)
        return (total / torch.bincount(owners, minlength=self.size + 1))[1:]


@dataclass(frozen=True)
class Coupling:
    """All groups of a network; and the norms of which some channels must stay, with the reason."""

    groups: tuple[ChannelGroup, ...]
    whole: Mapping[str, str]

    def refusal(self, name: str) -> UnknownLayer | ValueError:
        """The error that says why no group bears this name."""
        for group in self.groups:
            if name in group.norms:
                return UnknownLayer(f"{name} shrinks with {group.name}, which names their group")
        if name in self.whole:
            return ValueError(f"the channels of {name} must stay: {self.whole[name]}")
        names = ", ".join(group.name for group in self.groups) or "none"
        return UnknownLayer(f"{name} names no group of channels; the model's groups: {names}")


def find_groups(
    model: nn.Module, shape: Sequence[int], scope: Sequence[str] | None = None
) -> list[ChannelGroup]:
    """The groups of channels that can be removed, in the order of a forward pass.

    Each holds a BatchNorm; channels of the images or the output, or tied to padded ones, are in
    none. `shape` is one image's, (C, H, W). `scope` names the norms that may shrink: all if None.

    Raises:
        ModuleNotFoundError: if Torch-Pruning is not installed.
        UnknownLayer: if the scope names something that is no BatchNorm of the model.
        ValueError: if channels pass through an operation that cannot be followed and the scope does
            not leave them out; or if a norm of the scope cannot shrink without one outside of it.
    """
    coupling = trace(model, shape)
    if scope is None:
        if lost := {name: why for name, why in coupling.whole.items() if why not in _FIXED}:
            names = {why: [n for n in lost if lost[n] == why] for why in lost.values()}
            reasons = "; ".join(f"{', '.join(norms)}, as {why}" for why, norms in names.items())
            raise ValueError(f"some channels must stay whole; give a scope without {reasons}")
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


def trace(model: nn.Module, shape: Sequence[int]) -> Coupling:
    """Follow every channel of the model through one forward pass; the model is left untouched.

    Raises:
        ModuleNotFoundError: if Torch-Pruning is not installed.
        ValueError: if the model cannot be traced, or calls a layer more than once.
    """
    net = copy.deepcopy(model).cpu().requires_grad_()
    names = {module: name for name, module in net.named_modules()}
    calls: Counter[str] = Counter()
    for module in names:
        if isinstance(module, nn.Conv2d | nn.Linear | _BatchNorm):
            module.register_forward_hook(lambda layer, *_: calls.update([names[layer]]))
    dtype = next((p.dtype for p in net.parameters() if p.is_floating_point()), torch.float32)
    with torch.enable_grad():
        images = torch.zeros(_BATCH, *shape, dtype=dtype).requires_grad_() * 1
        graph = _graph(net, images)
    if again := [name for name, count in calls.items() if count > 1]:
        raise ValueError(f"{again[0]} is called more than once; its channels cannot be followed")
    follower = _Follower(names, images.grad_fn)
    for parameter, _ in graph.unwrapped_parameters:
        if node := graph.module2node.pop(parameter, None):
            follower.note_parameter(node, graph._param_to_name[parameter])
    for node in sorted(graph.module2node.values(), key=lambda node: node.grad_fn._sequence_nr()):
        follower.note(node)
    return follower.coupling()


def _graph(net: nn.Module, images: Tensor) -> Any:
    """Torch-Pruning's graph of the network; its own index maps, shapes and groups go unread."""
    try:
        graph = importlib.import_module("torch_pruning").DependencyGraph()
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            'Shrinking a network needs Torch-Pruning: pip install "goldpan[structured]".'
        ) from error
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Maximum recursive depth reached!", UserWarning)
        try:
            graph.build_dependency(net, [images], _forward, verbose=False)
        except Exception as error:  # of any kind: the model's own, or the tracer's
            if not hasattr(graph, "module2node"):  # else it came after the trace, from its maps
                shape = tuple(images.shape[1:])
                raise ValueError(
                    f"the model cannot be traced on images of shape {shape}: {error}"
                ) from error
    return graph


def _forward(net: nn.Module, images: Sequence[Tensor]) -> Tensor:
    logits = net(*images)
    if not isinstance(logits, Tensor):
        raise TypeError(f"it must return logits, it returns a {type(logits).__name__}")
    return logits


class _Follower:
    """Labels the channels of every node's output, in the order of a forward pass."""

    def __init__(self, names: Mapping[nn.Module, str], images: Any) -> None:
        self.names = names
        self.images = images  # autograd's node of the images
        self.parents: list[int] = []  # label -> label that it was tied to, or itself
        self.pinned: dict[int, str] = {}  # label that must stay -> why
        self.outputs: dict[Any, Labels] = {}  # node -> labels; weights' own nodes have none
        self.places: dict[Place, Labels] = {}
        self.norms: list[str] = []

    def note_parameter(self, node: Any, name: str) -> None:
        """A parameter of no known layer, such as a layer scale, would have to shrink as well."""
        self.outputs[node] = self.pin(
            [], len(node.module.flatten()), f"they meet {name}, a lone parameter"
        )

    def note(self, node: Any) -> None:
        """Label the output of a node whose inputs have been labelled."""
        shape = node.grad_fn._input_metadata[0].shape  # of what the operation returned
        given = [self.outputs[source] for source in node.inputs if source in self.outputs]
        if node.grad_fn is self.images:
            labels = self.pin([], shape[1], IMAGES)
        elif not given:
            return  # a function of weights alone
        elif (name := self.names.get(node.module)) is not None:
            labels = self.layer(node.module, name, given, shape)
        else:
            labels = self.operation(node.grad_fn, given, shape)
        if not node.outputs:
            self.pin([labels], 0, LOGITS)
        self.outputs[node] = labels

    def fresh(self, count: int) -> Labels:
        labels = list(range(len(self.parents), len(self.parents) + count))
        self.parents += labels
        return labels

    def root(self, label: int) -> int:
        while self.parents[label] != label:
            self.parents[label] = label = self.parents[self.parents[label]]
        return label

    def tie(self, *groups: Labels) -> Labels:
        """Make the labels at the same index one; returns the first."""
        for labels in zip(*groups, strict=True):
            for label in labels:
                self.parents[self.root(label)] = self.root(labels[0])
        return groups[0]

    def pin(self, given: Sequence[Labels], width: int, why: str) -> Labels:
        """Make labels stay; returns as many more as an output is wide, which stay too."""
        made = self.fresh(width)
        for label in (label for labels in (*given, made) for label in labels):
            if self.pinned.get(label, LOGITS) in _FIXED:  # what was lost comes first
                self.pinned[label] = why
        return made

    def layer(
        self, layer: nn.Module, name: str, given: list[Labels], shape: Sequence[int]
    ) -> Labels:
        """Note where a layer's weights have channels: a norm keeps them, the others make new."""
        own = {*layer._parameters, *layer._buffers}
        inputs = next(
            (getattr(layer, size) for kind, size in _LAYERS.items() if isinstance(layer, kind)),
            None,
        )
        matched = inputs == len(given[0]) and "weight" in own and own <= _OWN
        if not matched or (isinstance(layer, nn.Linear) and len(shape) != 2):
            return self.lose(given, shape, f"{type(layer).__name__} ({name})")
        if isinstance(layer, _BatchNorm):
            self.norms.append(name)
            self.places[name, "out"] = given[0]
            return given[0]
        made = self.fresh(shape[1])
        self.places |= {(name, "in"): given[0], (name, "out"): made}
        groups = layer.groups if isinstance(layer, nn.Conv2d) else 1
        for part in range(groups if groups > 1 else 0):  # a group goes whole, or not at all
            inside = [*_part(given[0], part, groups), *_part(made, part, groups)]
            self.tie(inside, [inside[0]] * len(inside))
        return made

    def operation(self, grad: Any, given: list[Labels], shape: Sequence[int]) -> Labels:
        """The labels of what an operation without weights returns."""
        name = re.sub(r"Backward\d*$", "", grad.name().rpartition("::")[2])
        width = shape[1] if len(shape) > 1 else 0
        x = given[0]
        if _EACH_CHANNEL.fullmatch(name) and all(len(labels) in (1, width) for labels in given):
            wide = [labels for labels in given if len(labels) == width]
            self.pin([labels for labels in given if len(labels) != width], 0, BROADCAST)
            return self.tie(*wide) if wide else self.pin([], width, BROADCAST)
        if name in _RESHAPES and shape[0] == _BATCH and width == len(x):
            return x
        if name in _RESHAPES and shape[0] == _BATCH and len(shape) == 2 and width % len(x) == 0:
            return [label for label in x for _ in range(width // len(x))]
        if name in _OVER_DIMENSIONS and not _dimensions(grad) & {0, 1} and width == len(x):
            return x
        if name == "ConstantPadNd" and len(grad._saved_pad) <= 6:
            front, behind = (*grad._saved_pad, 0, 0, 0, 0, 0, 0)[4:6]
            if min(front, behind) >= 0 and front + len(x) + behind == width:
                return [*self.pin([], front, PADDING), *x, *self.pin([], behind, PADDING)]
        if name == "Cat" and sum(map(len, given)) == width and _dimensions(grad) == {1}:
            return [label for labels in given for label in labels]
        return self.lose(given, shape, name)

    def lose(self, given: list[Labels], shape: Sequence[int], what: str) -> Labels:
        """Make labels stay that an operation mixes in some unknown way, and what it returns."""
        before = [self.pinned.get(label, LOGITS) for labels in given for label in labels]
        why = f"they pass through {what}, which cannot be followed"
        why = next((why for why in before if why not in _FIXED), why)
        return self.pin(given, shape[1] if len(shape) > 1 else 1, why)

    def coupling(self) -> Coupling:
        """Sort the labels into groups, by the first norm that has a channel of the label."""
        stay: dict[int, str] = {}
        for label, why in self.pinned.items():
            if stay.get(self.root(label), LOGITS) in _FIXED:
                stay[self.root(label)] = why
        places = {p: [self.root(label) for label in labels] for p, labels in self.places.items()}
        leaders: dict[int, tuple[str, int]] = {}  # label -> its norm, its index in the group
        sizes: Counter[str] = Counter()
        whole: dict[str, str] = {}
        for norm in self.norms:
            for label in places[norm, "out"]:
                if label in stay:
                    if whole.get(norm, LOGITS) in _FIXED:
                        whole[norm] = stay[label]
                elif label not in leaders:
                    leaders[label] = norm, sizes[norm]
                    sizes[norm] += 1
        members: dict[str, dict[Place, Tensor]] = {norm: {} for norm in sizes}
        for place, labels in places.items():
            for norm in {leaders[label][0] for label in labels if label in leaders}:
                owners = [leaders.get(label, (None, -1)) for label in labels]
                members[norm][place] = torch.tensor([i if n == norm else -1 for n, i in owners])
        groups = tuple(self.group(norm, sizes[norm], members[norm]) for norm in sizes)
        return Coupling(groups, whole)

    def group(self, norm: str, size: int, places: Mapping[Place, Tensor]) -> ChannelGroup:
        norms = tuple(name for name in self.norms if (name, "out") in places)
        made = tuple(n for n, side in places if side == "out" and n not in self.norms)
        used = tuple(n for n, side in places if side == "in")
        return ChannelGroup(norm, size, norms, made, used, places)


def _part(labels: Labels, part: int, parts: int) -> Labels:
    size = len(labels) // parts
    return labels[part * size : (part + 1) * size]


def _dimensions(grad: Any) -> set[int]:
    """The dimensions that an operation works along, as indices from 0; all of them if it says none.

    Autograd shows a negative dimension as an unsigned number of 64 bits.
    """
    saved = grad._saved_dim if hasattr(grad, "_saved_dim") else ()
    dimensions = saved if isinstance(saved, tuple) else (saved,)
    rank = len(getattr(grad, "_saved_self_sym_sizes", ()))
    return {d - 2**64 + rank if d >= 2**63 else d for d in dimensions} or {0, 1}
