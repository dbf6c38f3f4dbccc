"""goldpan: prune and train a network. `python run.py --help` says what can be chosen."""

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig


@hydra.main(version_base="1.3", config_path="conf", config_name="run")
def main(cfg: DictConfig) -> None:
    from goldpan.experiment import run

    job = HydraConfig.get()
    run(cfg, job.runtime.choices, job.overrides.task)


if __name__ == "__main__":
    main()
