"""Follow the paths from a network's input to its output, whatever the values of its weights.

The network runs once, on an image of ones, with every operation replaced by one that is positive
where there is a path: norms and activations hand on their input, a sum adds, a product multiplies,
maxima become means, and a sigmoid or softmax is positive even where its input is not. Constants,
such as biases and position embeddings, are no inputs and do not count. So nothing cancels, and a
weight lies on a path if its gradient is not zero.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves, tree_map_only

from goldpan.gradients import mode


class UnknownPaths(ValueError):
    """The network computes in a way of which it is not known which paths lead through it."""


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Names of torch's functions and methods, without underscores at their ends.
HAND_ON = _names(
    """relu relu6 gelu silu elu celu selu leaky_relu prelu mish softplus tanh hardswish hardtanh
    abs neg clamp clip clamp_min dropout dropout2d feature_dropout batch_norm instance_norm
    local_response_norm type float double half to type_as"""
)
RESCALE = _names("layer_norm group_norm rms_norm normalize")
POSITIVE = _names("sigmoid hardsigmoid softmax exp")
MOVE = _names(  # these are linear already, with weights that are not negative
    """avg_pool2d adaptive_avg_pool2d view reshape flatten unflatten permute transpose t movedim
    squeeze unsqueeze expand expand_as repeat repeat_interleave roll getitem get chunk split unbind
    select narrow contiguous clone mean sum pixel_shuffle pixel_unshuffle channel_shuffle flip"""
)
SUMS = _names("add radd iadd sub rsub isub")
PRODUCTS = _names("mul rmul imul div truediv itruediv multiply")
VALUES = _names("bool int float item tolist numpy")
CONSTANTS = _names("new_zeros new_ones new_empty new_full new_tensor zeros_like ones_like")


class Paths(TorchFunctionMode):
    """Replaces the operations inside the block; `mark` says which tensor is the image."""

    def __init__(self, weights: Sequence[Tensor]) -> None:
        super().__init__()
        self.weights = {id(weight) for weight in weights}

    def __torch_function__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        """Do what the operation does to paths."""
        options = kwargs or {}
        raw = str(getattr(func, "__name__", func))
        name = raw.strip("_")
        if not any(_moves(leaf) for leaf in tree_leaves((args, options))) or name in CONSTANTS:
            return func(*args, **options)
        in_place = raw.endswith("_") and not raw.endswith("__")
        in_place = in_place or options.get("inplace") is True
        if in_place or name == "setitem":
            return mark(self._changed(func, name, args))
        return mark(self._replaced(func, name, args, options))

    def _changed(self, func: Any, name: str, args: Sequence[Any]) -> Tensor:
        """The first tensor itself, changed in place: others may hold it."""
        changed: Tensor = args[0]
        combines = name in (*SUMS, *PRODUCTS)
        if combines and _moves(changed) and _moves(args[1]):
            return changed.mul_(args[1]) if name in PRODUCTS else changed.add_(args[1])
        if (combines and _moves(changed)) or name in HAND_ON:
            return changed
        raise UnknownPaths(f"it is not known which paths lead through {name} in place")

    def _replaced(self, func: Any, name: str, args: Sequence[Any], options: Any) -> Any:
        if name in HAND_ON:
            return args[0].clone()
        if name in RESCALE:
            return _rescaled(args[0])
        if name in POSITIVE:
            return 1 + _rescaled(args[0])
        if name in SUMS or name in PRODUCTS:
            return _combined(args[0], args[1], torch.add if name in SUMS else torch.mul)
        if name in ("cat", "concat", "stack"):
            parts = [part if _moves(part) else torch.zeros_like(part) for part in args[0]]
            return func(parts, *args[1:], **options)
        if name in ("conv2d", "linear", "matmul", "bmm"):
            return self._weighted(func, name, args, options)
        if rule := OWN.get(name):
            return rule(self, *args, **options)
        if name in VALUES:
            raise UnknownPaths("the network looks at a value of the image, and may branch on it")
        result = func(*args, **options)
        if not any(isinstance(leaf, Tensor) for leaf in tree_leaves(result)):
            return result
        cut_off = name == "get" and result.requires_grad != args[0].requires_grad  # x.data
        if name in MOVE and not cut_off:
            return result
        raise UnknownPaths(f"it is not known which paths lead through {name}")

    def _weighted(self, func: Any, name: str, args: Sequence[Any], options: Any) -> Tensor:
        """A product with weights, without its bias."""
        if name in ("matmul", "bmm"):
            one, other = (t if _moves(t) else torch.ones_like(t) / t.shape[-2] for t in args[:2])
            return torch.matmul(one, other)
        weight = self._weight(args[1] if len(args) > 1 else options["weight"])
        if name == "linear":
            return F.linear(args[0], weight)
        rest = {k: v for k, v in options.items() if k not in ("weight", "bias")}
        return F.conv2d(args[0], weight, None, *args[3:], **rest)

    def _weight(self, weight: Tensor) -> Tensor:
        """A weight that is counted, or ones for one that is not: nothing of it was cut."""
        if id(weight) in self.weights:
            return weight
        return torch.ones_like(weight) / weight[0].numel()

    def max_pool(self, x: Tensor, *args: Any, **options: Any) -> Tensor:
        """The mean instead of the maximum, of which the gradient goes to one pixel only."""
        names = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")
        given = dict(zip(names, args, strict=False)) | options
        given.pop("return_indices", None)
        if given.pop("dilation", 1) not in (1, (1, 1), [1, 1]):
            raise UnknownPaths("it is not known which paths lead through a dilated max_pool2d")
        return F.avg_pool2d(x, **given)

    def adaptive_max_pool(self, x: Tensor, size: Any, *_: Any, **__: Any) -> Tensor:
        """The mean instead of the maximum."""
        return F.adaptive_avg_pool2d(x, size)

    def pad(self, x: Tensor, pad: Any, mode: str = "constant", value: Any = None) -> Tensor:
        """Padding with a constant adds no path."""
        return F.pad(x, pad, mode)

    def attention(self, q: Tensor, k: Tensor, v: Tensor, *_: Any, **__: Any) -> Tensor:
        """Each position sees all others, and queries and keys by their products."""
        return (1 + _rescaled(q @ k.transpose(-2, -1))) @ v / k.shape[-2]

    def packed_attention(
        self, q: Tensor, k: Tensor, v: Tensor, *args: Any, **options: Any
    ) -> tuple[Tensor, None]:
        """nn.MultiheadAttention on (L, N, E); its packed projections are never cut."""
        seen = k.mean((0, 2), keepdim=True) + v.mean((0, 2), keepdim=True)
        mixed = (seen + q.mean(2, keepdim=True)).expand_as(q)
        return F.linear(mixed, self._weight(args[8])), None


OWN: Mapping[str, Callable[..., Any]] = {
    "max_pool2d": Paths.max_pool,
    "max_pool2d_with_indices": Paths.max_pool,
    "adaptive_max_pool2d": Paths.adaptive_max_pool,
    "pad": Paths.pad,
    "scaled_dot_product_attention": Paths.attention,
    "multi_head_attention_forward": Paths.packed_attention,
}


def path_gradients(
    model: nn.Module, weights: Mapping[str, Tensor], shape: Sequence[int]
) -> tuple[float, dict[str, Tensor | None]]:
    """The flow that reaches the logits, and its gradient for each of these weights.

    It is None for a weight that evaluation does not use, or on constants only.

    Args:
        weights: none is negative; they take the place of the model's own.
        shape: that of one image, (C, H, W).

    Raises:
        UnknownPaths: if the model computes in a way that is not known here.
    """
    leaves = {name: weight.detach().double().requires_grad_() for name, weight in weights.items()}
    image = torch.ones(1, *shape, dtype=torch.float64, device=next(iter(leaves.values())).device)
    own = [*model.named_parameters(), *model.named_buffers()]
    state = {name: value.detach().clone() for name, value in own if name not in leaves}
    state = {n: v.double() if v.is_floating_point() else v for n, v in state.items()}
    try:
        with mode(model, training=False), torch.enable_grad(), Paths(list(leaves.values())):
            logits = functional_call(model, state | leaves, (mark(image),))
        if not isinstance(logits, Tensor) or not logits.isfinite().all():
            raise UnknownPaths("the network must return finite logits")
        if not logits.requires_grad:
            return 0.0, dict.fromkeys(leaves)
        found = torch.autograd.grad(logits.sum(), list(leaves.values()), allow_unused=True)
    except (RuntimeError, TypeError) as error:  # a replaced operation does not fit the others
        raise UnknownPaths(str(error)) from error
    return float(logits.detach().sum()), dict(zip(leaves, found, strict=True))


def mark(value: Any) -> Any:
    """Say that these tensors depend on the image."""

    def marked(tensor: Tensor) -> Tensor:
        tensor.of_image = True  # type: ignore[attr-defined]
        return tensor

    return tree_map_only(Tensor, marked, value)


def _moves(value: object) -> bool:
    return isinstance(value, Tensor) and hasattr(value, "of_image")


def _rescaled(x: Tensor) -> Tensor:
    """The same paths with values up to 1: products of products would overflow."""
    return x / x.detach().max().clamp(min=1e-300)


def _combined(one: Any, other: Any, how: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """The sum or product of what depends on the image; constants change no path."""
    if _moves(one) and _moves(other):
        return how(one, other)
    moving, constant = (one, other) if _moves(one) else (other, one)
    size = torch.broadcast_shapes(moving.shape, getattr(constant, "shape", ()))
    expanded: Tensor = moving.expand(size)
    return expanded
