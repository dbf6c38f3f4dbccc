"""The networks of an ensemble: one of each of several runs, or several of one run."""

import csv
import re
from dataclasses import dataclass, replace
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from goldpan.procedures.stage import perform_stage
from goldpan.procedures.train import train
from goldpan.runs.options import COPIES
from goldpan.runs.record import WEIGHTS, Record
from goldpan.runs.results import Accuracy
from goldpan.runs.results_of_procedures import Member
from goldpan.training.callbacks.keep_members import MEMBERS, weights_of

TRAIN = {"_target_": f"{train.__module__}.{train.__name__}", "_partial_": True}


@dataclass(frozen=True)
class Found:
    """A network of an ensemble and what made it.

    `split` is the seed of the images that were held out of its training, None if they need none;
    `seconds` its share of what its run took.
    """

    member: Member
    weights: Path
    split: int | None
    seconds: float


def members_of_run(cfg: DictConfig, draft: Record, folder: Path, seed: int) -> list[Found]:
    """The networks that the run with this seed gives; the run is done if it was not.

    They are those that it has kept of its phases, see `KeepMembers`, or else its last. The run is
    the same as if it had been typed alone. `draft` and `folder` are those of the ensemble.
    """
    stage, who = with_seed(cfg, seed), draft.identity
    name = folder.name.removesuffix(f"-seed{who.seed}-{who.id}") + f"-seed{seed}"
    alone = replace(who, seed=seed, method=title_alone(who.method))
    record, place = perform_stage(stage, replace(draft, identity=alone), folder.parent, name)
    if stage.method.get("members") is None:
        members = [Member(record.identity.id, WEIGHTS, record.accuracies.last)]  # type: ignore[union-attr]  # a run that is done has some
    else:
        members = _kept(record.identity.id, place / MEMBERS)
    seconds = sum(record.costs.seconds.values()) / len(members)  # type: ignore[union-attr]
    split = _split(stage.dataset)
    return [Found(member, place / member.weights, split, seconds) for member in members]


def with_seed(cfg: DictConfig, seed: int) -> DictConfig:
    """The configuration of a member's run, as it would be if it were typed alone with this seed."""
    stage: DictConfig = OmegaConf.create(OmegaConf.to_container(cfg, resolve=True))  # type: ignore[assignment]
    for name, original in COPIES.items():
        # In a sweep these are plain values; one that has another value was set by itself.
        if original == "seed" and OmegaConf.select(stage, name) == cfg.seed:
            OmegaConf.update(stage, name, seed)
    stage.seed, stage.procedure = seed, TRAIN
    return stage


def _split(dataset: DictConfig) -> int | None:
    """The seed that decides which images are held out; None if none does."""
    if dataset.get("hold_out") == "last" and dataset.get("limit") is None:
        return None
    own: int | None = dataset.get("split_seed")
    return dataset.seed if own is None else own


def _kept(run: str, listed: Path) -> list[Member]:
    """The members that a run has kept, from the file that lists them."""
    if not listed.exists():
        raise FileNotFoundError(
            f"{listed} is not there: its run has collapsed or the file is gone; rerun=all with the "
            "run's own command makes it again"
        )
    with listed.open() as file:
        rows = [{name: float(text) for name, text in row.items()} for row in csv.DictReader(file)]
    return [
        Member(
            run,
            weights_of(int(row["member"])),
            Accuracy(
                int(row["epoch"]),
                row["test/accuracy"],
                row.get("val/accuracy"),
                step=int(row["step"]),
            ),
        )
        for row in rows
    ]


def title_alone(method: str) -> str:
    """The title of a method's run by itself, without what was typed of the ensemble.

    A method whose own procedure is the ensemble needs the word procedure=train for that.
    """
    left, typed = re.subn(r" \+*procedure[.\w]*=(\[[^]]*\]|\S*)", "", method)
    return left if typed else f"{left} procedure=train"
