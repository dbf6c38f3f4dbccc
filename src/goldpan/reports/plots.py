"""The curves of a panel: accuracy against sparsity and against FLOPs kept, ours and published."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import ceil, floor, log10
from pathlib import Path
from typing import Any

from goldpan.pictures import RULES, STYLES, figure, is_signed, sign
from goldpan.reports.results import Panel
from goldpan.reports.spec import Table
from goldpan.reports.table_cell import TableCell
from goldpan.reports.text import shown

GREY = "#666666"
WIDTH = 3.5
"""Inches of one panel, a column of most papers."""

GAP = 0.15
"""The least distance of two labelled sparsities, as a fraction of the axis."""


@dataclass(frozen=True)
class Line:
    """The cells of one method along the sparsities; a level is the same runs at all of them."""

    name: str
    cells: Sequence[TableCell]
    level: bool
    style: tuple[str, str]

    def drawn(self) -> list[object]:
        """Everything of it that a picture shows."""
        cells = [(c.axes, c.ours, c.collapsed, c.flops, c.published) for c in self.cells]
        return [self.name, self.level, self.style, *cells]


def draw_curves(panel: Panel, table: Table, path: Path) -> Path | None:
    """Draw a panel into `path` and a PDF beside it; None if it has no sparsities or no numbers.

    Lines are our means with a band of one standard deviation to each side, filled markers our
    cells, open ones what was published; a cross marks cells in which runs collapsed. Pictures that
    are there and show the same are left as they are.
    """
    lines = _lines(panel, table)
    cells = [cell for line in lines for cell in line.cells]
    if not any(cell.ours or cell.published for cell in cells):
        return None
    signature = sign([line.drawn() for line in lines], __file__)
    if all(is_signed(file, signature) for file in (path, path.with_suffix(".pdf"))):
        return path
    panels = 2 if any(cell.ours for cell in cells) else 1
    handles = _handles(lines)
    widest = max(len(handle.get_label()) for handle in handles)
    across = max(1, int(WIDTH * panels / (0.55 + 0.07 * widest)))  # inches of line and letters
    size = (WIDTH * panels, 2.8 + 0.2 * ceil(len(handles) / across))
    with figure(
        path, 1, panels, size, also=(".pdf",), rules=RULES, dpi=300, signature=signature
    ) as ((*axes,),):
        _label_sparsities(axes[0], lines)
        _draw(axes[0], lines, _density)
        if panels == 2:
            axes[1].sharey(axes[0])
            _label_flops(axes[1], lines)
            _draw(axes[1], lines, lambda cell: cell.flops)
        for axis in axes:
            axis.grid(alpha=0.3, linewidth=0.5)
            axis.margins(y=0.08)
        axes[0].set_ylabel("test accuracy (%)")
        place = {"loc": "outside lower center", "frameon": False}
        axes[0].figure.legend(handles=handles, ncols=min(across, len(handles)), **place)
    return path


def _lines(panel: Panel, table: Table) -> list[Line]:
    """A line a row, or a column where the sparsities stand in rows."""
    if table.along != "sparsity":
        return []
    found, levels = panel.lines(table), panel.levels(table)
    styles, label = iter(STYLES * len(found)), partial(shown, table.across)
    return [
        Line(label(name), row, True, (GREY, "_"))
        if name in levels
        else Line(label(name), sorted(row, key=_density, reverse=True), False, next(styles))
        for name, row in found.items()
    ]


def _density(cell: TableCell) -> float:
    return 1 - float(cell.axes["sparsity"])


def _draw(axis: Any, lines: Sequence[Line], place: Callable[[TableCell], float | None]) -> None:
    """Draw every line over `place`; published numbers only where they have a place."""
    for line in lines:
        colour, marker = line.style
        if line.level:
            _draw_level(axis, line.cells[0], published=place is _density)
            continue
        spots = [(place(cell), cell) for cell in line.cells]
        ours = [(x, c.ours.mean, c.ours.std or 0.0) for x, c in spots if c.ours and x]
        if ours:
            x, y, std = zip(*sorted(ours, reverse=True), strict=True)
            axis.plot(x, y, color=colour, marker=marker, markersize=3.5, linewidth=1.2)
            low, high = ([a + sign * b for a, b in zip(y, std, strict=True)] for sign in (-1, 1))
            if len(x) > 1:
                axis.fill_between(x, low, high, color=colour, alpha=0.2, linewidth=0)
            else:  # one place is no band
                axis.errorbar(x, y, std, color=colour, capsize=3)
        broken = [(x, c.ours.mean) for x, c in spots if c.ours and c.collapsed and x]
        _mark(axis, broken, 70, marker="x", color=colour)
        if place is _density:
            known = [(x, c.published) for x, c in spots if c.published and x]
            looks = {"facecolors": "none", "edgecolors": colour, "zorder": 3}
            _mark(axis, [(x, one.mean) for x, one in known], 42, marker=marker, **looks)
            for at, one in known:
                error = one.std if one.standard_error is None else one.standard_error
                axis.errorbar([at], [one.mean], error, color=colour, capsize=4, linewidth=0.8)


def _mark(axis: Any, spots: Sequence[tuple[float, float]], size: float, **looks: Any) -> None:
    if spots:
        axis.scatter(*zip(*spots, strict=True), size, **looks)


def _draw_level(axis: Any, cell: TableCell, *, published: bool) -> None:
    """A dense network: a line across, whatever stands on the other axis; published is dotted."""
    if cell.ours:
        spread = cell.ours.std or 0.0
        axis.axhline(cell.ours.mean, color=GREY, linestyle="--", linewidth=1)
        low, high = cell.ours.mean - spread, cell.ours.mean + spread
        axis.axhspan(low, high, color=GREY, alpha=0.15, linewidth=0)
    if published and cell.published:
        axis.axhline(cell.published.mean, color=GREY, linestyle=":", linewidth=1)


def _label_sparsities(axis: Any, lines: Sequence[Line]) -> None:
    """Sparsities run to the right, on a logarithmic axis of density; some of them are labelled."""
    places = sorted({_density(cell) for line in lines for cell in line.cells})
    span = _span(places)
    labelled: list[float] = []
    for place in places:
        if not labelled or log10(place / labelled[-1]) >= GAP * span:
            labelled.append(place)
    limits = places[-1] * 10 ** (0.06 * span), places[0] / 10 ** (0.06 * span)
    _label(axis, "sparsity (%)", limits, {x: f"{100 * (1 - x):.4g}" for x in labelled})


def _span(places: Sequence[float]) -> float:
    """Powers of ten that an axis covers; one if all is at one place, but for rounding."""
    span = log10(max(places) / min(places))
    return span if span > 1e-6 else 1.0


def _label_flops(axis: Any, lines: Sequence[Line]) -> None:
    """FLOPs fall to the right; labelled at 1, 2 and 5 times powers of ten."""
    found = [cell.flops for line in lines if not line.level for cell in line.cells]
    places = [place for place in found if place] or [100.0]
    span = _span(places)
    low, high = min(places) / 10 ** (0.06 * span), max(places) * 10 ** (0.06 * span)
    powers = range(floor(log10(low)), ceil(log10(high)) + 1)
    steps = (1, 2, 5) if span < 2 else (1,)
    ticks = [step * 10.0**power for power in powers for step in steps]
    ticks = [tick for tick in ticks if low <= tick <= high] or [places[0]]
    _label(axis, "FLOPs kept (%)", (high, low), {tick: f"{tick:.3g}" for tick in ticks})


def _label(axis: Any, name: str, limits: tuple[float, float], ticks: Mapping[float, str]) -> None:
    axis.set(xscale="log", xlim=limits, xlabel=name)
    axis.set_xticks(list(ticks), list(ticks.values()))
    axis.set_xticks([], minor=True)


def _handles(lines: Sequence[Line]) -> list[Any]:
    """What a legend shows: each line, and the marks that occur."""
    from matplotlib.lines import Line2D

    handle: Any = Line2D
    grey: dict[str, Any] = {"color": GREY, "linestyle": "none", "markersize": 4}
    handles = []
    for line in lines:
        colour, marker = line.style
        looks = {"linestyle": "--"} if line.level else {"linestyle": "-", "marker": marker}
        handles.append(handle([], [], label=line.name, **grey | {"color": colour} | looks))
    cells = [cell for line in lines for cell in line.cells]
    if any(cell.published for cell in cells):
        ring = {"marker": "o", "markersize": 6.5, "markerfacecolor": "none"}
        handles.append(handle([], [], label="published", **grey | ring))
    if any(cell.collapsed for cell in cells):
        cross = {"marker": "x", "markersize": 7}
        handles.append(handle([], [], label="collapsed", **grey | cross))
    return handles
