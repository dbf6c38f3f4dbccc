"""Imports what every cell needs and reads the data of those to come; see goldpan.sweeps.nursery."""

import json
import os
from contextlib import suppress

import pytorch_lightning
import torchvision
import wandb.apis.public
from hydra.utils import instantiate

from goldpan.callbacks import compact, prune_before, prune_during
from goldpan.models import resnet, vgg
from goldpan.procedures import train, train_prune_finetune
from goldpan.scorers import grasp, magnitude, snip, synflow
from goldpan.sweeps.nursery import DATA

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
