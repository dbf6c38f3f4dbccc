"""Accuracy against sparsity, a curve a method."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import fill
from typing import Any

from goldpan.pictures import STYLES, figure


def draw_accuracy(settings: Mapping[str, Any], folder: Path) -> Path:
    """Draw each setting's methods, mean and std over seeds, into accuracy.png; return its path."""
    path = folder / "accuracy.png"
    with figure(path, len(settings), 1, (7, 4.5 * len(settings))) as axes:
        for axis, (setting, cells) in zip(axes[:, 0], settings.items(), strict=True):
            _draw_setting(axis, setting, cells)
    return path


def draw_tradeoff(
    title: str, curves: Mapping[str, Sequence[tuple[float, float, float]]], path: Path
) -> Path:
    """Draw accuracy (%, mean and std) against FLOPs removed (%), a curve a method."""
    with figure(path, 1, 1, (7, 4.5)) as ((axis,),):
        for (name, points), style in zip(curves.items(), STYLES * len(curves), strict=False):
            _draw_curve(axis, name, points, style)
        axis.set(xlabel="FLOPs removed (%)", ylabel="test accuracy (%), fine-tuned")
        axis.set_title(fill(title, 90), fontsize="x-small")
        axis.grid(alpha=0.3)
        axis.legend(fontsize="small")
    return path


def _draw_curve(
    axis: Any, name: str, points: Sequence[tuple[float, float, float]], style: tuple[str, str]
) -> None:
    x, y, std = zip(*points, strict=True)
    axis.errorbar(x, y, std, color=style[0], marker=style[1], capsize=3, label=name)


def _draw_setting(axis: Any, setting: str, cells: Any) -> None:
    """Density on a logarithmic axis that runs to the sparse side; dense runs are a level."""
    curves = {name: row for name, row in cells.items() if any(sparsity > 0 for sparsity in row)}
    ticks = sorted({sparsity for row in curves.values() for sparsity in row})
    for name, row in cells.items():
        if name not in curves:
            (cell,) = row.values()
            axis.axhline(cell.mean, color="grey", linestyle="--", linewidth=1, label=name)
    for (name, row), style in zip(curves.items(), STYLES * len(curves), strict=False):
        spots = [(1 - sparsity, cell) for sparsity, cell in row.items()]
        _draw_curve(axis, name, [(density, cell.mean, cell.std) for density, cell in spots], style)
        broken = [(density, cell.mean) for density, cell in spots if cell.collapsed]
        if broken:
            axis.scatter(*zip(*broken, strict=True), s=130, marker="x", color=style[0])
    if len(ticks) == 1:  # a range that a logarithmic axis can have
        axis.set_xlim((1 - ticks[0]) / 2, (1 - ticks[0]) * 2)
    axis.set(xlabel="sparsity", ylabel="test accuracy (%)", xscale="log")
    axis.set_title(fill(setting, 90), fontsize="small")
    axis.set_xticks([1 - s for s in ticks], [f"{100 * s:.6g} %" for s in ticks], minor=False)
    axis.set_xticks([], minor=True)
    axis.invert_xaxis()
    axis.grid(alpha=0.3)
    axis.legend(fontsize="small", title="x: collapsed", title_fontsize="x-small", loc="lower left")
    axis.set_ylim(0, 102)
