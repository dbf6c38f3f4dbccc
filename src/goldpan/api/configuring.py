"""goldpan's own configuration, read from a script that may be a Hydra app itself."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache

from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.initialize import get_gh_backup, restore_gh_from_backup
from omegaconf import DictConfig

from goldpan.choices import bad_choice, conf_folder
from goldpan.runs.experiment import resolve
from goldpan.runs.schema import check_choices, check_option
from goldpan.sweeps.composing import compose_one


def compose(words: Sequence[str]) -> tuple[DictConfig, dict[str, str]]:
    """The configuration of a run as the command line gives it, and the option of each group.

    Raises:
        ValueError: in one sentence, if a word names nothing that there is.
    """
    conf = conf_folder().absolute()
    if sentence := bad_choice(words, conf):
        raise ValueError(sentence)
    with _hydra_put_aside(), initialize_config_dir(str(conf), version_base="1.3"):
        return compose_one(words)


def compose_checked(words: Sequence[str], sparsity: float) -> DictConfig:
    """The configuration alone at a sparsity, each of its values checked.

    Raises:
        ValueError: in one sentence, as `compose`, or if a value is impossible.
    """
    cfg = _composed(tuple(words)).copy()
    check_option("sparsity", sparsity)
    cfg.sparsity = float(sparsity)  # schedules follow it
    check_choices(resolve(cfg))
    return cfg


@lru_cache(maxsize=64)
def _composed(words: tuple[str, ...]) -> DictConfig:
    """What Hydra takes a tenth of a second for; a loop may prune at many sparsities."""
    return compose(words)[0]


@contextmanager
def _hydra_put_aside() -> Iterator[None]:
    """Hydra as if no app of the caller's ran; it runs on after the block."""
    backup = get_gh_backup()
    GlobalHydra.instance().clear()
    try:
        yield
    finally:
        restore_gh_from_backup(backup)
