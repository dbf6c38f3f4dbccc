"""How masks move in a training: which weights were ever alive, which died, which returned."""

from typing import Any

import torch
from torch import Tensor

from goldpan.masks import Masks
from goldpan.runs.results import RegrowthResult

STATE = ("updates", "first", "ever", "died", "densities", "explored", "steady", "returned")


class MaskHistory:
    """Three sets of weights, kept on the device: alive at first, ever alive, cut at some time."""

    def __init__(self) -> None:
        self.updates = 0
        self.first: dict[str, Tensor] = {}
        self.ever: dict[str, Tensor] = {}
        self.died: dict[str, Tensor] = {}
        self.densities: dict[str, list[float]] = {}
        self.explored, self.steady, self.returned = list[float](), list[float](), list[float]()

    def begin(self, masks: Masks) -> None:
        """Start from these masks; of a run that was cut short the history goes on."""
        if not self.first:
            self.first, self.ever = (
                dict(masks),
                {name: mask.clone() for name, mask in masks.items()},
            )
            self.died = {name: torch.zeros_like(mask) for name, mask in masks.items()}
        for tensors in (self.first, self.ever, self.died):  # a checkpoint brings them on the CPU
            tensors.update(
                {name: tensor.to(masks[name].device) for name, tensor in tensors.items()}
            )

    def update(self, before: Masks, after: Masks) -> None:
        """Count an update of the masks."""
        self.updates += 1
        for name, mask in after.items():
            self.ever[name] |= mask
            self.died[name] |= before[name] & ~mask

    def note(self, masks: Masks) -> None:
        """Add the state at the end of an epoch."""
        steady = returned = 0
        for name, mask in masks.items():
            self.densities.setdefault(name, []).append(int(mask.sum()) / mask.numel())
            steady += int((mask & self.first[name] & ~self.died[name]).sum())
            returned += int((mask & self.died[name]).sum())
        kept = max(1, masks.kept)
        self.explored.append(Masks(self.ever).kept / masks.total)
        self.steady.append(steady / kept)
        self.returned.append(returned / kept)

    def result(self) -> RegrowthResult:
        """The numbers for the record."""
        return RegrowthResult(
            self.updates, self.densities, self.explored, self.steady, self.returned
        )

    def state_dict(self) -> dict[str, Any]:
        """All of it, for a checkpoint."""
        return {name: getattr(self, name) for name in STATE}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        for name in STATE:
            setattr(self, name, state[name])
