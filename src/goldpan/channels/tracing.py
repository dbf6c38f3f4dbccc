"""Follow channels through a traced forward pass, to see which must shrink together.

An addition ties the labels of its operands, a concatenation lists them one after the other, a
flattening repeats them, and a grouped convolution ties all that belongs to one of its groups.
An operation has to be known, by autograd's name for it; channels that pass through any other stay.

The names and the saved arguments (`_saved_dim`, `_saved_pad`, ...) are no public interface. They
were checked with torch 2.14; a name that another version gives is unknown, so that channels stay.
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
from goldpan.channels.labels import Labels, TiedLabels, explain
from goldpan.channels.shrinkable import inputs_of

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


class Follower:
    """Labels the channels of every node's output, in the order of a forward pass."""

    def __init__(self, names: Mapping[nn.Module, str], images: Any) -> None:
        self.names = names
        self.images = images  # autograd's node of the images
        self.labels = TiedLabels()
        self.outputs: dict[Any, Labels] = {}  # node -> labels; weights' own nodes have none
        self.places: dict[Place, Labels] = {}
        self.norms: list[str] = []

    def keep_parameter(self, node: Any, name: str) -> None:
        """Make all stay that meets a parameter of no layer, which would have to shrink as well."""
        size = len(node.module.flatten())
        self.outputs[node] = self.labels.pin([], size, f"they meet {name}, a lone parameter")

    def follow(self, node: Any) -> None:
        """Label the output of a node whose inputs have been labelled."""
        shape = node.grad_fn._input_metadata[0].shape  # of what the operation returned
        given = [self.outputs[source] for source in node.inputs if source in self.outputs]
        if node.grad_fn is self.images:
            labels = self.labels.pin([], shape[1], IMAGES)
        elif not given:
            return  # a function of weights alone
        elif (name := self.names.get(node.module)) is not None:
            labels = self.layer(node.module, name, given, shape)
        else:
            labels = self.operation(node.grad_fn, given, shape)
        if not node.outputs:
            self.labels.pin([labels], 0, LOGITS)
        self.outputs[node] = labels

    def layer(
        self, layer: nn.Module, name: str, given: list[Labels], shape: Sequence[int]
    ) -> Labels:
        """Keep in mind where a layer's weights have channels; returns the labels of its output.

        A norm hands on the labels that come in. The other layers make new ones.
        """
        if inputs_of(layer) != len(given[0]) or (isinstance(layer, nn.Linear) and len(shape) != 2):
            return self.give_up(given, shape, f"{type(layer).__name__} ({name})")
        if isinstance(layer, _BatchNorm):
            self.norms.append(name)
            self.places[name, "out"] = given[0]
            return given[0]
        made = self.labels.fresh(shape[1])
        self.places |= {(name, "in"): given[0], (name, "out"): made}
        groups = layer.groups if isinstance(layer, nn.Conv2d) else 1
        for part in range(groups if groups > 1 else 0):  # a group goes whole, or not at all
            inside = [*_part(given[0], part, groups), *_part(made, part, groups)]
            self.labels.tie(inside, [inside[0]] * len(inside))
        return made

    def operation(self, grad: Any, given: list[Labels], shape: Sequence[int]) -> Labels:
        """The labels of what an operation without weights returns."""
        name = re.sub(r"Backward\d*$", "", grad.name().rpartition("::")[2])
        width = shape[1] if len(shape) > 1 else 0
        x = given[0]
        if _EACH_CHANNEL.fullmatch(name) and all(len(labels) in (1, width) for labels in given):
            wide = [labels for labels in given if len(labels) == width]
            self.labels.pin([labels for labels in given if len(labels) != width], 0, BROADCAST)
            return self.labels.tie(*wide) if wide else self.labels.pin([], width, BROADCAST)
        if name in _RESHAPES and shape[0] == BATCH and width == len(x):
            return x
        if name in _RESHAPES and shape[0] == BATCH and len(shape) == 2 and width % len(x) == 0:
            return [label for label in x for _ in range(width // len(x))]
        if name in _OVER_DIMENSIONS and not _dimensions(grad) & {0, 1} and width == len(x):
            return x
        if name == "ConstantPadNd" and len(grad._saved_pad) <= 6:
            # Pads of the last dimension come first, two a dimension: the channels' are 4 and 5.
            front, behind = (*grad._saved_pad, 0, 0, 0, 0, 0, 0)[4:6]
            if min(front, behind) >= 0 and front + len(x) + behind == width:
                made = self.labels.pin([], front + behind, PADDING)
                return [*made[:front], *x, *made[front:]]
        if name == "Cat" and sum(map(len, given)) == width and _dimensions(grad) == {1}:
            return [label for labels in given for label in labels]
        return self.give_up(given, shape, name)

    def give_up(self, given: list[Labels], shape: Sequence[int], what: str) -> Labels:
        """Make labels stay that an operation mixes in some unknown way, and what it returns.

        The reason is the first operation on the way that could not be followed.
        """
        before = [self.labels.pinned.get(label, LOGITS) for labels in given for label in labels]
        why = f"they pass through {what}, which cannot be followed"
        why = next((why for why in before if why not in FIXED), why)
        return self.labels.pin(given, shape[1] if len(shape) > 1 else 1, why)

    def coupling(self) -> Coupling:
        """Sort the labels into groups, by the first norm that has a channel of the label."""
        stay, root = self.labels.reasons(), self.labels.root
        places = {p: [root(label) for label in labels] for p, labels in self.places.items()}
        leaders: dict[int, tuple[str, int]] = {}  # label -> its norm, its index in the group
        groups: Counter[str] = Counter()  # norm -> number of channels that it leads
        whole: dict[str, str] = {}
        for norm in self.norms:
            for label in places[norm, "out"]:
                if label in stay:
                    explain(whole, norm, stay[label])
                elif label not in leaders:
                    leaders[label] = norm, groups[norm]
                    groups[norm] += 1
        members: dict[str, dict[Place, Tensor]] = {norm: {} for norm in groups}
        for place, labels in places.items():
            for norm in {leaders[label][0] for label in labels if label in leaders}:
                owners = [leaders.get(label, (None, -1)) for label in labels]
                members[norm][place] = torch.tensor([i if n == norm else -1 for n, i in owners])
        return Coupling(tuple(self.group(n, groups[n], members[n]) for n in groups), whole)

    def group(self, norm: str, size: int, places: Mapping[Place, Tensor]) -> ChannelGroup:
        norms = tuple(name for name in self.norms if (name, "out") in places)
        made = tuple(n for n, side in places if side == "out" and n not in self.norms)
        used = tuple(n for n, side in places if side == "in")
        return ChannelGroup(norm, size, norms, made, used, places)


def _part(labels: Labels, part: int, parts: int) -> Labels:
    size = len(labels) // parts
    return labels[part * size : (part + 1) * size]


def _dimensions(grad: Any) -> set[int]:
    """The dimensions that an operation works along, as indices from 0; {0, 1} if it names none."""
    saved = grad._saved_dim if hasattr(grad, "_saved_dim") else ()
    dimensions = saved if isinstance(saved, tuple) else (saved,)
    rank = len(getattr(grad, "_saved_self_sym_sizes", ()))
    # Autograd gives a negative dimension as an unsigned number of 64 bits, -1 as 2^64 - 1 (checked
    # with torch 2.14).
    return {d - 2**64 + rank if d >= 2**63 else d for d in dimensions} or {0, 1}
