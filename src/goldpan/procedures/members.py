"""The networks of an ensemble: one of each of several runs, or several of one run."""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from goldpan.procedures.stage import perform_stage
from goldpan.procedures.train import train
from goldpan.runs.options import COPIES
from goldpan.runs.record import WEIGHTS, Accuracy, Member, Record
from goldpan.training.callbacks.keep_members import MEMBERS, weights_of

TRAIN = {"_target_": f"{train.__module__}.{train.__name__}", "_partial_": True}


@dataclass(frozen=True)
class Found:
    """A network of an ensemble and what made it.

    `split` is the seed of the images that were held out of its training, `seconds` what its run
    took; several networks of one run share them.
    """

    member: Member
    weights: Path
    split: int
    seconds: float


def by_seed(cfg: DictConfig, draft: Record, folder: Path, seeds: Sequence[int]) -> list[Found]:
    """The last networks of runs that differ in their seed alone; those that are not done are run.

    Each is the same run as if it had been typed alone.
    """
    return [_of_run(with_seed(cfg, seed), draft, folder) for seed in seeds]


def by_phase(cfg: DictConfig, draft: Record, folder: Path) -> list[Found]:
    """The networks that one run has kept of the phases of its training, see `KeepMembers`."""
    whole = _of_run(with_seed(cfg, cfg.seed), draft, folder)
    place = whole.weights.parent
    with (place / MEMBERS).open() as file:
        rows = [{name: float(text) for name, text in row.items()} for row in csv.DictReader(file)]
    found = list[Found]()
    for row in rows:
        name = weights_of(int(row["member"]))
        accuracy = Accuracy(int(row["epoch"]), row["test/accuracy"], row.get("val/accuracy"))
        member = Member(whole.member.id, name, accuracy)
        # The seconds of the one run count once.
        found.append(Found(member, place / name, whole.split, 0.0 if found else whole.seconds))
    return found


def with_seed(cfg: DictConfig, seed: int) -> DictConfig:
    """The configuration of a member's run, as it would be if it were typed alone with this seed."""
    stage: DictConfig = OmegaConf.create(OmegaConf.to_container(cfg, resolve=True))  # type: ignore[assignment]
    for name, original in COPIES.items():
        # In a sweep these are plain values; one that has another value was set by itself.
        if original == "seed" and OmegaConf.select(stage, name) == cfg.seed:
            OmegaConf.update(stage, name, seed)
    stage.seed, stage.procedure = seed, TRAIN
    return stage


def _of_run(stage: DictConfig, draft: Record, folder: Path) -> Found:
    """The last network of the run of this configuration, which is done if it was not."""
    who = draft.identity
    name = folder.name.removesuffix(f"-seed{who.seed}-{who.id}") + f"-seed{stage.seed}"
    alone = replace(who, seed=stage.seed, method=_alone(who.method))
    record, place = perform_stage(stage, replace(draft, identity=alone), folder.parent, name)
    accuracies, data = record.accuracies, stage.dataset
    split = data.seed if data.get("split_seed") is None else data.split_seed
    member = Member(record.identity.id, WEIGHTS, accuracies.last)  # type: ignore[union-attr]  # a run that is done has some
    return Found(member, place / WEIGHTS, split, sum(record.costs.seconds.values()))  # type: ignore[union-attr]


def _alone(method: str) -> str:
    """The title of a method without what was typed of the procedure."""
    return re.sub(r" \+*procedure[.\w]*=(\[[^]]*\]|\S*)", "", method)
