"""Turn the convolutions and linear layers of any model into masked ones, in place.

The layer object itself changes class, so its parameters, device, dtype, training flag, hooks and
every other reference to it stay what they were: optimizers, tied weights and shared layers hold.
"""

from collections.abc import Callable
from typing import TypeGuard

import torch
from torch import nn

from goldpan.layers.masked import MaskedConv2d, MaskedLayer, MaskedLinear


def swap_layers(
    model: nn.Module,
    *,
    conv: type[MaskedConv2d] = MaskedConv2d,
    linear: type[MaskedLinear] = MaskedLinear,
) -> nn.Module:
    """Give each plain `nn.Conv2d` and `nn.Linear` of the model an all-true mask; return the model.

    `conv` and `linear` may be subclasses that hold nothing beyond the mask. Layers that are masked
    already are left alone, and so are those that compute their weight or output in their own way
    (timm's StdConv2d and Conv2dSame, parametrized, lazy or quantized layers): logits never change.
    Of layers that share one weight the first gets the mask, so that the weight counts once.
    """
    masked = {layer.weight for layer in model.modules() if isinstance(layer, MaskedLayer)}
    for layer in model.modules():
        if is_plain(layer) and layer.weight not in masked:
            layer.__class__ = conv if isinstance(layer, nn.Conv2d) else linear
            layer.register_buffer("mask", torch.ones_like(layer.weight, dtype=torch.bool))
            masked.add(layer.weight)
    return model


def swap_norms(model: nn.Module, norm: Callable[[int], nn.BatchNorm2d]) -> nn.Module:
    """Replace each plain `nn.BatchNorm2d` by `norm(channels)`, newly drawn; return the model.

    Norms of other classes, such as timm's that end in an activation, are left as they are.
    """
    for name, module in list(model.named_modules()):
        if type(module) is nn.BatchNorm2d:
            fresh = norm(module.num_features)
            fresh.eps, fresh.momentum = module.eps, module.momentum
            model.set_submodule(name, fresh)
    return model


def is_plain(layer: nn.Module) -> TypeGuard[nn.Conv2d | nn.Linear]:
    """Tell whether PyTorch's own forward multiplies by a weight that the layer itself holds."""
    kind = type(layer)
    if isinstance(layer, nn.Conv2d):
        same = kind.forward is nn.Conv2d.forward
        same = same and type(layer)._conv_forward is nn.Conv2d._conv_forward
    else:
        same = isinstance(layer, nn.Linear) and kind.forward is nn.Linear.forward
    weight = layer._parameters.get("weight")  # absent where it is recomputed (parametrizations)
    return same and weight is not None and not nn.parameter.is_lazy(weight)
