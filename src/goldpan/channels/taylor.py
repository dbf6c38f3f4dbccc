"""Taylor: remove the channels without which the loss would change least, to first order.

P. Molchanov et al., Importance Estimation for Neural Network Pruning, CVPR 2019, arXiv 1906.10771:
a gate z = 1 on the output y of a channel's BatchNorm has the importance (dL/dz)^2, where
dL/dz = sum of y dL/dy = gamma dL/dgamma + beta dL/dbeta; it is averaged over batches.

*Interpretation:* a group with several norms, as a residual connection has it, has one gate for all:
their dL/dz are added before the square. BatchNorm normalises by the batch, as in training.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from goldpan.channels.groups import ChannelGroup
from goldpan.gradients import mean_loss
from goldpan.types import Batch, Loss


def taylor(
    model: nn.Module, groups: Sequence[ChannelGroup], batches: Sequence[Batch], loss: Loss
) -> dict[str, Tensor]:
    """Score the channels of each group, (size,), by the mean over batches of (dL/dz)^2."""
    total = {group.name: torch.zeros(()) for group in groups}
    for batch in batches:
        slopes = gate_slopes(model, [name for group in groups for name in group.norms], batch, loss)
        for group in groups:
            parts = [group.add_up(slopes[name], (name, "out")) for name in group.norms]
            joint = torch.stack(parts).sum(0)
            total[group.name] = total[group.name].to(joint) + joint.square() / len(batches)
    return total


def gate_slopes(
    model: nn.Module, norms: Sequence[str], batch: Batch, loss: Loss
) -> dict[str, Tensor]:
    """dL/dz (C,) of gates z = 1 on the outputs (N, C, H, W) of these norms, by their names."""
    gates, hooks = {}, []
    for name in dict.fromkeys(norms):
        norm = model.get_submodule(name)
        assert isinstance(norm, nn.BatchNorm2d)
        gate = gates[name] = torch.ones_like(norm.weight).requires_grad_()
        hooks.append(norm.register_forward_hook(lambda _, __, y, z=gate: y * z[:, None, None]))
    try:
        with torch.enable_grad():
            device = next(model.parameters()).device
            images, labels = (part.to(device) for part in batch)
            value = mean_loss(model, {}, (images, labels), loss)
            slopes = torch.autograd.grad(value, list(gates.values()))
    finally:
        for hook in hooks:
            hook.remove()
    return dict(zip(gates, slopes, strict=True))
