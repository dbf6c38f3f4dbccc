"""What every cell needs, imported once, and the data of those to come: see sweeps.forkserver."""

import json
import os
from contextlib import suppress

import pytorch_lightning
import torchvision
import wandb.apis.public
from hydra.utils import instantiate

from goldpan.models import resnet, vgg
from goldpan.procedures import train, train_prune_finetune
from goldpan.scorers import grasp, magnitude, snip, synflow
from goldpan.sweeps.forkserver import DATA
from goldpan.training.callbacks import compact, prune_before, prune_during

__all__ = [
    "compact",
    "grasp",
    "magnitude",
    "prune_before",
    "prune_during",
    "pytorch_lightning",
    "resnet",
    "snip",
    "synflow",
    "torchvision",
    "train",
    "train_prune_finetune",
    "vgg",
    "wandb",
]

for choices in json.loads(os.environ.pop(DATA, "[]")):
    with suppress(Exception):  # the cells will say what is wrong
        instantiate(choices, batch_size=1).hold()
