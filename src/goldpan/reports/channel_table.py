"""The table of runs that removed channels: accuracy before and after, size, FLOPs, milliseconds."""

from collections.abc import Sequence
from statistics import mean

from goldpan.reports.bands import Sample, sample
from goldpan.runs.record import Accuracy, Record

HEADER = (
    "method",
    "asked",
    "channels removed",
    "trained (%)",
    "pruned (%)",
    "fine-tuned (%)",
    "n",
    "parameters",
    "FLOPs",
    "ms, batch 1",
    "ms, batch 128",
)


def channel_rows(records: Sequence[Record]) -> list[list[str]]:
    """A row for each method and sparsity, means over seeds; HEADER names the columns.

    Parameters and FLOPs say what is left and the fraction removed; milliseconds those of the
    dense network and of the shrunk one, measured in turn.
    """
    return [_row(method, asked, same) for (method, asked), same in sorted(_cells(records).items())]


def tradeoff(records: Sequence[Record]) -> dict[str, list[tuple[float, float, float]]]:
    """Method -> (FLOPs removed in %, mean and std of fine-tuned accuracy), from the whole network.

    The whole network is the one that was trained before channels went.
    """
    curves: dict[str, list[tuple[float, float, float]]] = {}
    for (method, _), same in sorted(_cells(records).items()):
        if method not in curves:
            curves[method] = [(0.0, *_spread([record.trained for record in same]))]
        left = mean(int(r.flops["sparse"]) / int(r.flops["dense"]) for r in same)
        curves[method].append((100 * (1 - left), *_spread([record.last for record in same])))
    return curves


def _cells(records: Sequence[Record]) -> dict[tuple[str, float], list[Record]]:
    """The runs that removed channels and ended, by method and sparsity asked."""
    cells: dict[tuple[str, float], list[Record]] = {}
    for record in records:
        if record.done and record.sparsity is not None and record.sparsity.granularity == "channel":
            cells.setdefault((record.method, record.sparsity.asked), []).append(record)
    return cells


def _row(method: str, asked: float, same: Sequence[Record]) -> list[str]:
    return [
        method,
        f"{100 * asked:.6g} %",
        f"{100 * mean(r.sparsity.got for r in same if r.sparsity is not None):.1f} %",
        str(_sample([record.trained for record in same])),
        str(_sample([record.pruned for record in same])),
        str(_sample([record.last for record in same])),
        str(len(same)),
        _left([r.parameters["all"] for r in same], [r.parameters["kept"] for r in same]),
        _left([int(r.flops["dense"]) for r in same], [int(r.flops["sparse"]) for r in same]),
        _milliseconds(same, 1),
        _milliseconds(same, 128),
    ]


def _left(before: Sequence[int], after: Sequence[int]) -> str:
    return f"{mean(after) / 1e6:.3g} M (-{100 * (1 - mean(after) / mean(before)):.1f} %)"


def _milliseconds(same: Sequence[Record], batch: int) -> str:
    dense = mean(record.latency[f"dense, batch {batch}"] for record in same)
    shrunk = mean(record.latency[f"shrunk, batch {batch}"] for record in same)
    return f"{dense:.2f} -> {shrunk:.2f} ({dense / shrunk:.1f}x)"


def _spread(found: Sequence[Accuracy | None]) -> tuple[float, float]:
    """Mean and sample standard deviation (0 for one) of test accuracies."""
    runs = _sample(found)
    return runs.mean, runs.std or 0.0


def _sample(found: Sequence[Accuracy | None]) -> Sample:
    return sample([accuracy.test for accuracy in found if accuracy is not None])
