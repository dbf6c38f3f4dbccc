"""One run, from its configuration to its record.

torch is imported only when a run starts, so that a sweep that is done says so at once.
"""

import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from filelock import FileLock
from omegaconf import DictConfig, OmegaConf, open_dict

from goldpan.files import write_atomically
from goldpan.runs.build import build
from goldpan.runs.fingerprint import code_fingerprint, fingerprint
from goldpan.runs.identity import identity, own_names, run_title, without_paths
from goldpan.runs.levels import settle_levels
from goldpan.runs.provenance import commit, hardware, is_first_rank, versions
from goldpan.runs.record import CONFIG, LOCK, RECORD, Identity, Origin, Record, read_record
from goldpan.runs.refusal import Refusal, refusing
from goldpan.runs.rerun import (
    claim_checkpoint,
    forget_checkpoint,
    is_wanted,
    keep_old,
    set_aside,
    stale,
)
from goldpan.runs.schema import check_choices, check_groups, check_option

TERMINATED = 143
"""The exit code of a run that SIGTERM ended (128 + 15, as shells count); it can be resumed."""


def run(cfg: DictConfig, groups: Mapping[str, str], overrides: Sequence[str] = ()) -> Record:
    """Do one run and return its record. A run that is done is done again only if cfg.rerun says so.

    Args:
        cfg: the configuration of the run, as Hydra composed it.
        groups: each of Hydra's groups -> the option chosen, such as method -> snip.
        overrides: the words of the command line, such as "recipe.epochs=3".

    Raises:
        Refusal: if the run is impossible; then nothing has been trained.
    """
    with refusing():
        check_groups(cfg)
        check_option("sparsity", cfg.sparsity)  # that of a dense network is 0 from here on
        cfg = settle_sparsity(cfg)
        draft, folder = plan_run(resolve(cfg), groups, overrides)
    # With its interpolations: train_prune_finetune changes cfg.sparsity for its first stage, and
    # ${sparsity} elsewhere must then give the new value.
    return perform(cfg, draft, folder)


def settle_sparsity(cfg: DictConfig) -> DictConfig:
    """Return a copy of `cfg` that has sparsity 0 if the method removes nothing.

    So a dense network is one run, at whatever sparsities other methods are compared with it. So is
    one with method.channels.threshold=first_valley, whose sparsity comes out of its training. With
    procedure=lottery the sparsity becomes that of the level, so a level is one run too. A recipe
    with `steps: 500` and `epochs: null`, as they once were, gets `epochs: 500it`.
    """
    check_groups(cfg)
    settled = cfg.copy()
    _settle_length(settled)
    method = settled.get("method")
    if isinstance(method, DictConfig) and (
        not (method.get("pruner") or method.get("channels")) or finds_threshold(method)
    ):
        settled.sparsity = 0.0
    elif _in_levels(settled):
        for name in ("sparsity", "procedure.levels", "procedure.rate"):
            check_option(name, OmegaConf.select(settled, name))
        procedure = settled.procedure
        found = settle_levels(settled.sparsity, procedure.rate, procedure.levels)
        settled.sparsity, procedure.rate, procedure.levels = found.sparsity, found.rate, found.count
    return settled


def _settle_length(cfg: DictConfig) -> None:
    """Write the length of an old recipe as today's have it."""
    recipe = cfg.get("recipe")
    if not isinstance(recipe, DictConfig) or "steps" not in recipe:
        return
    with open_dict(recipe):
        steps, epochs = recipe.pop("steps"), recipe.get("epochs")
    if None not in (steps, epochs):
        raise ValueError(
            f"recipe.epochs is the training's only length, in epochs or in steps; got {epochs} and "
            f"recipe.steps={steps}; leave recipe.steps out, or say recipe.epochs={steps}it"
        )
    if steps is not None:
        recipe.epochs = f"{steps}it"


def finds_threshold(method: DictConfig) -> bool:
    """Whether the method's trained scales say how many channels go, instead of the sparsity."""
    channels = method.get("channels")
    return isinstance(channels, DictConfig) and channels.get("threshold") == "first_valley"


def _in_levels(cfg: DictConfig) -> bool:
    """Whether the procedure prunes in levels."""
    procedure = cfg.get("procedure")
    return isinstance(procedure, DictConfig) and {"levels", "rate"} <= {*procedure}


def resolve(cfg: DictConfig) -> dict[str, Any]:
    """Return the choices of a run as plain values; `cfg` stays as it is."""
    return OmegaConf.to_container(settle_sparsity(cfg), resolve=True)  # type: ignore[return-value]


def plan_run(
    choices: Mapping[str, Any], groups: Mapping[str, str], overrides: Sequence[str]
) -> tuple[Record, Path]:
    """Return a draft of a run's record, and the folder of the run.

    The draft says "failed: did not end"; the run's own record takes its place when it ends.

    `groups` and `overrides` are those of `run`.

    Raises:
        ValueError: if a choice is impossible.
        FileNotFoundError: if a chosen file does not exist.
    """
    check_choices(choices)
    groups = own_names(groups, overrides)
    setting, method = run_title(choices, groups, overrides)
    who = Identity(
        id=identity(choices),
        setting=setting,
        method=method,
        seed=choices["seed"],
        choices=without_paths(choices),
        started=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    folder = Path(choices["output"]) / f"{_slug(groups, choices)}-{who.id}"
    origin = Origin(fingerprint=fingerprint(choices))
    return Record(who, status="failed", error="did not end", origin=origin), folder


def perform(cfg: DictConfig, draft: Record, folder: Path, *, wait: bool = True) -> Record:
    """Do a planned run in its folder and return its record; if it is done, only by cfg.rerun.

    If another process is doing the same run, this one waits and returns the other's record.

    Raises:
        Refusal: if the run is impossible; then nothing has been trained.
        filelock.Timeout: if another process is doing the run and `wait` is false.
    """
    with refusing():
        if before := _done(cfg, draft, folder):
            return before
        make_folder(folder)
    lock = FileLock(folder / LOCK, timeout=-1 if wait else 0)
    # The first rank alone takes the lock. Lightning starts the others while it is held, and they
    # would wait for ever.
    with lock if is_first_rank() else nullcontext():
        return _done(cfg, draft, folder) or _perform(cfg, draft, folder)


def write_failure(draft: Record, folder: Path, sentence: str) -> None:
    """Write a record that says why the run failed, unless the run is done."""
    folder.mkdir(parents=True, exist_ok=True)
    if not read_done(folder):
        _write(replace(draft, error=sentence), folder / RECORD)


def read_done(folder: Path) -> Record | None:
    """Return the record in a run's folder if the run is done, else None."""
    path = folder / RECORD
    return record if path.exists() and (record := read_record(path)).done else None


def _done(cfg: DictConfig, draft: Record, folder: Path) -> Record | None:
    """The record of a run that is done and stays so, and print that it was done before.

    Raises ValueError if the record is broken, and cfg.rerun does not ask for the run again.
    """
    try:
        record = read_done(folder)
    except ValueError as error:
        if cfg.get("rerun") is not None:
            return None
        reason = f"{error}; rerun=failed sets it aside and does the run again"
        raise ValueError(reason) from error
    if record is None or is_wanted(record, draft, cfg.get("rerun")):
        return None
    if part := stale(record, draft):
        lead = f"stale: the {part} changed since this was done; rerun=stale runs it again: "
    else:
        lead = "done before: "
    _say(f"{lead}{record.summary()}; record: {folder / RECORD}")
    return record


def _perform(cfg: DictConfig, draft: Record, folder: Path) -> Record:
    """Let the run's procedure do it, and write the record of how it ended."""
    from goldpan.runs.process import prepare_process

    path = folder / RECORD
    try:
        old = read_done(folder) if is_first_rank() else None
    except ValueError:  # `_done` has seen that it may be done again
        old = None
        _say(set_aside(folder))
    kept = keep_old(folder, old) if old else {}
    try:
        made_by = _claim(draft, folder) if is_first_rank() else ""
        write_atomically(folder / CONFIG, OmegaConf.to_yaml(cfg, resolve=True))
        draft = replace(draft, origin=Origin(commit(), versions(), hardware(), fingerprint=made_by))
        with refusing():
            prepare_process(cfg)
        record: Record = build(cfg.procedure)(cfg, draft, folder)
    except Refusal:
        for path, aside in kept.items():
            aside.rename(path)
        raise
    except SystemExit as stop:
        # Up to 2.6.6 Lightning answers SIGTERM by a SystemExit without a code, which Python takes
        # for success. Its pull request 21623 sets 143; this goes when no older version is allowed.
        raise SystemExit(stop.code or TERMINATED) from stop
    except Exception as error:
        _write(replace(draft, error=f"{type(error).__name__}: {error}"), path)
        if "wandb" in sys.modules:  # a run without W&B need not import it
            with suppress(Exception):  # what ended the run is to be seen, and not this
                sys.modules["wandb"].finish(exit_code=1)
        raise
    _write(record, path)
    forget_checkpoint(folder)
    _say(f"{record.summary()}; record: {path}")
    return record


def _claim(draft: Record, folder: Path) -> str:
    """Drop checkpoints of other code or images; return the fingerprint of the run as it goes on."""
    today, sentence = claim_checkpoint(folder, draft.origin.fingerprint)
    if sentence:
        _say(sentence)
    code = code_fingerprint(draft.identity.choices)
    if today and code != today.partition("+")[0]:
        # A sweep planned this run, and its code was edited before the run began. Modules that a
        # forkserver had imported are the old ones, others the new: the record is to be stale.
        _, plus, images = today.partition("+")
        return f"edited{plus}{images}"
    return today


def _slug(groups: Mapping[str, str], choices: Mapping[str, Any]) -> str:
    """The readable part of the run's folder name."""
    names = [groups[group] for group in ("dataset", "model", "method")]
    return "-".join([*names, f"{choices['sparsity']:g}", f"seed{choices['seed']}"])


def make_folder(folder: Path) -> None:
    """Make a folder that can be written; raise OSError in one sentence if that fails."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = f"{folder} cannot be written ({error.strerror}); choose another output=FOLDER"
        raise OSError(reason) from error


def _write(record: Record, path: Path) -> None:
    if is_first_rank():
        record.write(path)


def _say(sentence: str) -> None:
    if is_first_rank():
        print(sentence, flush=True)
