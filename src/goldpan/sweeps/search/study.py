"""Optuna's side of a search: the file of its trials, and the sampler that suggests new ones."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

if TYPE_CHECKING:
    from optuna import Study
    from optuna.samplers import BaseSampler

SAMPLERS = ("tpe", "nsga2", "random")


@contextmanager
def open_study(path: Path, question: str, directions: Sequence[str]) -> Iterator["Study"]:
    """Open the study in a file, and lock it against other processes.

    Searches of the same `question` may share their trials; `directions` are maximize or minimize.
    Raises ValueError if the file is of another question, or another process has it open.
    """
    import optuna

    path.parent.mkdir(parents=True, exist_ok=True)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        with FileLock(path.with_suffix(".lock"), timeout=0):
            storage = optuna.storages.RDBStorage(f"sqlite:///{path.absolute()}")
            study = optuna.create_study(
                storage=storage,
                study_name="search",
                directions=list(directions),
                load_if_exists=True,
            )
            if study.user_attrs.setdefault("search", question) != question:
                raise ValueError(f"{path} is of another search; choose another hydra.sweeper.name")
            study.set_user_attr("search", question)
            yield study
            storage.engine.dispose()
    except Timeout as error:
        raise ValueError(f"another process is doing the search of {path}") from error


def build_sampler(name: str, seed: int) -> "BaseSampler":
    """Build one of SAMPLERS."""
    from optuna import samplers

    if name == "nsga2":
        return samplers.NSGAIISampler(seed=seed)
    return samplers.TPESampler(seed=seed) if name == "tpe" else samplers.RandomSampler(seed=seed)
