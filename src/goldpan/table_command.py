"""The command for a paper's table: `python -m goldpan.report +table=digits`."""

import sys
from collections.abc import Sequence
from pathlib import Path

from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from goldpan.choices import bad_choice
from goldpan.counting import count
from goldpan.dashboard import save
from goldpan.identity import NOT_DECISIVE, NOT_DECISIVE_OF_DATA
from goldpan.sweeps.cells import Plan, plan
from goldpan.table_page import write_page
from goldpan.table_report import Report
from goldpan.tables import METRICS, check_table, read_table
from goldpan.verification import verify

WORDS: dict[str, tuple[str, ...]] = {
    "to": ("markdown", "latex", "csv", "html", "wandb"),
    "metric": tuple(METRICS),
    "verify": ("true", "false"),
    "project": (),
    "entity": (),
}
"""Words of a report beside Hydra's, and what each may be; any text where none is listed."""


def main(arguments: Sequence[str]) -> int:
    """The command for a table; returns its exit code."""
    conf = conf_folder()
    try:
        words, rest = split(arguments)
        if sentence := bad_choice(rest, conf):
            raise ValueError(sentence)
        planned = plan(rest, conf)
        check_table(planned)
    except (ValueError, OSError, HydraException, OmegaConfBaseException) as error:
        print(" ".join(str(error).split()), file=sys.stderr)
        return 1
    report = make(planned, words.get("metric"))
    code, form = 0, words.get("to", "markdown")
    if form == "wandb":
        code = save(report, words.get("project", "goldpan"), words.get("entity"))
    else:
        texts = report.write()
        print(write_page(report) if form == "html" else texts[form])
    lines = verify(report) if words.get("verify") == "true" else []
    for line in lines:
        print(line, file=sys.stderr)
    return 2 if lines else code


def conf_folder() -> Path:
    """The folder conf of the checkout that this package is in, or else the current folder's."""
    beside = Path(__file__).parents[2] / "conf"
    return beside if beside.is_dir() else Path("conf")


def split(arguments: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """The words of the report, and what is left for Hydra.

    Raises:
        ValueError: if a word is not one of those that it may be.
    """
    words, rest = dict[str, str](), list[str]()
    for argument in arguments:
        name, _, value = argument.partition("=")
        if name not in WORDS:
            rest.append(argument)
        elif not WORDS[name]:
            words[name] = value
        elif value.lower() not in WORDS[name]:
            raise ValueError(f"{name} is one of {', '.join(WORDS[name])}; got {value}")
        else:
            words[name] = value.lower()
    return words, rest


def make(planned: Plan, metric: str | None = None) -> Report:
    """The report of a plan; by the metric of the table unless another is asked for."""
    table = read_table(planned)
    metric = metric or table.metric
    output = Path(planned.cells[0].choices["output"])
    results = count(planned, table, metric)
    return Report(table, results, metric, changes(planned), output / "tables" / table.name)


def changes(planned: Plan) -> list[str]:
    """What was typed that makes these other runs than the table's own."""
    axes = planned.axes.items()
    extra = [f"{name}={','.join(values)}" for name, values in axes if name not in planned.own]
    for override in planned.cells[0].overrides:
        name = override.lstrip("+~").partition("=")[0]
        root, _, leaf = name.partition(".")
        idle = root in (*NOT_DECISIVE, "hydra") and name != "strategy.precision"
        if not idle and not (root == "dataset" and leaf in NOT_DECISIVE_OF_DATA):
            extra += [override] if name not in planned.axes else []
    return extra
