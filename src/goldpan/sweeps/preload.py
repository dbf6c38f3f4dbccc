"""What the forkserver does before it forks cells: import what they need, and read their data."""

# ruff: noqa: F401
import json
import os
from contextlib import suppress

import pytorch_lightning
import torchvision
import wandb.apis.public

from goldpan.models import resnet, vgg
from goldpan.procedures import thin_when_stable, train, train_prune_finetune
from goldpan.runs.build import build
from goldpan.scorers import grasp, magnitude, snip, synflow
from goldpan.sweeps.forkserver import DATA
from goldpan.training.callbacks import compact, prune_before, prune_during, when_stable

for choices in json.loads(os.environ.pop(DATA, "[]")):
    # An error here would end the forkserver and with it all cells. The cell that needs this dataset
    # reads it again, and its record then says what is wrong.
    with suppress(Exception):
        build(choices, batch_size=1).keep_in_memory()
