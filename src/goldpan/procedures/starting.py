"""The weights that a run starts from: a file's, a library's, or drawn by the seed."""

from pathlib import Path

from omegaconf import DictConfig
from torch import nn

from goldpan.models.pretrained import load_fitting, of_classifier, start_of
from goldpan.runs.checkpoint import check_same_model, read_weights
from goldpan.runs.provenance import is_first_rank


def load_start(cfg: DictConfig, net: nn.Module, classes: int) -> None:
    """Load `cfg.checkpoint`, if there is one, into a network that was just drawn.

    All of it must fit but for the classifier, which may have other classes: it then stays as drawn.

    Raises:
        ValueError: if the file is not a checkpoint, or belongs to another model.
    """
    if cfg.checkpoint is None:
        return
    path = Path(cfg.checkpoint)
    state = read_weights(path)
    check_same_model(net, state, path, but=of_classifier(net, classes))
    load_fitting(net, state, path.name)


def say_start(net: nn.Module) -> None:
    """Print in a line what was loaded and what was drawn anew, where anything was loaded."""
    if (start := start_of(net)) is not None and is_first_rank():
        print(start.sentence(), flush=True)
