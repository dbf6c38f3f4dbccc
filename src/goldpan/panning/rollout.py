"""A whole pruning by Panning: in each round a policy weighs the indices of a screening."""

from collections.abc import Callable, Sequence
from dataclasses import asdict

from goldpan.panning.observation import Observer, Reward
from goldpan.panning.policies import Policy, PolicyInput
from goldpan.panning.screening import Row, Screening

LogRow = Callable[[Row], None]
"""Called with the row of each round."""


def pan(
    screening: Screening,
    policy: Policy,
    log_row: LogRow = lambda row: None,
    *,
    observe: bool = False,
) -> list[Row]:
    """Prune in all rounds and return their rows; the masks are set in the screening's network.

    With `observe`, or if the policy observes, the rows have the reward's terms too.
    """
    observe = observe or policy.observes
    names = tuple(index.name for index in screening.indices)
    observer, observation = Observer(observe=screening.observe), None
    if observe:
        observer.calibrate(screening, -10)
        observation = observer.before(*screening.first_slope())
    rows = []
    for done in range(1, screening.rounds + 1):
        given = PolicyInput(names, done, screening.rounds, screening.sparsity, observation)
        if observe:
            row, effect = screening.step_and_measure(policy(given))
            observation, reward = observer.after(effect, done, screening.rounds)
            row |= terms(reward) | {"effective": effect.effective}
        else:
            row = screening.step(policy(given))
        log_row(row)
        rows.append(row)
    return rows


def terms(reward: Reward) -> Row:
    """The reward and its terms, for the log."""
    return {"reward": reward.value} | {f"reward/{n}": -term for n, term in asdict(reward).items()}


def episode_terms(rows: Sequence[Row]) -> Row:
    """The sums of the reward and of its terms, up to the last row or the first collapse."""
    ends = [number for number, row in enumerate(rows, 1) if row["effective"] == 1]
    played = rows[: min(ends, default=len(rows))]
    names = [name for name in rows[0] if name.startswith("reward")]
    return {name: sum(row[name] for row in played) for name in names}


def episode_return(rows: Sequence[Row]) -> float:
    """The sum of the rewards of an episode."""
    return episode_terms(rows)["reward"]
