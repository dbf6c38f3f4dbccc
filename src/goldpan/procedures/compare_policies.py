"""Play many episodes with several policies of Panning, and tell how far apart they are."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from time import perf_counter
from typing import Any, TypeVar

from omegaconf import DictConfig
from rich.progress import Progress

from goldpan.differences import holm, paired
from goldpan.files import write_rows
from goldpan.panning.pictures import draw_returns
from goldpan.panning.policies import Policy
from goldpan.procedures.loggers import close_loggers, open_loggers
from goldpan.procedures.panning_setup import prepare_panning
from goldpan.runs.checkpoint import read_checkpoint, save
from goldpan.runs.record import CHECKPOINT, Record
from goldpan.runs.refusal import refusing
from goldpan.runs.results_of_procedures import AgentResult

T = TypeVar("T")

Returns = Mapping[tuple[str, str], Sequence[float]]
"""By policy and sparsity: the return of each episode."""

SMALLEST = 1e-6
"""Of a return, in points of sparsity: less is rounding."""


def compare_policies(
    cfg: DictConfig,
    draft: Record,
    folder: Path,
    *,
    episodes: int,
    targets: Sequence[float],
    staircase: Policy,
) -> Record:
    """Play `episodes` with the method's policy and with three others, all on the same batches.

    Returns the record, finished, with mean returns and their 95 % intervals. Beside it lie
    episodes.csv, the reward's terms of each episode; differences.csv, the method's policy less each
    other, paired by episode, with p-values after Holm over all of them; and returns.png.

    Args:
        episodes: of each policy on each target; they differ in the batches that are drawn.
        targets: sparsities of the last round.
        staircase: that policy, played if the method's is another.
    """
    start = perf_counter()
    with refusing():
        setup, played = prepare_panning(cfg)
        own = next(iter(played))
        played.setdefault("staircase", staircase)
    loggers = open_loggers(cfg, folder, draft.identity)
    known = folder / CHECKPOINT
    rows: list[dict[str, Any]] = read_checkpoint(known)["episodes"] if known.exists() else []
    plan = list(product(played, targets, range(episodes)))
    with Progress(disable=not cfg.progress) as bar:
        for who, target, episode in bar.track(plan[len(rows) :], description="playing episodes"):
            played_at = {"policy": who, "target": target, "episode": episode}
            rows.append(played_at | setup.rollout(played[who], target, episode))
            save({"episodes": rows}, known)
    write_rows(folder / "episodes.csv", rows)
    returns = _returns(rows)
    write_rows(folder / "differences.csv", differences(returns, own))
    found = {at: paired(values, SMALLEST) for at, values in returns.items()}
    means = _by_policy({at: mean for at, (mean, *_) in found.items()})
    intervals = _by_policy({at: (low, high) for at, (_, low, high, _) in found.items()})
    draw_returns(means, intervals, folder / "returns.png")
    record = replace(
        draft,
        status="finished",
        error=None,
        origin=replace(draft.origin, data=setup.data.describe()),
        agent=AgentResult(means, perf_counter() - start, episodes, intervals),
    )
    close_loggers(loggers, record, [folder / "returns.png"])
    return record


def differences(returns: Returns, own: str) -> list[dict[str, Any]]:
    """The returns of `own` less those of each other policy, in pairs of one episode.

    A row a policy and sparsity: the mean, its 95 % interval, and the p-value of zero after Holm's
    correction for all rows.
    """
    rows, p_values = list[dict[str, Any]](), list[float]()
    for (policy, target), values in returns.items():
        if policy == own:
            continue
        pairs = zip(returns[own, target], values, strict=True)
        mean, low, high, p = paired([one - other for one, other in pairs], SMALLEST)
        rows.append({"less": policy, "target": target, "mean": mean, "low": low, "high": high})
        p_values.append(p)
    return [row | {"p": float(p)} for row, p in zip(rows, holm(p_values), strict=True)]


def _returns(rows: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], list[float]]:
    found: dict[tuple[str, str], list[float]] = {}
    for row in rows:
        found.setdefault((row["policy"], f"{row['target']:g}"), []).append(row["reward"])
    return found


def _by_policy(values: Mapping[tuple[str, str], T]) -> dict[str, dict[str, T]]:
    found: dict[str, dict[str, T]] = {}
    for (policy, target), value in values.items():
        found.setdefault(policy, {})[target] = value
    return found
