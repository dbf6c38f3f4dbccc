"""Imports what every cell needs; the local launcher forks cells from a process that has it."""

import pytorch_lightning
import torch
import torchvision
import wandb

from goldpan.callbacks import prune_before
from goldpan.data import vision
from goldpan.models import resnet, vgg
from goldpan.procedures import train

__all__ = [
    "prune_before",
    "pytorch_lightning",
    "resnet",
    "torch",
    "torchvision",
    "train",
    "vgg",
    "vision",
    "wandb",
]
