"""The network of a run that has ended, built again from its record and its weights."""

from dataclasses import dataclass
from pathlib import Path

from omegaconf import OmegaConf
from torch import nn

from goldpan.procedures.setup import build_network
from goldpan.runs.checkpoint import load_weights
from goldpan.runs.record import RECORD, WEIGHTS, Record, read_record


@dataclass(frozen=True)
class RecordedImages:
    """The images' shape (C, H, W) and number of classes, as a record says them."""

    image_shape: tuple[int, int, int]
    classes: int


def load_finished(run: Path) -> tuple[nn.Module, RecordedImages]:
    """The network of the run in a folder, with its masks or smaller layers, and what it takes.

    Raises:
        FileNotFoundError: if the folder has no record or no weights.
        ValueError: if they do not belong together, the record says nothing of the images, or the
            run's activations were quantised or pruned, which its weights do not say.
    """
    record = read_record(run / RECORD)
    _check_plain(record, run)
    images = _images(record, run)
    cfg = OmegaConf.create(dict(record.identity.choices))
    cfg.checkpoint = str(run / WEIGHTS)  # the sizes of its layers lie beside it
    net = build_network(cfg, images, cfg.seed)
    load_weights(net, run / WEIGHTS)
    return net, images


def _check_plain(record: Record, run: Path) -> None:
    found = None if record.weights is None else record.weights.quantization
    if found is not None and (found.activation_exponents or found.activation_sparsity):
        raise ValueError(
            f"the network of {run} computes with quantised or pruned activations, which a plain "
            "network cannot do; expected a run with quantization.activation_bits=32 and "
            "activation_sparsity=0"
        )


def _images(record: Record, run: Path) -> RecordedImages:
    data = record.origin.data
    if not {"image_shape", "classes"} <= data.keys():
        raise ValueError(
            f"{run / RECORD} says nothing of the images, as that of a run that failed; run it again"
        )
    channels, height, width = data["image_shape"]
    return RecordedImages((channels, height, width), data["classes"])
