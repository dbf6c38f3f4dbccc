"""Channels labelled and followed through the operations of a traced forward pass.

An addition ties the labels of its operands, a concatenation lists them one after the other, a
flattening repeats them, and a grouped convolution ties all that belongs to one of its groups.
An operation has to be known, by autograd's name for it; channels that pass through any other stay.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from goldpan.channels.groups import (
    BROADCAST,
    FIXED,
    IMAGES,
    LOGITS,
    PADDING,
    ChannelGroup,
    Coupling,
    Place,
)

Labels = list[int]  # of a tensor's channels, in order

BATCH = 2  # with one image, a batch could be taken for a channel
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


class Follower:
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
            if self.pinned.get(label, LOGITS) in FIXED:  # what was lost comes first
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
        if name in _RESHAPES and shape[0] == BATCH and width == len(x):
            return x
        if name in _RESHAPES and shape[0] == BATCH and len(shape) == 2 and width % len(x) == 0:
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
        why = next((why for why in before if why not in FIXED), why)
        return self.pin(given, shape[1] if len(shape) > 1 else 1, why)

    def coupling(self) -> Coupling:
        """Sort the labels into groups, by the first norm that has a channel of the label."""
        stay: dict[int, str] = {}
        for label, why in self.pinned.items():
            if stay.get(self.root(label), LOGITS) in FIXED:
                stay[self.root(label)] = why
        places = {p: [self.root(label) for label in labels] for p, labels in self.places.items()}
        leaders: dict[int, tuple[str, int]] = {}  # label -> its norm, its index in the group
        sizes: Counter[str] = Counter()
        whole: dict[str, str] = {}
        for norm in self.norms:
            for label in places[norm, "out"]:
                if label in stay:
                    if whole.get(norm, LOGITS) in FIXED:
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
