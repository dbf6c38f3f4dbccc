"""Where the curves of a run are sent besides its folder: W&B, TensorBoard, any Lightning logger.

`cfg.logger` is a logger, or holds several by name: it, and each part below it, is one if it has a
`_target_`. A logger decides no result, so neither an id nor a fingerprint counts anything here.
"""

import inspect
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from hydra.utils import get_class
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.loggers import Logger, TensorBoardLogger, WandbLogger

from goldpan.runs.build import build
from goldpan.runs.curve import read_curve
from goldpan.runs.provenance import is_first_rank
from goldpan.runs.record import CHECKPOINT, CURVE, Identity, Record
from goldpan.runs.told import describe, summarize

LONGEST_TAG, LONGEST_NAME = 64, 128
"""Characters that W&B takes; a name is also that of a group."""

STEP = "trainer/global_step"
"""The axis of curves, as Lightning names it."""

DEFAULTS = {"project": ("WANDB_PROJECT", "goldpan"), "mode": ("WANDB_MODE", "offline")}
"""Options of wandb.init -> the variable that says them where nothing is typed, else the default."""


def open_loggers(cfg: DictConfig, folder: Path, who: Identity) -> list[Logger]:
    """The loggers of a run, on the first process alone; a resumed run goes on under its own id.

    Their files go beside the folders of the runs: into `wandb`, `tensorboard`, `csv`, ... of the
    output folder, where the tools of W&B and TensorBoard find all runs at once.

    Raises:
        ValueError: if one cannot start as it was asked to.
    """
    if not cfg.get("logger") or not is_first_rank():
        return []
    words: dict[str, Any] = OmegaConf.to_container(cfg.logger, resolve=True)  # type: ignore[assignment]
    loggers = list[Logger]()
    for name, part in read_parts(words).items():
        if part["_target_"].startswith("wandb."):
            loggers.append(_open_wandb(part, folder, who))
        else:
            loggers.append(_open_other(name, part, folder))
            loggers[-1].log_hyperparams(describe(who))
    return loggers


def read_parts(words: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The parts of `cfg.logger` that are loggers, by name; one that has none is called "logger"."""
    inner = {
        name: dict(part)
        for name, part in words.items()
        if isinstance(part, Mapping) and "_target_" in part
    }
    outer = {name: value for name, value in words.items() if name not in inner}
    return ({"logger": outer} if "_target_" in outer else {}) | inner


def close_loggers(loggers: Iterable[Logger], record: Record, pictures: Sequence[Path]) -> None:
    """Write the summary, and to W&B record and pictures, and finish so that the next run is new."""
    for logger in loggers:
        if isinstance(logger, Wandb):
            logger.close(record, pictures)
            continue
        summary = summarize(record)
        if isinstance(logger, TensorBoardLogger):  # its table of runs needs both at once
            logger.log_hyperparams(describe(record.identity), summary)
        else:
            logger.log_metrics(summary)
        logger.finalize("success")


class Wandb(WandbLogger):
    """W&B that ends no run: what it raises is printed once, and the run goes on without it.

    Its own step is the training's, `first` steps later. So a run that was killed and resumed logs
    what it logs twice under one step, and the curve goes on as if nothing had happened.
    """

    broken, last = False, 0

    def __init__(self, run: Any, first: int = 0) -> None:
        super().__init__(experiment=run)
        self.first = first

    def log_metrics(
        self, metrics: Mapping[str, float], step: int | None = None, at: int | None = None
    ) -> None:
        """Log at a step of the training; without one, as rounds of pruning are, at W&B's next.

        `at` is W&B's own step without `first`, if it is another one.
        """
        with self._unharmed():
            if step is None:
                self.experiment.log(dict(metrics))
                return
            # Lightning 2.6.6 counts the step of a validation one lower than global_step, and W&B
            # drops what is logged at a lower step than before.
            self.last = max(self.last, self.first + (step if at is None else at))
            self.experiment.log({**metrics, STEP: step}, step=self.last)

    def close(self, record: Record, pictures: Sequence[Path]) -> None:
        """Write the record and the pictures, and finish the run."""
        import wandb

        with self._unharmed():
            for picture in pictures:
                self.log_image(picture.stem, [str(picture)])
            if record.importances:
                counts = record.importances[-1]
                edges = [index / len(counts) for index in range(len(counts) + 1)]
                bars = wandb.Histogram(np_histogram=(counts, edges))
                self.experiment.log({"importances": bars})
            self.experiment.summary.update(
                {"status": record.status, "record": asdict(record)} | summarize(record)
            )
            self.experiment.finish()

    @contextmanager
    def _unharmed(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            if not self.broken:
                print(f"W&B stopped ({_line(error)}); the run goes on, its record is the truth")
            self.broken = True


def _open_wandb(part: Mapping[str, Any], folder: Path, who: Identity) -> Logger:
    """Start a run of W&B; where W&B cannot be reached the run is kept offline.

    A run that goes on from its checkpoint is resumed; one that starts anew replaces what W&B has.
    """
    import wandb

    options = {name: value for name, value in part.items() if value is not None}
    for name, (variable, default) in DEFAULTS.items():
        if name not in options and not os.environ.get(variable):
            options[name] = default
    if not os.environ.get("WANDB_DIR"):
        options["dir"] = folder.parent
    if (folder / CHECKPOINT).exists() and not os.environ.get("WANDB_RESUME"):
        options.setdefault("resume", "allow")
    if "group" in options:
        options["group"] = _shorten(options["group"], LONGEST_NAME)
    named = os.environ.get("WANDB_TAGS", "").split(",")
    tags = [*options.get("tags", ()), *named, *who.setting.split(), who.method.split()[0]]
    options["tags"] = list(dict.fromkeys(_shorten(tag, LONGEST_TAG) for tag in tags if tag.strip()))
    start = partial(
        build(options, _partial_=True),
        id=who.id,
        name=_shorten(f"{who.method} {who.choices['sparsity']:g} seed {who.seed}", LONGEST_NAME),
        config=describe(who),
    )
    try:
        run = start()
    except wandb.Error as error:
        sentence = f"W&B cannot be reached ({_line(error)})"
        print(f"{sentence}; the run is logged offline, `wandb sync` sends it")
        wandb.teardown()  # it still holds the run's id
        run = start(mode="offline")
    except ValueError as error:  # W&B checks its environment variables by pydantic
        raise ValueError(
            f"W&B cannot start ({_line(error)}); unset its variable, or choose logger=none"
        ) from error
    run.define_metric(STEP)
    run.define_metric("*", step_metric=STEP, step_sync=True)
    for accuracy in ("val/accuracy", "test/accuracy"):
        run.define_metric(accuracy, step_metric=STEP, summary="last,max")
    for axis, name in (("panning", "round"), ("episode", "steps"), ("evaluation", "steps")):
        run.define_metric(f"{axis}/{name}")
        run.define_metric(f"{axis}/*", step_metric=f"{axis}/{name}")
    pruner = who.choices["method"].get("pruner") or {}
    first = pruner["rounds"] if "policy" in pruner else 0  # Panning logs its rounds before
    logger = Wandb(run, first)
    if (folder / CHECKPOINT).exists() and (folder / CURVE).exists():
        for row in read_curve(folder / CURVE):  # of a killed run W&B may have sent a part only
            shown = {name: value for name, value in row.items() if "/" in name}
            logger.log_metrics(shown, int(row["step"]) - 1, at=int(row["step"]))
    return logger


def _open_other(name: str, part: Mapping[str, Any], folder: Path) -> Logger:
    """Build a logger of Lightning; its files, if it writes any, go beside the runs."""
    target = part["_target_"]
    takes = inspect.signature(get_class(target)).parameters
    kind = name if name != "logger" else target.rpartition(".")[2].removesuffix("Logger").lower()
    places = {"save_dir": str(folder.parent / kind), "name": folder.name, "run_name": folder.name}
    given = {key: value for key, value in places.items() if key in takes and key not in part}
    logger: Logger = build({**part, "_partial_": False}, **given)
    return logger


def _shorten(text: str, most: int) -> str:
    """A text in the length that W&B allows."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
