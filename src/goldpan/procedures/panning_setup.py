"""The network and data that an agent is trained on, and the policies to compare it with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from omegaconf import DictConfig
from torch import nn

from goldpan.data.sampling import Sampling
from goldpan.data.vision import VisionData
from goldpan.panning.agent import Learned
from goldpan.panning.indices import Index, find_indices
from goldpan.panning.policies import Policy, Random, Uniform
from goldpan.panning.rollout import episode_terms, pan
from goldpan.panning.screening import Observe, Row, Screening
from goldpan.procedures.setup import build_system, load_data
from goldpan.runs.build import build
from goldpan.stream import scoring_seed
from goldpan.types import Batch, Loss


@dataclass(frozen=True)
class PanningSetup:
    """A network, its data, and the method's options of Panning."""

    net: nn.Module
    data: VisionData
    loss: Loss
    device: torch.device
    sampling: Sampling
    pruner: Mapping[str, Any]
    seed: int
    observe: Observe

    @cached_property
    def indices(self) -> tuple[Index, ...]:
        """The indices that are weighed."""
        return find_indices(
            self.pruner["indices"],
            temperature=self.pruner["temperature"],
            mask_aware=self.pruner["mask_aware"],
        )

    @property
    def options(self) -> dict[str, Any]:
        """The options that a screening and the environment share."""
        return {name: self.pruner[name] for name in ("rounds", "form", "temperature")}

    def draw(self, seed: int) -> list[Batch]:
        """The batches of a round, the same for the same seed."""
        return self.data.draw_batches(self.sampling, seed, self.device)

    def rollout(self, policy: Policy, target: float, episode: int = 0) -> Row:
        """The return of one episode, "reward", and its terms.

        Its batches are those that a run of the seed `episode` further on would see.
        """
        screening = Screening(
            self.net,
            self.indices,
            lambda done: self.draw(scoring_seed(self.seed + episode, done)),
            self.loss,
            sparsity=target,
            observe=self.observe,
            **self.options,
        )
        return episode_terms(pan(screening, policy, observe=True))

    def returns(self, policy: Policy, targets: Sequence[float]) -> Row:
        """The return on each of these targets."""
        return {f"{target:g}": self.rollout(policy, target)["reward"] for target in targets}


def prepare_panning(
    cfg: DictConfig, observe: Observe | None = None
) -> tuple[PanningSetup, dict[str, Policy]]:
    """What an agent is trained on, and the run's policy beside equal and random weights.

    Args:
        observe: the batch that a round's effect is measured on; None: the one that the policy was
            trained to observe, or the next.

    Raises ValueError as the data and the policy do.
    """
    pruner = cfg.method.pruner
    policy: Policy = build(pruner.policy)
    data = load_data(cfg)
    system = build_system(cfg, data)
    device = torch.device("cuda" if cfg.strategy.accelerator == "gpu" else "cpu")
    setup = PanningSetup(
        system.net.to(device),
        data,
        system.loss,
        device,
        build(pruner.sampling),
        pruner,
        cfg.seed,
        observe or (policy.agent.observe if isinstance(policy, Learned) else "next"),
    )
    setup.draw(0)
    policy.check([index.name for index in setup.indices])
    name = type(policy).__name__.lower()
    return setup, {name: policy, "uniform": Uniform(), "random": Random(cfg.seed)}
