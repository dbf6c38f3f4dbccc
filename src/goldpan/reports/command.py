"""The command `python -m goldpan.report`: of a folder, or of a table with +table=digits."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from goldpan.choices import bad_choice, read_word
from goldpan.reports.counting import count
from goldpan.reports.dashboard import save
from goldpan.reports.folder import report
from goldpan.reports.page.page import write_page
from goldpan.reports.report import Report
from goldpan.reports.spec import METRICS, check_table, read_table
from goldpan.reports.verdict import verify
from goldpan.runs.identity import NOT_DECISIVE, NOT_DECISIVE_OF_DATA
from goldpan.sweeps.cells import Plan, plan

WORDS: dict[str, tuple[str, ...]] = {
    "to": ("markdown", "latex", "csv", "html", "wandb"),
    "metric": tuple(METRICS),
    "verify": ("true", "false"),
    "project": (),
    "entity": (),
}
"""Words of a report beside Hydra's, and what each may be; any text where none is listed."""


HELP = """Records into a table and a figure. For a paper's table beside the published numbers:
+table=NAME [to=markdown|latex|csv|html|wandb] [metric=last|best|best_on_test] [verify=true]
[output=FOLDER] and any choice that the table was run with."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    of_table = any(read_word(word).name == "table" and "=" in word for word in words)
    return main_table(words) if of_table else main_folder(words)


def main_folder(words: Sequence[str]) -> int:
    """The command for a folder; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m goldpan.report", description=HELP)
    parser.add_argument("folder", type=Path, help="where the records lie, with all below it")
    parser.add_argument("--metric", choices=METRICS, default="last", help="default: last")
    chosen = parser.parse_args(words)
    try:
        text = report(chosen.folder, chosen.metric)
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        return 1
    (chosen.folder / "report.md").write_text(text)
    print(text)
    return 0


def main_table(arguments: Sequence[str]) -> int:
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
    made = make(planned, words.get("metric"))
    code, form = 0, words.get("to", "markdown")
    if form == "wandb":
        code = save(made, words.get("project", "goldpan"), words.get("entity"))
    else:
        texts = made.write()
        print(write_page(made) if form == "html" else texts[form])
    lines = verify(made) if words.get("verify") == "true" else []
    for line in lines:
        print(line, file=sys.stderr)
    return 2 if lines else code


def conf_folder() -> Path:
    """The folder conf of the checkout that this package is in, or else the current folder's."""
    beside = Path(__file__).parents[3] / "conf"
    return beside if beside.is_dir() else Path("conf")


def split(arguments: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """The words of the report, and what is left for Hydra.

    Raises:
        ValueError: if a word is not one of those that it may be.
    """
    words, rest = dict[str, str](), list[str]()
    for argument in arguments:
        word = read_word(argument)
        name, value = word.name, word.value
        if word.sign or name not in WORDS:
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
        word = read_word(override)
        idle = word.root in (*NOT_DECISIVE, "hydra") and word.name != "strategy.precision"
        if not idle and not (word.root == "dataset" and word.leaf in NOT_DECISIVE_OF_DATA):
            extra += [override] if word.name not in planned.axes else []
    return extra
