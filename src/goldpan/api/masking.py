"""Masks in a training loop of one's own: kept through every step, read, written, taken out."""

from collections.abc import Iterable

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.hooks import RemovableHandle

from goldpan.api.networks import prunable, require_masked, require_prunable, unwrap
from goldpan.channels import surgery
from goldpan.layers.masked import MaskedLayer
from goldpan.layers.swap import swap_layers
from goldpan.masks import (
    Masks,
    mask_gradients,
    mask_optimizer,
    mask_weights,
    masked_layers,
)
from goldpan.masks import read_masks as read_carried
from goldpan.masks import write_masks as write_carried


class KeptMasked:
    """What `keep_masked` has attached; `remove()`, or the end of a with block, takes it off."""

    def __init__(self, hooks: Iterable[RemovableHandle]) -> None:
        self.hooks = tuple(hooks)

    def remove(self) -> None:
        """Let the optimizer move cut weights again."""
        for hook in self.hooks:
            hook.remove()

    def __enter__(self) -> "KeptMasked":
        return self

    def __exit__(self, *error: object) -> None:
        self.remove()


def keep_masked(model: nn.Module, optimizer: Optimizer) -> KeptMasked:
    """Keep cut weights, their gradients and their momentum at zero in every step from now on.

    Without it momentum, weight decay and Adam's averages bring them back. Gradients are zeroed as
    the backward pass makes them, so that a clipping of their norm sees kept weights alone. Masks
    that `prune` changes later are followed; mixed precision and torch.compile work as without.

    >>> import torch, goldpan as gp
    >>> model = torch.nn.Linear(8, 4)
    >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    >>> masks = gp.prune(model, "magnitude", 0.75)
    >>> kept = gp.keep_masked(model, optimizer)
    >>> for _ in range(3):
    ...     model(torch.ones(2, 8)).sum().backward()
    ...     optimizer.step()
    >>> gp.sparsity(model)
    0.75
    >>> kept.remove()

    Args:
        model: a network that `prune` or `write_masks` has given masks.
        optimizer: any of torch's, or one derived from torch.optim.Optimizer, made before or after.

    Returns a handle with `remove()`, which is a context manager as well.

    Raises:
        TypeError: if the optimizer is none of torch.optim.
        ValueError: if the network has no masks, or the optimizer none of its masked weights.
    """
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"optimizer is a torch.optim.Optimizer; got a {type(optimizer).__name__}")
    require_masked(net := unwrap(model))
    held = {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
    layers = [layer for layer in masked_layers(net).values() if id(layer.weight) in held]
    if not layers:
        raise ValueError(
            "the optimizer holds none of the model's masked weights; make it from "
            "model.parameters() of this model, after gp.compact or gp.shrink"
        )

    of_weight = {layer.weight: layer for layer in layers}

    def mask_gradient(weight: Tensor) -> None:
        mask_gradients([of_weight[weight]])

    seen: list[int] = []

    def before_step(*_: object) -> None:
        masks = [layer.mask._version for layer in layers]  # a tensor counts the writes to it
        changed = masks != seen
        if changed:
            mask_optimizer(layers, optimizer)
            seen[:] = masks
        # DistributedDataParallel writes the mean gradients after the hooks of the backward pass.
        if changed or (dist.is_available() and dist.is_initialized()):
            mask_gradients(layers)

    before_step()
    mask_weights(layers)
    return KeptMasked(
        [
            *[weight.register_post_accumulate_grad_hook(mask_gradient) for weight in of_weight],
            optimizer.register_step_pre_hook(before_step),
            optimizer.register_step_post_hook(lambda *_: mask_weights(layers)),
        ]
    )


def read_masks(model: nn.Module) -> Masks:
    """The masks that the network carries, as copies: weight name -> bools of the weight's shape.

    >>> import torch, goldpan as gp
    >>> model = torch.nn.Sequential(torch.nn.Linear(8, 4))
    >>> masks = gp.prune(model, "random", 0.5)
    >>> {name: tuple(mask.shape) for name, mask in gp.read_masks(model).items()}
    {'0.weight': (4, 8)}

    Raises:
        ValueError: if it has none.
    """
    require_masked(net := unwrap(model))
    return read_carried(net)


def write_masks(model: nn.Module, masks: Masks | dict[str, Tensor] | None = None) -> None:
    """Give the network masks in place and zero the weights that they cut; None keeps all weights.

    >>> import torch, goldpan as gp
    >>> model = torch.nn.Linear(2, 2)
    >>> gp.write_masks(model, {"weight": torch.eye(2).bool()})
    >>> gp.sparsity(model)
    0.5

    So a network that was pruned and saved is loaded again: `write_masks(model)`, then
    `model.load_state_dict(...)`, which brings its masks.

    Args:
        masks: weight name -> bools of the weight's shape, True where kept, for every Conv2d and
            Linear layer.

    Raises:
        UnknownLayer (a KeyError): if the masks are not for exactly the network's prunable weights.
        TypeError, ValueError: if a mask is not bool, or has another shape than its weight.
    """
    require_prunable(net := unwrap(model))
    swap_layers(net)
    if masks is not None:
        write_carried(net, masks if isinstance(masks, Masks) else Masks(masks))


@torch.no_grad()
def sparsity(model: nn.Module) -> float:
    """The fraction of the weights of Conv2d and Linear layers that are zero, in [0, 1].

    It looks at the weights, not at the masks: it falls if an optimizer has moved cut weights.

    >>> import torch, goldpan as gp
    >>> gp.sparsity(torch.nn.Conv2d(3, 8, 3))
    0.0

    Raises:
        ValueError: if the network has no such layer.
    """
    require_prunable(net := unwrap(model))
    weights = prunable(net)
    kept = sum(int(weight.count_nonzero()) for weight in weights)
    return 1 - kept / sum(weight.numel() for weight in weights)


def plain(model: nn.Module) -> nn.Module:
    """A copy with PyTorch's own layers, cut weights zero: to export, or to hand to other code.

    Its state dict has no masks, and its logits are the same.

    >>> import torch, goldpan as gp
    >>> model = torch.nn.Linear(8, 4)
    >>> masks = gp.prune(model, "random", 0.5)
    >>> type(model).__name__, type(gp.plain(model)).__name__
    ('MaskedLinear', 'Linear')
    """
    net = unwrap(model)
    if layers := [layer for layer in net.modules() if isinstance(layer, MaskedLayer)]:
        mask_weights(layers)
    return surgery.plain(net)
