"""What the forkserver does before it forks cells: import what they need, and read their data."""

import json
import os
from contextlib import suppress
from importlib import import_module

from hydra.utils import instantiate

from goldpan.sweeps.forkserver import DATA

for module in (
    *("pytorch_lightning", "torchvision", "wandb.apis.public"),
    *("goldpan.models.resnet", "goldpan.models.vgg"),
    *("goldpan.procedures.train", "goldpan.procedures.train_prune_finetune"),
    *(f"goldpan.scorers.{name}" for name in ("grasp", "magnitude", "snip", "synflow")),
    *(f"goldpan.training.callbacks.prune_{when}" for when in ("before", "during")),
):
    import_module(module)

for choices in json.loads(os.environ.pop(DATA, "[]")):
    # An error here would end the forkserver and with it all cells. The cell that needs this dataset
    # reads it again, and its record then says what is wrong.
    with suppress(Exception):
        instantiate(choices, batch_size=1).keep_in_memory()
