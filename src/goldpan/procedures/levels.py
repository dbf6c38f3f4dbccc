"""Levels of iterative pruning as runs: which run stands below a level, and where it lies.

A level's configuration holds what decides it and nothing of the target above it, so the ids of two
targets' level 3 are one. The dense training is the run that method=dense is, unless it has to keep
the weights of a step for those above.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from goldpan.duration import Duration
from goldpan.runs.experiment import perform
from goldpan.runs.fingerprint import fingerprint
from goldpan.runs.identity import identity, without_paths
from goldpan.runs.levels import sparsity_after
from goldpan.runs.record import RECORD, Record, read_record
from goldpan.runs.refusal import Refusal

REWIND = "rewind.pt"
"""The file in the folder of a dense training that has its weights at the rewind point."""

OF_LAST = ("shuffle", "reinitialize")
"""Controls that act on the last level alone."""

OF_DENSE = ("penalty=", "method.penalty", "certify.", "and_or.")
"""How typed words begin that are those of the dense training too."""

OF_TARGET = ("controls.", "procedure.levels=", "procedure.retrain=")
"""How typed words begin that are not those of a lower level."""


class LevelFailed(RuntimeError):
    """A level cannot begin, since one below it failed."""


def level_below(cfg: DictConfig, level: int) -> DictConfig:
    """The configuration of a lower level of the same tickets; 0 is the dense training."""
    stage = cfg.copy()
    _set_sparsity(stage, sparsity_after(level, cfg.procedure.rate))
    for name in OF_LAST:
        stage.controls[name] = False
        stage.method.pruner[name] = False
    if level > 0:
        stage.procedure.levels = level
        stage.procedure.retrain = True
        return stage
    point = cfg.procedure.rewind.weights
    penalty = stage.method.get("penalty")
    stage.controls.invert = False
    stage.method = {"pruner": None} | ({} if penalty is None else {"penalty": penalty})
    keeps = point is not None and Duration.parse(point).amount > 0
    target = f"goldpan.procedures.{'lottery.train_and_keep' if keeps else 'train.train'}"
    stage.procedure = {"_target_": target, "_partial_": True} | ({"at": point} if keeps else {})
    return stage


def perform_below(cfg: DictConfig, draft: Record, folder: Path, level: int) -> tuple[Record, Path]:
    """Do the run of a lower level, at most once for all above; return its record and its folder.

    It is done again if it is stale, whatever `rerun` says: what stands on it is of today's code.

    Raises:
        Refusal: if its record says that it failed, and `rerun` does not ask for what failed.
        LevelFailed: if it fails now.
    """
    stage = level_below(cfg, level)
    again = cfg.get("rerun") in ("failed", "all")
    stage.rerun = "failed" if again else "stale"
    below, place = plan_below(stage, draft, folder, level)
    name = f"level {level}" if level else "the dense training (level 0)"
    record = place / RECORD
    if not again and record.exists() and (old := read_record(record)).status == "failed":
        raise Refusal(
            f"{name} failed ({_first_line(old.error)}), and the levels above it need it; "
            "rerun=failed does it again"
        )
    try:
        return perform(stage, below, place), place
    except (Refusal, LevelFailed):
        raise
    except Exception as error:
        why = f"{type(error).__name__}: {_first_line(str(error))}"
        raise LevelFailed(f"{name} failed, and the levels above it need it: {why}") from error


def plan_below(stage: DictConfig, draft: Record, folder: Path, level: int) -> tuple[Record, Path]:
    """The draft of a lower level's record, and its folder: those of a run typed for itself."""
    choices: Any = OmegaConf.to_container(stage, resolve=True)
    who, (own, *words) = draft.identity, draft.identity.method.split(" ")
    name = own.replace("reinitialized", "lottery") if level else "dense"  # its levels are tickets
    kept = [w for w in words if w.startswith("controls.invert=") or not w.startswith(OF_TARGET)]
    kept = kept if level else [w for w in kept if w.lstrip("+").startswith(OF_DENSE)]
    trains = who.choices["procedure"].get("retrain", True)
    if level and not trains and not any(w.startswith("procedure.retrain=") for w in words):
        kept.append("procedure.retrain=true")  # the method's own is false, as supermask's
    title = " ".join([name, *kept])
    below = replace(who, id=identity(choices), choices=without_paths(choices), method=title)
    start = folder.name.removesuffix(f"-{own}-{who.choices['sparsity']:g}-seed{who.seed}-{who.id}")
    place = folder.parent / f"{start}-{name}-{stage.sparsity:g}-seed{who.seed}-{below.id}"
    found = sorted(folder.parent.glob(f"*-{below.id}"))  # by whatever method's name
    origin = replace(draft.origin, fingerprint=fingerprint(choices))
    return replace(draft, identity=below, origin=origin), found[0] if found else place


def _set_sparsity(stage: DictConfig, sparsity: float) -> None:
    """Set the sparsity, and its copies: a single run's follow it, in a sweep they are plain."""
    stage.sparsity = sparsity
    for schedule in (stage.schedule, stage.method.pruner.schedule):
        if "target" in schedule:
            schedule.target = sparsity


def _first_line(text: str | None) -> str:
    return (text or "for an unknown reason").splitlines()[0].rstrip(".")
