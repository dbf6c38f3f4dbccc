"""Growing regularization of filters: an L2 penalty that grows on the filters that will be removed.

H. Wang et al., Neural Pruning via Growing Regularization, ICLR 2021, arXiv 2012.09243. Each step
adds factor * w to the gradient of a filter's weights; scales and biases have no penalty. GReg-1
chooses the filters first and raises the factor of those alone. GReg-2 raises that of all alike
until flat and curved directions have shrunk apart, chooses then, and raises the factor of the
chosen ones further. The channels that the filters make are removed after the training.

Differs from the authors' code: it ends the growth early once the kept weights of every layer are a
thousand times as large as its chosen ones. *Interpretation:* of channels that several layers make,
the filters of all of them have the penalty.
"""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from goldpan.channels.choosing import ChannelChoice
from goldpan.channels.groups import ChannelGroup
from goldpan.training.callbacks.resumable import Resumable
from goldpan.training.growth import Growth
from goldpan.training.length import read_length
from goldpan.training.system import System


class GrowingFilters(Resumable):
    """Chooses channels, and shrinks their filters by a growing penalty.

    Args:
        choose: what decides which channels stay, called once when `growth` says.
        groups: the channels that may go; their `producers` hold the filters.

    Attributes:
        kept_channels, floored: the choice, as in ChannelChoice; empty before it.
    """

    kept: ClassVar[tuple[str, ...]] = ("kept_channels", "floored")

    def __init__(
        self,
        choose: Callable[[nn.Module], ChannelChoice],
        groups: Sequence[ChannelGroup],
        growth: Growth,
    ) -> None:
        self.choose, self.groups, self.growth = choose, groups, growth
        self.kept_channels: dict[str, Tensor] = {}
        self.floored: dict[str, int] = {}
        self.stays: dict[str, Tensor] = {}  # layer -> bools (filters,), False where chosen

    @property
    def choice(self) -> ChannelChoice:
        """What stays."""
        return ChannelChoice(self.kept_channels, self.floored)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Find the steps; a resumed run has chosen, or will."""
        length = read_length(trainer)
        self.growth.plan(length, length.steps)
        self.stays = self._spread(pl_module.device)

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Choose, where that is due; each process does, by the same weights."""
        assert isinstance(pl_module, System)
        if trainer.global_step == self.growth.choose:
            found = self.choose(pl_module.net)
            self.kept_channels = {name: keep.cpu() for name, keep in found.kept.items()}
            self.floored = dict(found.floored)
            self.stays = self._spread(pl_module.device)

    def on_before_optimizer_step(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, optimizer: Optimizer
    ) -> None:
        """Add factor * w to the gradient of each filter."""
        assert isinstance(pl_module, System)
        chosen, others = self.growth.factors(trainer.global_step)
        if chosen == others == 0:
            return
        pl_module.check_unscaled("adds to gradients")
        for name, stays in self.stays.items():
            weight = pl_module.net.get_submodule(name).weight
            assert isinstance(weight, nn.Parameter)
            assert weight.grad is not None
            factor = torch.where(stays, others, chosen).to(weight)
            weight.grad.add_(weight.detach() * factor.view(-1, *[1] * (weight.dim() - 1)))

    def _spread(self, device: torch.device) -> dict[str, Tensor]:
        """Whether each filter of each layer stays; before the choice all do."""
        found: dict[str, Tensor] = {}
        for group in self.groups:
            keep = self.kept_channels.get(group.name, torch.ones(group.size, dtype=torch.bool))
            for name in group.producers:
                stays = group.spread(keep, (name, "out")).to(device)
                found[name] = found.get(name, torch.ones_like(stays)) & stays
        return found
