"""A saved view of a table's runs on W&B, for those who are online: `to=wandb`.

The view shows the runs that were logged under the table's name (`logger.mode=online`, or
`wandb sync` later), grouped by method and sparsity; it holds no number of its own, and runs that
are logged after it was saved appear in it.

Building the view was tried with wandb-workspaces 0.4.13, saving it only up to the refusal without
an account: no view was ever seen in W&B's own page.
"""

import os
import sys
import warnings
from contextlib import suppress
from itertools import cycle
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

from goldpan.reports.report import Report
from goldpan.runs.told import layer_key

STEP = "trainer/global_step"
LAST = "test accuracy (%), last epoch"
BEST = "test accuracy (%), best validation epoch"
COLUMNS = [
    f"summary:{name}"
    for name in ("accuracy", "accuracy_best", "sparsity_effective", "flops_left", "status")
]
COLORS = ["#4c78a8", "#f58518", "#54a24b", "#e45756", "#72b7b2", "#b279a2", "#9d755d", "#bab0ac"]
"""Of the methods, in turn."""

MISSING = "to=wandb needs the package wandb-workspaces: pip install -e '.[wandb]'"


def save(report: Report, project: str | None = None, entity: str | None = None) -> int:
    """Save the view of a table and print its address; the command's exit code.

    Without a project or an entity W&B's own variables count, as they do for runs.
    """
    project = project or os.environ.get("WANDB_PROJECT") or "goldpan"
    entity = entity or os.environ.get("WANDB_ENTITY")
    try:
        _library()  # what is missing is said before W&B is asked
        _reach()
        print(_send(dashboard(report, project, entity or _default_entity())))
    except ImportError:
        print(MISSING, file=sys.stderr)
    except _errors() as error:
        said = " ".join(str(error).split())
        hint = "it needs a network and an account, see `wandb login`"
        print(f"the view was not saved: {said}; {hint}", file=sys.stderr)
    else:
        return 0
    return 1


def dashboard(report: Report, project: str, entity: str) -> Any:
    """The view of a table's runs; nothing is sent.

    Raises:
        ImportError: if wandb-workspaces is not installed.
    """
    expr, kit, views = _library()
    name = report.table.name
    colors = dict(zip(_methods(report), cycle(COLORS), strict=False))
    return views.Workspace(
        entity=entity,
        project=project,
        name=f"goldpan {name}",
        sections=[
            views.Section(name=title, panels=panels, is_open=True)
            for title, panels in _sections(kit, report).items()
        ],
        settings=views.WorkspaceSettings(x_axis=STEP, max_runs=100),
        runset_settings=views.RunsetSettings(
            filters=expr.And(expr.Config("table") == name),
            groupby=[expr.Config("method"), expr.Config("sparsity")],
            group_colors=colors,
            order=[expr.Ordering(expr.Config("sparsity"))],
            pinned_columns=["config:method.value", "config:sparsity.value", *COLUMNS],
        ),
    )


def _sections(kit: Any, report: Report) -> dict[str, list[Any]]:
    """The panels, by the name of their section."""
    method, sparsity = kit.Config("method"), kit.Config("sparsity")

    def scatter(x: Any, y: str, title: str, **looks: Any) -> Any:
        return kit.ScatterPlot(title=title, x=x, y=kit.SummaryMetric(y), **looks)

    def line(metric: str) -> Any:
        looks = {"groupby_aggfunc": "mean", "groupby_rangefunc": "stddev"}
        return kit.LinePlot(title=metric, x=STEP, y=[metric], **looks)

    def bars(title: str, *metrics: str, **looks: Any) -> Any:
        named = [kit.SummaryMetric(metric) for metric in metrics]
        return kit.BarPlot(title=title, metrics=named, groupby_aggfunc="mean", **looks)

    flops, layers = kit.SummaryMetric("flops_left"), [layer_key(n) for n in _layers(report)]
    compared = [(method, "method"), (sparsity, "sparsity")]
    compared += [(kit.SummaryMetric("accuracy"), "test accuracy (%)"), (flops, "FLOPs left (%)")]
    shares = {"metric_regex": "^panning/weight/.*", "x": "panning/round"}
    sections = {
        "Accuracy": [
            scatter(sparsity, "accuracy", f"{LAST}, by sparsity"),
            scatter(sparsity, "accuracy_best", f"{BEST}, by sparsity"),
            bars(f"{LAST}, by method and sparsity", "accuracy"),
            bars(f"{BEST}, by method and sparsity", "accuracy_best"),
            bars(f"{LAST}, mean by method", "accuracy", groupby=method, groupby_rangefunc="stddev"),
        ],
        "Methods": [_coordinates(kit, "methods compared", compared)],
        "Cost": [
            scatter(flops, "accuracy", f"{LAST}, by FLOPs left", log_x=True),
            bars("training images a second", "images_per_second"),
        ],
        "Training": [line("val/accuracy"), line("test/accuracy"), line("train/loss")],
        "Layers": [bars("sparsity of each layer", *layers)] if layers else [],
        "Panning": [kit.LinePlot(title="share of each index", **shares)],
    }
    return {name: panels for name, panels in sections.items() if panels}


def _coordinates(kit: Any, title: str, columns: list[tuple[Any, str]]) -> Any:
    """Parallel coordinates; a line a run."""
    named = [kit.ParallelCoordinatesPlotColumn(one, display_name=name) for one, name in columns]
    return kit.ParallelCoordinatesPlot(title=title, columns=named)


def _methods(report: Report) -> list[str]:
    """The methods of all runs, as W&B knows them, in the table's order."""
    return list(dict.fromkeys(record.identity.method for record in report.results.records))


def _layers(report: Report) -> list[str]:
    """The layers of all runs, in the order of the network."""
    sparsities = (record.sparsity for record in report.results.records)
    return list(dict.fromkeys(name for found in sparsities if found for name in found.layers))


def _library() -> tuple[Any, Any, Any]:
    """W&B's modules of expressions, panels and views; their import warns of their own old ways."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import wandb_workspaces.expr as expr
        import wandb_workspaces.reports.v2 as reports
        import wandb_workspaces.workspaces as workspaces
    return expr, reports, workspaces


def _reach() -> None:
    """Ask whether W&B answers at all: without a network its own client would not end for minutes.

    Raises:
        OSError: if it does not.
    """
    import wandb

    with suppress(HTTPError):  # an answer, if not to an account
        urlopen(wandb.Settings().base_url, timeout=10).close()


def _default_entity() -> str:
    """The account or team that W&B logs to; asks W&B."""
    import wandb

    return str(wandb.Api(timeout=10).default_entity)


def _send(view: Any) -> str:
    view.save()
    return str(view.url)


def _errors() -> tuple[type[Exception], ...]:
    """What W&B raises without an account or a network, or where the account may not write."""
    import wandb

    return (wandb.Error, OSError, ValueError, RuntimeError)
