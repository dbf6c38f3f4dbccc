"""Remove the channels that masks have left dead, so that a smaller network trains in the same way.

Which channels those are is in goldpan.channels.dead. Their weights have no gradient, so the whole
network and the small one train alike but for rounding. That is checked for each network, on its
logits and its gradients in float64.

That masks leave dead channels is known (Vysogorets and Kempe, Connectivity Matters, JMLR 2023,
arXiv 2107.02306); to remove them before the training is goldpan's own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from goldpan.channels.dead import live_channels, random_images, trial_copy, weighted_sum
from goldpan.channels.finding import trace
from goldpan.channels.groups import removed
from goldpan.channels.surgery import refill, shrink
from goldpan.masks import read_masks

_TOLERANCE = 1e-6  # of gradients in float64, relative to the largest; wrong ones are off by more


@dataclass(frozen=True)
class Compaction:
    """A masked network, and the smaller one that trains as it would.

    `kept` maps a group's name to bools (size,), True where the channel stays. `shape` is that of
    one image, (C, H, W).
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
        """The tensors and plain values from which `restore` makes this compaction again."""
        return {
            "whole": self.whole.state_dict(),
            "kept": dict(self.kept),
            "shape": list(self.shape),
        }

    def expand(self) -> nn.Module:
        """Copy the whole network with what the small one has learnt; dead weights are as before."""
        return refill(self.whole, self.small, self.kept, self.shape)


def check_compactable(model: nn.Module, shape: Sequence[int]) -> None:
    """Refuse a network that no masks make compactable. `shape` is one image's, (C, H, W).

    Raises:
        ValueError: if it cannot be traced, or draws random numbers in training.
    """
    trace(model, shape)
    net, images = trial_copy(model).train(), random_images(shape)
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
    """Make a compaction again from its state, before any training; `model` becomes its whole."""
    model.load_state_dict(state["whole"])
    return remove(model, state["shape"], state["kept"])


def remove(model: nn.Module, shape: Sequence[int], kept: Mapping[str, Tensor]) -> Compaction:
    """Remove all channels but the kept ones, without a check; `kept` is as in `Compaction`."""
    return Compaction(model, shrink(model, kept, shape), kept, tuple(shape))


def _require_same_training(compaction: Compaction) -> None:
    """Compare logits, in train and eval mode, and the gradients of what is kept.

    Raises:
        ValueError: if they differ.
    """
    large, small = trial_copy(compaction.whole), trial_copy(compaction.small)
    images = random_images(compaction.shape)
    with torch.no_grad():
        _require_close("eval logits", large.eval()(images), small.eval()(images))
    logits = [net.train()(images) for net in (large, small)]
    _require_close("logits", *logits)
    for values in logits:
        weighted_sum(values).backward()
    masks = read_masks(large)
    found, small_found = _gradients(large), _gradients(small)
    # The gradients stand in the place of the weights, so that `refill` spreads the small network's
    # over the whole one: those of what was removed are zero.
    for parameter in large.parameters():
        parameter.data.zero_()
    for name, parameter in small.named_parameters():
        parameter.data = small_found[name]
    spread = dict(refill(large, small, compaction.kept, compaction.shape).named_parameters())
    for name, gradient in found.items():
        mask = masks.get(name, torch.ones(()))  # cut weights have gradients that no one uses
        _require_close(f"gradients of {name}", gradient * mask, spread[name] * mask)


def _gradients(net: nn.Module) -> dict[str, Tensor]:
    """Parameter name -> gradient, zero where there is none."""
    return {
        name: torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
        for name, parameter in net.named_parameters()
    }


def _require_close(what: str, expected: Tensor, got: Tensor) -> None:
    expected, got = expected.detach(), got.detach()
    scale, difference = float(expected.abs().max()), float((got - expected).abs().max())
    if not difference <= _TOLERANCE * (scale + _TOLERANCE):
        raise ValueError(
            f"the compacted network's {what} differ by {difference:.2g} from the whole network's; "
            "choose compact=false"
        )
