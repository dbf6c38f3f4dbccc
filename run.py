"""goldpan: prune and train a network. `python run.py --help` says what can be chosen."""

import sys
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from goldpan.choices import bad_choice, overview

CONF = Path(__file__).parent / "conf"


@hydra.main(version_base="1.3", config_path=str(CONF), config_name="run")
def main(cfg: DictConfig) -> None:
    from goldpan.runs.experiment import run

    job = HydraConfig.get()
    run(cfg, job.runtime.choices, job.overrides.task)


if __name__ == "__main__":
    if sys.argv[1:] in (["--help"], ["-h"]):
        print(overview(CONF))
    elif sentence := bad_choice(sys.argv[1:], CONF):
        sys.exit(sentence)
    else:
        main()
