"""A whole pruning by Panning: in each round a policy weighs the indices of a screening."""

from collections.abc import Callable, Sequence

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
    """Prune in all rounds; afterwards the masks are in `screening` and set in its network.

    Args:
        observe: observe the network in every round and put the reward's terms into the rows.
            For a policy that observes this is always done.

    Returns:
        one row for each round: that of `Screening.step`, with the reward's terms if observed.
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
    return {
        "reward": reward.value,
        "reward/gap": -reward.gap,
        "reward/loss": -reward.loss,
        "reward/norm": -reward.norm,
        "reward/collapse": -reward.collapse,
    }


def episode_return(rows: Sequence[Row]) -> float:
    """The sum of the rewards, up to the last row or the first collapse."""
    total = 0.0
    for row in rows:
        total += row["reward"]
        if row["effective"] == 1:
            break
    return total
