"""One run, from its configuration to its record; torch is not imported before it is needed."""

import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from goldpan.files import write_atomically
from goldpan.runs.identity import call, identity, without_paths
from goldpan.runs.provenance import commit, hardware, is_first_rank, versions
from goldpan.runs.record import CHECKPOINT, LOCK, RECORD, Identity, Origin, Record, read_record
from goldpan.runs.refusal import Refusal, refusing

TERMINATED = 143
"""The exit code of a run that was told to end by SIGTERM; it goes on when it is typed again."""


def run(cfg: DictConfig, groups: Mapping[str, str], overrides: Sequence[str] = ()) -> Record:
    """Do the run that `cfg` describes, unless its record says that it is done.

    Args:
        groups: Hydra's group -> the chosen option, by which the run is called.
        overrides: the overrides as typed; those that tell runs apart join its name.

    Raises:
        Refusal: if it cannot be done, before any work.
    """
    with refusing():
        draft, folder = plan_run(resolve(cfg), groups, overrides)
    return perform(cfg, draft, folder)


def resolve(cfg: DictConfig) -> dict[str, Any]:
    """The choices of a run, resolved; `cfg` has them too, where a dense network has no sparsity."""
    if cfg.method.pruner is None and cfg.method.get("channels") is None:
        cfg.sparsity = 0.0  # one dense run, whatever sparsities it is compared at
    return OmegaConf.to_container(cfg, resolve=True)  # type: ignore[return-value]


def plan_run(
    choices: Mapping[str, Any], groups: Mapping[str, str], overrides: Sequence[str]
) -> tuple[Record, Path]:
    """The record of a run that has not ended, and the folder that is its own; see `run`.

    Raises:
        ValueError: if a choice cannot be.
        FileNotFoundError: if a file that was chosen does not exist.
    """
    _check(choices)
    setting, method = call(choices, groups, overrides)
    who = Identity(
        id=identity(choices),
        setting=setting,
        method=method,
        seed=choices["seed"],
        choices=without_paths(choices),
        started=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    folder = Path(choices["output"]) / f"{_slug(groups, choices)}-{who.id}"
    return Record(who, status="failed", error="did not end"), folder


def perform(cfg: DictConfig, draft: Record, folder: Path, *, wait: bool = True) -> Record:
    """Do the run of `draft` in `folder`, unless it is done; raises as `run`.

    Another process at the same run is waited for, and its record taken.

    Raises:
        filelock.Timeout: if another process is at it and it is not to be waited for.
    """
    with refusing():
        if before := _done(folder):
            return before
        _open(folder)
    lock = FileLock(folder / LOCK, timeout=-1 if wait else 0)
    with lock if is_first_rank() else nullcontext():  # this run's own processes wait for none
        return _done(folder) or _perform(cfg, draft, folder)


def fail(draft: Record, folder: Path, sentence: str) -> None:
    """Note in the record why the run did not end, unless it has."""
    folder.mkdir(parents=True, exist_ok=True)
    if not read_done(folder):
        _write(replace(draft, error=sentence), folder / RECORD)


def read_done(folder: Path) -> Record | None:
    """The record of a run that is done."""
    path = folder / RECORD
    return record if path.exists() and (record := read_record(path)).done else None


def _done(folder: Path) -> Record | None:
    """The record of a run that is done, said aloud."""
    record = read_done(folder)
    if record is not None:
        _say(f"done before: {record.summary()}; record: {folder / RECORD}")
    return record


def _perform(cfg: DictConfig, draft: Record, folder: Path) -> Record:
    path = folder / RECORD
    write_atomically(folder / "config.yaml", OmegaConf.to_yaml(cfg, resolve=True))
    try:
        draft = replace(draft, origin=Origin(commit(), versions(), hardware()))
        record: Record = instantiate(cfg.procedure)(cfg, draft, folder)
    except Refusal:
        raise
    except SystemExit as stop:  # so Lightning answers SIGTERM, and calls it success
        raise SystemExit(stop.code or TERMINATED) from stop
    except Exception as error:
        _write(replace(draft, error=f"{type(error).__name__}: {error}"), path)
        if "wandb" in sys.modules:
            sys.modules["wandb"].finish(exit_code=1)
        raise
    _write(record, path)
    (folder / CHECKPOINT).unlink(missing_ok=True)
    _say(f"{record.summary()}; record: {path}")
    return record


def _check(choices: Mapping[str, Any]) -> None:
    """Raise ValueError for choices that cannot be, or not together."""
    sparsity, seed, policy = (choices.get(name) for name in ("sparsity", "seed", "policy"))
    epochs = choices["recipe"]["epochs"]
    if choices["method"]["pruner"] is None and any(choices["controls"].values()):
        raise ValueError("controls.* check methods that cut weights; this method cuts none")
    if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        raise ValueError(f"seed is a whole number from 0 on; got {seed}")
    if not isinstance(epochs, int) or epochs < 1:
        raise ValueError(f"recipe.epochs is a whole number from 1 on; got {epochs}")
    if policy and "file" in policy and policy["file"] != choices["agent"]:
        raise ValueError("say agent=FILE instead of policy.file=FILE: the agent's content counts")
    if not isinstance(sparsity, int | float) or not 0 <= sparsity < 1:
        raise ValueError(f"sparsity is a fraction in [0, 1), 0.9 for 90 %; got {sparsity}")


def _slug(groups: Mapping[str, str], choices: Mapping[str, Any]) -> str:
    """The readable part of the run's folder name."""
    names = [groups[group] for group in ("dataset", "model", "method")]
    return "-".join([*names, f"{choices['sparsity']:g}", f"seed{choices['seed']}"])


def _open(folder: Path) -> None:
    """Make the run's folder.

    Raises:
        OSError: if it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / LOCK).touch()
    except OSError as error:
        reason = f"{folder} cannot be written ({error.strerror}); choose another output=FOLDER"
        raise OSError(reason) from error


def _write(record: Record, path: Path) -> None:
    if is_first_rank():
        record.write(path)


def _say(sentence: str) -> None:
    if is_first_rank():
        print(sentence, flush=True)
