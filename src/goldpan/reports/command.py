"""The command `python -m goldpan.report`: of the runs below a folder, or of a paper's table."""

import sys
from collections.abc import Sequence
from pathlib import Path

from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from goldpan.choices import (
    SEARCHPATH,
    bad_choice,
    conf_folder,
    import_own_modules,
    own_folders,
    read_word,
    split_flags,
)
from goldpan.files import print_anything
from goldpan.reports.comparison import compare
from goldpan.reports.dashboard import save
from goldpan.reports.page.page import write_page
from goldpan.reports.report import Report, report_of_folder, report_of_plan, verify
from goldpan.reports.spec import METRICS, check_table
from goldpan.runs.sentences import sentence
from goldpan.sweeps.cells import plan

WORDS: dict[str, tuple[str, ...]] = {
    "to": ("markdown", "latex", "csv", "html", "wandb"),
    "metric": tuple(METRICS),
    "verify": ("true", "recorded", "false"),
    "compare": (),
    "project": (),
    "entity": (),
}
"""Words of a report beside Hydra's, and what each may be; any text where none is listed."""

HELP = """python -m goldpan.report FOLDER         every run below a folder
python -m goldpan.report +table=NAME    a paper's table, beside the published numbers

Further words: to=markdown|latex|csv|html|wandb, metric=last|best|best_on_test|
best_on_test_of_last_5, compare=METHOD,METHOD (differences by seed); of a table also output=FOLDER
and any choice that it was run with. verify=true exits with 0 where a table is reproduced, 4 where
it is not, 3 where the runs are too few to tell, and 2 where runs are missing or nothing can be
judged, such as by runs of other code than today's; verify=recorded takes the code of the commits
that made the runs, where git has them and they give the same fingerprints."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the report that the words ask for, and write all its forms; the exit code."""
    print_anything()
    typed = sys.argv[1:] if arguments is None else arguments
    if not typed or {"-h", "--help"} & {*typed}:
        print(HELP)
        return 0 if typed else 1
    try:
        import_own_modules(typed)
        words, rest = split(typed)
        of_table = any(read_word(word).name == "table" and "=" in word for word in rest)
        make = _table_report if of_table else _folder_report
        report = make(rest, words)
        if names := words.get("compare"):
            print(compare(report, [name.strip() for name in names.split(",")]))
            return 0
    except (ValueError, OSError, HydraException, OmegaConfBaseException) as error:
        print(sentence(error), file=sys.stderr)
        return 1
    return _show(report, words)


def split(arguments: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """The words of the report, and what is left: a folder, or words for Hydra.

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


def _table_report(rest: Sequence[str], words: dict[str, str]) -> Report:
    """The report of the table that Hydra's words name.

    Raises:
        ValueError, OSError, HydraException, OmegaConfBaseException: if there is no such table.
    """
    conf = conf_folder()
    if sentence := bad_choice(rest, conf):
        raise ValueError(sentence)
    flags, words_of_hydra = split_flags(rest)
    if flags:  # such as --config-dir, which Hydra takes from its own command line alone
        own = ",".join(f"'file://{folder}'" for folder in own_folders(rest))
        words_of_hydra = [w for w in words_of_hydra if read_word(w).name != SEARCHPATH]
        words_of_hydra.append(f"{SEARCHPATH}=[{own}]")
    planned = plan(words_of_hydra, conf)
    check_table(planned)
    return report_of_plan(planned, words.get("metric"))


def _folder_report(rest: Sequence[str], words: dict[str, str]) -> Report:
    """The report of the one folder that is left of the words.

    Raises:
        ValueError: if it is not one folder, or if W&B is asked for.
        FileNotFoundError: if no record lies below it.
    """
    if len(rest) != 1 or rest[0].startswith("-"):
        raise ValueError(f"expected one folder, or +table=NAME; got {' '.join(rest) or 'neither'}")
    if words.get("to") == "wandb":
        raise ValueError("to=wandb shows the runs that were logged for a table; type +table=NAME")
    return report_of_folder(Path(rest[0]), words.get("metric", "last"))


def _show(report: Report, words: dict[str, str]) -> int:
    """Write and print a report in the form asked for, and judge it if asked; the exit code."""
    code, form = 0, words.get("to", "markdown")
    if form == "wandb":
        code = save(report, words.get("project"), words.get("entity"))
    else:
        texts = report.write()
        print(write_page(report) if form == "html" else texts[form])
    if (by := words.get("verify", "false")) != "false":
        code, lines = verify(report, by)
        print(*lines, sep="\n", file=sys.stderr)
    return code
