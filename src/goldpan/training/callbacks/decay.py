"""A decay of all parameters that is not multiplied by the learning rate, as SET's code has it.

Its authors' set_mlp.py (see `goldpan.losses.sigmoid_mse_twice`) adds the momentum's step and
subtracts decay * w of the old w at once, of weights and of biases:

    w <- w + v - decay * w.
"""

import pytorch_lightning as pl
import torch
from torch.optim import Optimizer

from goldpan.training.system import System


class Decay(pl.Callback):
    """Shrinks all parameters by the fraction `decay` just before each optimizer step.

    So the step is added to (1 - decay) w. A step that a method skips shrinks nothing; this callback
    must come after the pruner for that.
    """

    def __init__(self, decay: float) -> None:
        self.decay = decay

    @torch.no_grad()
    def on_before_optimizer_step(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, optimizer: Optimizer
    ) -> None:
        """Shrink them, in one call."""
        assert isinstance(pl_module, System)
        if not pl_module.skips:
            torch._foreach_mul_([*pl_module.net.parameters()], 1 - self.decay)
