"""A saved view of a table's runs on W&B, for those who are online: `to=wandb`.

The view shows the runs that were logged under the table's name (`logger.mode=online`, or
`wandb sync` later), grouped by method and sparsity; it holds no number of its own, and runs that
are logged after it was saved appear in it.

Building the view was tried with wandb-workspaces 0.4.13, saving it only up to the refusal without
an account: no view was ever seen in a browser. Least sure are the names of layers, which hold dots
(record.sparsity.layers.features.0.weight), and grouping by record.identity.method, which the
summary of a run has when it ends.
"""

import sys
import warnings
from contextlib import suppress
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

from goldpan.reports.report import Report

STEP = "trainer/global_step"
MISSING = "to=wandb needs the package wandb-workspaces: pip install -e '.[wandb]'"


def save(report: Report, project: str = "goldpan", entity: str | None = None) -> int:
    """Save the view of a table and print its address; the command's exit code."""
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
    return views.Workspace(
        entity=entity,
        project=project,
        name=f"goldpan {report.table.name}",
        sections=[
            views.Section(name=name, panels=panels, is_open=True)
            for name, panels in _sections(kit, _layers(report)).items()
        ],
        settings=views.WorkspaceSettings(x_axis=STEP, max_runs=100),
        runset_settings=views.RunsetSettings(
            filters=expr.And(expr.Metric("Group") == report.table.name),
            groupby=[expr.Summary("record.identity.method"), expr.Config("sparsity")],
            order=[expr.Ordering(expr.Config("sparsity"))],
            pinned_columns=["config:sparsity.value", *_columns()],
        ),
    )


def _columns() -> list[str]:
    accuracies = [f"record.accuracies.{epoch}.test" for epoch in ("last", "best", "best_on_test")]
    names = [*accuracies, "record.sparsity.effective", "record.flops_kept", "record.status"]
    return [f"summary:{name}" for name in names]


def _sections(kit: Any, layers: list[str]) -> dict[str, list[Any]]:
    """The panels, by the name of their section."""
    sparsity = kit.Config("sparsity")
    last, best = (f"record.accuracies.{epoch}.test" for epoch in ("last", "best"))

    def scatter(x: Any, y: str, title: str, **looks: Any) -> Any:
        return kit.ScatterPlot(title=title, x=x, y=kit.SummaryMetric(y), **looks)

    def line(metric: str) -> Any:
        looks = {"groupby_aggfunc": "mean", "groupby_rangefunc": "stddev"}
        return kit.LinePlot(title=metric, x=STEP, y=[metric], **looks)

    def bars(metric: str, title: str) -> Any:
        return kit.BarPlot(title=title, metrics=[kit.SummaryMetric(metric)])

    flops = kit.SummaryMetric("record.flops_kept")
    shares = {"metric_regex": "^panning/weight/.*", "x": "panning/round"}
    sections = {
        "Accuracy": [
            scatter(sparsity, last, "test accuracy (%), last epoch, by sparsity"),
            scatter(sparsity, best, "test accuracy (%), best validation epoch, by sparsity"),
            bars(last, "test accuracy (%), last epoch, by method and sparsity"),
            bars(best, "test accuracy (%), best validation epoch, by method and sparsity"),
        ],
        "Cost": [
            scatter(flops, last, "test accuracy (%), last epoch, by FLOPs kept", log_x=True),
            bars("record.costs.images_per_second", "training images a second"),
        ],
        "Training": [line("val/accuracy"), line("test/accuracy"), line("train/loss")],
        "Layers": [_across(kit, layers)] if layers else [],
        "Panning": [kit.LinePlot(title="share of each index", **shares)],
    }
    return {name: panels for name, panels in sections.items() if panels}


def _across(kit: Any, layers: list[str]) -> Any:
    """The sparsity of each layer, from the first to the last; a line a run."""
    metrics = [kit.SummaryMetric(f"record.sparsity.layers.{name}") for name in layers]
    columns = [
        kit.ParallelCoordinatesPlotColumn(metric, display_name=name.removesuffix(".weight"))
        for metric, name in zip(metrics, layers, strict=True)
    ]
    return kit.ParallelCoordinatesPlot(title="sparsity of each layer", columns=columns)


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
