"""goldpan: prune and train a network. `python run.py --help` says what can be chosen."""

import sys
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from goldpan.choices import bad_choice, flags_first, import_own_modules, overview
from goldpan.files import print_anything
from goldpan.runs.sentences import hydra_prints, hydra_raises, one_sentence

CONF = Path(__file__).parent / "conf"


@hydra.main(version_base="1.3", config_path=str(CONF), config_name="run")
def main(cfg: DictConfig) -> None:
    hydra_prints()
    from goldpan.runs.experiment import run

    job = HydraConfig.get()
    with one_sentence():
        run(cfg, job.runtime.choices, job.overrides.task)


if __name__ == "__main__":
    print_anything()
    sys.argv[1:] = flags_first(sys.argv[1:])
    import_own_modules(sys.argv[1:])
    if {"--help", "-h"} & {*sys.argv[1:]}:
        print(overview(CONF, sys.argv[1:]))
    elif sentence := bad_choice(sys.argv[1:], CONF):
        sys.exit(sentence)
    else:
        with hydra_raises():
            main()
