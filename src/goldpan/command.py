"""The command `goldpan`: prune and train a network. `goldpan --help` says what can be chosen.

`python run.py` in a checkout is the same, and so is `python -m goldpan.command` anywhere.
"""

import sys
from importlib.metadata import version

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from goldpan.choices import (
    DRY_RUN,
    asked_per_cell,
    bad_choice,
    conf_folder,
    flags_first,
    import_own_modules,
    overview,
)
from goldpan.files import print_anything
from goldpan.runs.sentences import hydra_prints, hydra_raises, one_sentence


def main() -> int | None:
    """Do what the command line says; the exit code, if it is not Hydra's.

    Its first word may be a subcommand: report, table or export. All else is a run or a sweep.
    """
    print_anything()
    match sys.argv[1:]:
        case ["report", *words]:
            from goldpan.reports.command import main as report

            return report(words)
        case ["export", *words]:
            from goldpan.procedures.export import main as export

            return export(words)
        case ["table"]:
            sys.exit("goldpan table NAME: the name is missing; goldpan --help lists the tables")
        case ["table", name, *words]:
            sys.argv[1:] = [f"+table={name}", *words]
    conf = conf_folder()
    sys.argv[1:] = asked_per_cell(flags_first(sys.argv[1:]))
    import_own_modules(sys.argv[1:])
    if {"--help", "-h"} & {*sys.argv[1:]}:
        print(overview(conf, sys.argv[1:]))
    elif sys.argv[1:] == ["--version"]:
        print(f"goldpan {version('goldpan')}")
    elif sentence := bad_choice(sys.argv[1:], conf):
        sys.exit(sentence)
    elif DRY_RUN in sys.argv:
        from goldpan.sweeps.dry_run import dry_run

        with one_sentence((ValueError, TypeError, LookupError, OSError)):
            print(dry_run(sys.argv[1:], conf))
    else:
        with hydra_raises():
            _run()
    return None


@hydra.main(version_base="1.3", config_path=str(conf_folder()), config_name="run")
def _run(cfg: DictConfig) -> None:
    """Do the one run that Hydra composed."""
    hydra_prints()
    from goldpan.runs.experiment import run

    job = HydraConfig.get()
    with one_sentence():
        run(cfg, job.runtime.choices, job.overrides.task)


if __name__ == "__main__":
    sys.exit(main())
