"""A run that another run needs: it has a record of its own, and whoever needs it too shares it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from goldpan.runs.experiment import perform
from goldpan.runs.fingerprint import fingerprint
from goldpan.runs.identity import identity, without_paths
from goldpan.runs.record import Record


def perform_stage(stage: DictConfig, draft: Record, output: Path, name: str) -> tuple[Record, Path]:
    """Do the run of this configuration at most once; return its record and its folder.

    Its folder is `name` and its id. It is done again if it is stale, whatever `rerun` says: what is
    made of it now is of today's code. `draft` has its setting, method and seed.
    """
    stage.rerun = "stale"
    choices: Any = OmegaConf.to_container(stage, resolve=True)
    who = replace(draft.identity, id=identity(choices), choices=without_paths(choices))
    folder = output / f"{name}-{who.id}"
    origin = replace(draft.origin, fingerprint=fingerprint(choices))
    return perform(stage, replace(draft, identity=who, origin=origin), folder), folder
