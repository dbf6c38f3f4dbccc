"""Pruning of channels in the middle of a training, once what would be left has settled.

Early-bird tickets (ICLR 2020, arXiv 1909.11957) and When to Prune? (CVPR 2022, arXiv 2110.12007).
The optimizer is new after the pruning, so that momentum starts at zero: early-bird's authors prune
by one script and train on by another, from the same epoch of the schedule; When to Prune? has no
code, and what it does is unknown.
"""

from collections.abc import Callable, Sequence
from time import perf_counter

import pytorch_lightning as pl
from torch import Tensor, nn

from goldpan.channels.choosing import ChannelChoice
from goldpan.channels.scaling import carry_out
from goldpan.channels.stability import Watch
from goldpan.runs.curve import Row
from goldpan.training.callbacks.csv_curve import read_metrics
from goldpan.training.callbacks.resumable import Resumable
from goldpan.training.midway import evaluate, go_on_with
from goldpan.training.system import System

STATE = "when_stable"
"""The name of the callback's state in a checkpoint."""


class WhenStable(Resumable):
    """Chooses channels after each epoch, and removes the others when the choice has settled.

    A choice that never settles is made after the last epoch, and nothing is trained after it; then
    `settled` stays None. A network of another size than the one asked for would be no result of the
    method, and to fail would throw a whole training away.

    Attributes:
        stabilities: after each epoch, None where there were too few networks to compare.
        settled: the epoch, from 1, after which the choice had settled.
        kept_channels: what was kept in the pruning, by group; empty before it.
        before, after: the metrics of the network before the pruning and just after.
    """

    kept = (
        *("networks", "stabilities", "settled", "kept_channels", "floored"),
        *("before", "after", "seconds"),
    )

    def __init__(
        self, choose: Callable[[nn.Module], ChannelChoice], watch: Watch, shape: Sequence[int]
    ) -> None:
        self.choose, self.watch, self.shape = choose, watch, tuple(shape)
        self.networks: list[dict[str, Tensor]] = []  # the last that are still compared
        self.stabilities: list[float | None] = []
        self.settled: int | None = None
        self.kept_channels: dict[str, Tensor] = {}
        self.floored: dict[str, int] = {}
        self.before: Row = {}
        self.after: Row = {}
        self.seconds = 0.0  # spent on choosing so far

    @property
    def state_key(self) -> str:
        """The name of this callback's state in a checkpoint."""
        return STATE

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Choose in the untrained network, if it counts; a resumed run has done so."""
        if self.watch.untrained and not self.stabilities:
            self._look(pl_module.net)  # type: ignore[arg-type]

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Choose and compare; prune if the choice has settled, or if this is the last epoch."""
        assert isinstance(pl_module, System)
        if self.kept_channels:
            return
        choice, epoch = self._look(pl_module.net), trainer.current_epoch + 1
        self.stabilities.append(self.watch.stability(self.networks))
        if self.watch.settled(self.stabilities):
            self.settled = epoch
        if self.settled is not None or epoch == trainer.max_epochs:
            self._prune(trainer, pl_module, choice, epoch)

    def _look(self, net: nn.Module) -> ChannelChoice:
        """Choose in the network as it is, and keep the choice for later comparisons."""
        start = perf_counter()
        choice = self.choose(net)
        kept = {name: mask.cpu() for name, mask in choice.kept.items()}
        self.networks = [*self.networks, kept][-self.watch.earlier - 1 :]
        self.seconds += perf_counter() - start
        return ChannelChoice(kept, choice.floored, choice.scales)

    def _prune(
        self, trainer: pl.Trainer, system: System, choice: ChannelChoice, epoch: int
    ) -> None:
        """Remove the channels, and have the optimizer made for what is left."""
        self.kept_channels, self.floored = dict(choice.kept), dict(choice.floored)
        self.networks = []
        reached = {"epoch": epoch, "step": trainer.global_step}
        self.before = reached | read_metrics(trainer)
        go_on_with(trainer, system, carry_out(system.net.cpu(), choice, self.shape))
        self.after = reached | evaluate(trainer, system)
