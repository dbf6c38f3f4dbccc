"""Train the agent that weighs Panning's indices, and compare it with policies that need none."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import Any

from omegaconf import DictConfig, OmegaConf
from rich.progress import Progress
from torch import Tensor

from goldpan.files import write_rows
from goldpan.panning.agent import Agent, Learned
from goldpan.panning.pictures import draw_learning
from goldpan.panning.screening import Row
from goldpan.procedures.loggers import close_loggers, open_loggers
from goldpan.procedures.panning_setup import prepare_panning
from goldpan.runs.record import CHECKPOINT, Record
from goldpan.runs.refusal import refusing
from goldpan.runs.results_of_procedures import AgentResult

AGENT = "agent.pt"
"""The file in the run's folder that method=rl_panning takes as agent=."""


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

    Returns the record, finished, with the returns of the agent and of the policies beside it.

    Args:
        steps: rounds of pruning that it learns from.
        every: steps between two evaluations, each one episode without exploration a target.
        targets: sparsities of the evaluation.
        environment: PanningEnv's `targets`, `switch` and `observe`.
        learner: TD3's hyper-parameters, see `build_learner`.
    """
    start = perf_counter()
    with refusing():
        if find_spec("stable_baselines3") is None:
            raise ImportError("procedure=agent needs stable-baselines3: pip install -e '.[rl]'")
        setup, beside = prepare_panning(cfg, environment["observe"])
        from goldpan.panning.env import PanningEnv
        from goldpan.panning.training import actor_weights, build_learner, train_agent

        env = PanningEnv(
            setup.net,
            setup.indices,
            setup.draw,
            setup.loss,
            **OmegaConf.to_object(environment),  # type: ignore[arg-type]
            **setup.options,
        )
        model = build_learner(env, learner, steps, cfg.seed)
    loggers = open_loggers(cfg, folder, draft.identity)
    others = {name: setup.returns(policy, targets) for name, policy in beside.items()}
    names = tuple(index.name for index in setup.indices)

    def evaluate(actor: Mapping[str, Tensor]) -> Row:
        return setup.returns(Learned(Agent(actor, names)), targets)

    with Progress(disable=not cfg.progress) as bar:
        task = bar.add_task("training the agent", total=steps)

        def on_episode(episode: Row, evaluation: Row | None) -> None:
            text = f"return {episode['reward']:.1f} at {100 * episode['target']:.1f} %"
            bar.update(task, completed=episode["steps"], description=text)
            measured = {f"evaluation/{name}": v for name, v in (evaluation or {}).items()}
            for logger in loggers:
                logger.log_metrics({f"episode/{n}": v for n, v in episode.items()} | measured)

        episodes, evaluations = train_agent(
            model, env, steps, folder / CHECKPOINT, evaluate, every=every, on_episode=on_episode
        )
    who, origin = draft.identity, draft.origin
    facts = {"run": who.id, "setting": who.setting, "seed": cfg.seed, "steps": steps}
    facts |= {"commit": origin.commit, "versions": dict(origin.versions)}
    facts |= {"observe": setup.observe, **setup.options}
    Agent(actor_weights(model), names, facts).write(folder / AGENT)
    write_rows(folder / "episodes.csv", episodes)
    write_rows(folder / "evaluations.csv", evaluations)
    draw_learning(evaluations, others, targets, folder / "learning.png")
    final = {name: value for name, value in evaluations[-1].items() if name != "steps"}
    record = replace(
        draft,
        status="finished",
        error=None,
        origin=replace(origin, data=setup.data.describe()),
        agent=AgentResult({"agent": final, **others}, perf_counter() - start),
    )
    close_loggers(loggers, record, [folder / "learning.png"])
    return record
