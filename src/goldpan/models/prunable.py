"""Take any classifier: check what it returns, mask the weights that can be, and name the others.

A weight is masked if it belongs to a plain `nn.Conv2d` or `nn.Linear`. A cut weight is zero in the
parameter itself, so it does not matter who multiplies by it: its layer, another layer that is tied
to it, the same layer a second time, or a function such as F.linear.
"""

import copy
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import ParametrizationList

from goldpan.layers.masked import MaskedConv2d, MaskedLayer, MaskedLinear
from goldpan.layers.swap import swap_layers

NAMED = 4  # weights that the sentence on dense ones names


def make_prunable(net: nn.Module, shape: Sequence[int], classes: int) -> nn.Module:
    """Give the network's layers masks, unless it has some already; return the network.

    A layer that no gradient reaches gets none, such as one that the forward pass never calls.
    `shape` is one image's, (C, H, W). Weights stay as they are, but for those of lazy layers, which
    are drawn here.

    Raises:
        ValueError: if the network has no weight to mask, does not take such images, does not return
            logits (N, classes), or keeps what it computed in an attribute, so that it cannot be
            copied.
    """
    if any(nn.parameter.is_lazy(parameter) for parameter in net.parameters()):
        with torch.no_grad():
            net.eval()(torch.zeros(1, *shape))  # the first images tell lazy layers their sizes
        net.train()
    if not any(isinstance(layer, MaskedLayer) for layer in net.modules()):
        swap_layers(net)
    if not any(isinstance(layer, MaskedLayer) for layer in net.modules()):
        raise ValueError(
            f"{type(net).__name__} has no plain nn.Conv2d or nn.Linear, whose weights alone can be "
            "masked; build it of them"
        )
    reached = _reached(net, shape, classes)
    for name, layer in net.named_modules():
        unused = f"{name}.weight".lstrip(".") not in reached
        if unused and isinstance(layer, MaskedConv2d | MaskedLinear):
            _unmask(layer)
    return net


def left_dense(net: nn.Module) -> dict[str, str]:
    """Name the weights that have no mask, and why: "lstm.weight_ih_l0" -> "LSTM".

    They are the parameters with two dimensions or more that are larger than 1.
    """
    masked = {id(layer.weight) for layer in net.modules() if isinstance(layer, MaskedLayer)}
    found: dict[str, str] = {}
    for name, module in net.named_modules():
        for own, parameter in module.named_parameters(recurse=False):
            if id(parameter) in masked or sum(size > 1 for size in parameter.shape) < 2:
                continue
            if isinstance(module, ParametrizationList):
                parent, _, weight = name.rpartition(".")
                kinds = ", ".join(type(part).__name__.strip("_") for part in module)
                path = parent.removesuffix("parametrizations").rstrip(".")
                found[f"{path}.{weight}".lstrip(".")] = kinds
            else:
                plain = type(module) in (nn.Conv2d, nn.Linear)
                why = f"{type(module).__name__} without a mask" if plain else type(module).__name__
                found[f"{name}.{own}".lstrip(".")] = why
    return found


def dense_sentence(found: Mapping[str, str]) -> str:
    """What stays dense, in one line; "" if nothing does."""
    named = [f"{name} ({why})" for name, why in found.items()]
    more = f" and {len(named) - NAMED} more" if len(named) > NAMED else ""
    return f"left dense: {', '.join(named[:NAMED])}{more}" if named else ""


def _reached(net: nn.Module, shape: Sequence[int], classes: int) -> set[str]:
    """The parameters that the logits of two random images depend on, in training or evaluation."""
    try:
        trial = copy.deepcopy(net).cpu().requires_grad_()
    except RuntimeError as error:
        raise _uncopied(type(net).__name__) from error
    images = torch.randn(2, *shape, generator=torch.Generator().manual_seed(0))
    names = {name for name, _ in trial.named_parameters(remove_duplicate=False)}
    reached: set[str] = set()
    with torch.random.fork_rng([]), torch.enable_grad():
        for training in (True, False):
            logits = _logits(trial.train(training), images, classes)
            if reached != names and logits.requires_grad:
                logits.sum().backward()
            reached = {
                name
                for name, parameter in trial.named_parameters(remove_duplicate=False)
                if parameter.grad is not None
            }
    for name, module in trial.named_modules():
        if any(isinstance(v, Tensor) and not v.is_leaf for v in vars(module).values()):
            raise _uncopied(name or type(net).__name__)
    return reached


def _logits(net: nn.Module, images: Tensor, classes: int) -> Tensor:
    """The logits of the images, known to be some."""
    shape = tuple(images.shape[1:])
    try:
        logits = net(images)
    except Exception as error:  # of any kind, raised by the network's own code
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(
            f"{type(net).__name__} must take images of shape (N, {', '.join(map(str, shape))}); "
            f"on two of them it raises {type(error).__name__}: {reason}"
        ) from error
    expected = f"{type(net).__name__} must return logits of shape (N, {classes}) as one tensor"
    if not isinstance(logits, Tensor):
        raise ValueError(
            f"{expected}, got a {type(logits).__name__}; let its forward return the logits alone"
        )
    if logits.shape != (len(images), classes):
        got = ", ".join(map(str, logits.shape[1:]))
        raise ValueError(f"{expected}, got ({', '.join(['N', got]) if got else 'N'})")
    return logits


def _uncopied(name: str) -> ValueError:
    return ValueError(
        f"{name} keeps a tensor that it computed, so that the network cannot be copied; for "
        "torch.nn.utils.weight_norm and spectral_norm take those of torch.nn.utils.parametrizations"
    )


def _unmask(layer: MaskedConv2d | MaskedLinear) -> None:
    """Make a masked layer a plain one again."""
    del layer.mask
    kind = nn.Conv2d if isinstance(layer, MaskedConv2d) else nn.Linear
    layer.__class__ = kind  # type: ignore[assignment]
