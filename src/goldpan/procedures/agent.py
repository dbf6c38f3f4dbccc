"""Train the agent that weighs Panning's indices, and compare it with policies that need none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from hydra.utils import get_class, instantiate
from omegaconf import DictConfig, OmegaConf
from rich.progress import Progress
from torch import Tensor, nn

from goldpan.data.sampling import Sampling
from goldpan.data.vision import VisionData
from goldpan.files import write_rows
from goldpan.panning.agent import Agent, Learned
from goldpan.panning.callback import Pan
from goldpan.panning.indices import Index, find_indices
from goldpan.panning.pictures import draw_learning
from goldpan.panning.policies import Policy, Random, Uniform
from goldpan.panning.rollout import episode_return, pan
from goldpan.panning.screening import Row, Screening, check_rounds
from goldpan.procedures.refusal import refusing
from goldpan.procedures.setup import (
    build_system,
    check_device,
    close_logger,
    load_data,
    open_logger,
    quieten,
)
from goldpan.record import CHECKPOINT, Record
from goldpan.types import Batch, Loss

AGENT = "agent.pt"
"""The file in the run's folder that method=rl_panning takes as agent=."""


@dataclass(frozen=True)
class Ground:
    """What the agent is trained on: a network, its data, and the method's way of panning."""

    net: nn.Module
    data: VisionData
    loss: Loss
    device: torch.device
    sampling: Sampling
    pruner: Mapping[str, Any]
    seed: int

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
        """What a screening and the environment are told alike."""
        return {name: self.pruner[name] for name in ("rounds", "form", "temperature")}

    def draw(self, seed: int) -> list[Batch]:
        """The batches of a round, the same for the same seed."""
        return self.data.sample(self.sampling, seed, self.device)

    def rollout(self, policy: Policy, target: float) -> float:
        """The return of one episode; its batches depend on the round and the run's seed alone."""
        screening = Screening(
            self.net,
            self.indices,
            lambda done: self.draw(self.seed * 1_000_003 + done),
            self.loss,
            sparsity=target,
            **self.options,
        )
        return episode_return(pan(screening, policy, look=True))

    def returns(self, policy: Policy, targets: Sequence[float]) -> Row:
        """The returns on these targets, by target."""
        return {f"{target:g}": self.rollout(policy, target) for target in targets}


def agent(
    cfg: DictConfig,
    draft: Record,
    folder: Path,
    *,
    steps: int,
    every: int,
    targets: Sequence[float],
    environment: Mapping[str, Any],
    learner: Mapping[str, Any],
) -> Record:
    """Train an agent on the untrained network; one that was cut short goes on where it was.

    Args:
        steps: rounds of pruning that it learns from.
        every: steps between two evaluations, each one episode without exploration a target.
        targets: sparsities of the evaluation.
        environment: PanningEnv's `targets` and `switch`.
        learner: TD3's hyper-parameters, see `build_learner`.

    Returns:
        the record, finished, with the returns of the agent and of the policies beside it.
    """
    start = perf_counter()
    with refusing():
        ground, beside = _prepare(cfg, steps, targets, environment["targets"])
        from goldpan.panning.env import PanningEnv
        from goldpan.panning.training import actor_weights, build_learner, train_agent

        env = PanningEnv(
            ground.net,
            ground.indices,
            ground.draw,
            ground.loss,
            **OmegaConf.to_object(environment),  # type: ignore[arg-type]
            **ground.options,
        )
        model = build_learner(env, learner, steps, cfg.seed)
    quieten()
    logger = open_logger(cfg, folder, draft)
    others = {name: ground.returns(policy, targets) for name, policy in beside.items()}
    names = tuple(index.name for index in ground.indices)

    def evaluate(actor: Mapping[str, Tensor]) -> Row:
        return ground.returns(Learned(Agent(actor, names)), targets)

    with Progress(disable=not cfg.progress) as bar:
        task = bar.add_task("training the agent", total=steps)

        def advance(episode: Row, evaluation: Row | None) -> None:
            told = f"return {episode['reward']:.1f} at {100 * episode['target']:.1f} %"
            bar.update(task, completed=episode["steps"], description=told)
            if not isinstance(logger, bool):
                measured = {f"evaluation/{name}": v for name, v in (evaluation or {}).items()}
                logger.log_metrics({f"episode/{n}": v for n, v in episode.items()} | measured)

        episodes, evaluations = train_agent(
            model, env, steps, folder / CHECKPOINT, evaluate, every=every, advance=advance
        )
    facts = {
        "run": draft.id,
        "setting": draft.setting,
        "seed": cfg.seed,
        "steps": steps,
        "commit": draft.commit,
        "versions": dict(draft.versions),
        **ground.options,
    }
    Agent(actor_weights(model), names, facts).write(folder / AGENT)
    write_rows(folder / "episodes.csv", episodes)
    write_rows(folder / "evaluations.csv", evaluations)
    draw_learning(evaluations, others, targets, folder / "learning.png")
    final = {name: value for name, value in evaluations[-1].items() if name != "steps"}
    record = replace(
        draft,
        status="finished",
        error=None,
        data=ground.data.describe(),
        seconds={"agent": perf_counter() - start},
        returns={"agent": final, **others},
    )
    close_logger(logger, record, [folder / "learning.png"])
    return record


def _prepare(
    cfg: DictConfig, steps: int, targets: Sequence[float], drawn: Sequence[Sequence[float]]
) -> tuple[Ground, dict[str, Policy]]:
    """The ground to train on, and the policies to compare with.

    Raises:
        ValueError: if the method does not pan, or a number is out of its range.
        ImportError: if the agent's library is not installed.
    """
    pruner = cfg.method.pruner
    if pruner is None or get_class(pruner._target_) is not Pan:
        raise ValueError("procedure=agent trains an agent for panning; choose method=panning")
    if find_spec("stable_baselines3") is None:
        raise ImportError("procedure=agent needs stable-baselines3: pip install -e '.[rl]'")
    if steps < 1 or not targets or not all(0 <= target < 1 for target in targets):
        raise ValueError(
            f"expected procedure.steps >= 1 and procedure.targets in [0, 1), got {steps} steps "
            f"and targets {list(targets)}"
        )
    if not drawn or not all(len(pair) == 2 and 0 <= pair[0] <= pair[1] <= 1 for pair in drawn):
        raise ValueError(
            "procedure.environment.targets are one or more intervals [low, high] within [0, 1], "
            f"got {list(drawn)}"
        )
    if any(cfg.controls.values()) or cfg.checkpoint is not None:
        raise ValueError("procedure=agent takes no controls.* and no checkpoint")
    check_rounds(pruner.rounds, pruner.form)
    check_device(cfg)
    data = load_data(cfg)
    system = build_system(cfg, data)
    device = torch.device("cuda" if cfg.strategy.accelerator == "gpu" else "cpu")
    if cfg.strategy.threads is not None:
        torch.set_num_threads(cfg.strategy.threads)
    ground = Ground(
        system.net.to(device),
        data,
        system.loss,
        device,
        instantiate(pruner.sampling),
        pruner,
        cfg.seed,
    )
    ground.draw(0)
    policy: Policy = instantiate(pruner.policy)
    policy.check([index.name for index in ground.indices])
    name = get_class(pruner.policy._target_).__name__.lower()
    return ground, {name: policy, "uniform": Uniform(), "random": Random(cfg.seed)}
