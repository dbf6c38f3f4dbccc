"""Exact compaction: channels that masks have left dead are removed, and what is computed stays.

A channel is dead if no kept weight reads it, or if it is zero for good: none feeds it, it passes
one norm that starts without shift, and a ReLU, whose slope at zero is zero, keeps it there. Finding
one makes others dead, so it is done to a fixed point. A channel of a residual stream is a sum, to
which a norm may still learn to add; it goes only if nothing reads it.

The whole network trains as the compacted one does but for rounding, since dead weights have no
gradient. Each network is checked for it in float64, logits and gradients, with ones where kept
weights are zero at first: a norm that starts at zero would hide what comes before it. That
unstructured masks leave dead channels is old knowledge (Vysogorets and Kempe, Connectivity Matters,
JMLR 2023, arXiv 2107.02306); to take them out before training is goldpan's own.
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from goldpan.channels.dead import double_copy, live_channels, probe, random_images
from goldpan.channels.finding import trace
from goldpan.channels.groups import removed
from goldpan.channels.surgery import refill, shrink
from goldpan.masks import read_masks

_TOLERANCE = 1e-6  # of gradients in float64, relative to the largest; wrong ones are off by more


@dataclass(frozen=True)
class Compaction:
    """A masked network, and the smaller one that trains as it would.

    `kept` maps a group's name, that of its first norm, to bools (size,), True where the channel
    stays.
    """

    whole: nn.Module
    small: nn.Module
    kept: Mapping[str, Tensor]
    shape: Sequence[int]

    @property
    def removed(self) -> float:
        """The fraction of the channels in groups that are gone."""
        return removed(self.kept)

    def state_dict(self) -> dict[str, Any]:
        """What `restore` makes the same compaction from, as tensors and plain values."""
        return {
            "whole": self.whole.state_dict(),
            "kept": dict(self.kept),
            "shape": list(self.shape),
        }

    def expand(self) -> nn.Module:
        """The whole network with what the small one has learnt; dead weights as they were."""
        return refill(self.whole, self.small, self.kept, self.shape)


def check_compactable(model: nn.Module, shape: Sequence[int]) -> None:
    """Refuse a network that cannot be compacted, whatever its masks; `shape` is (C, H, W).

    Raises:
        ValueError: if it cannot be traced, or draws random numbers in training.
    """
    trace(model, shape)
    net, images = double_copy(model).train(), random_images(shape)
    with torch.no_grad(), torch.random.fork_rng([]):
        if not torch.equal(net(images), net(images)):
            raise ValueError(
                "compact=true needs a network without dropout and its like: what they draw depends "
                "on the number of channels; choose compact=false"
            )


def compact(model: nn.Module, shape: Sequence[int]) -> Compaction:
    """Remove the dead channels of a masked network for images of shape (C, H, W).

    Raises:
        ValueError: if the model cannot be traced, or the smaller network would not train as it.
    """
    compaction = remove(model, shape, live_channels(model, shape))
    _require_same_training(compaction)
    return compaction


def restore(model: nn.Module, state: Mapping[str, Any]) -> Compaction:
    """The compaction of a state, its small network as untrained as it was; takes `model` over."""
    model.load_state_dict(state["whole"])
    return remove(model, state["shape"], state["kept"])


def remove(model: nn.Module, shape: Sequence[int], kept: Mapping[str, Tensor]) -> Compaction:
    """The compaction that keeps just these channels."""
    return Compaction(model, shrink(model, kept, shape), kept, tuple(shape))


def _require_same_training(compaction: Compaction) -> None:
    """Compare logits, in train and eval mode, and the gradients of what is kept.

    Raises:
        ValueError: if they differ.
    """
    large, small = double_copy(compaction.whole), double_copy(compaction.small)
    images = random_images(compaction.shape)
    with torch.no_grad():
        _require_close("eval logits", large.eval()(images), small.eval()(images))
    logits = [net.train()(images) for net in (large, small)]
    _require_close("logits", *logits)
    for values in logits:
        probe(values).backward()
    for net in (large, small):
        for parameter in net.parameters():
            found = parameter.grad
            parameter.data = torch.zeros_like(parameter) if found is None else found
    masks = read_masks(large)
    empty = copy.deepcopy(large)
    for parameter in empty.parameters():
        parameter.data.zero_()
    spread = dict(refill(empty, small, compaction.kept, compaction.shape).named_parameters())
    for name, gradient in large.named_parameters():
        mask = masks.get(name, torch.ones(()))  # cut weights have gradients that no one uses
        _require_close(f"gradients of {name}", gradient * mask, spread[name] * mask)


def _require_close(what: str, expected: Tensor, got: Tensor) -> None:
    expected, got = expected.detach(), got.detach()
    scale, difference = float(expected.abs().max()), float((got - expected).abs().max())
    if not difference <= _TOLERANCE * (scale + _TOLERANCE):
        raise ValueError(
            f"the compacted network's {what} differ by {difference:.2g} from the whole network's; "
            "choose compact=false"
        )
