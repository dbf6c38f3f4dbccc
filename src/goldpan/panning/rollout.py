"""A whole pruning by Panning: a policy and a screening, round after round."""

from collections.abc import Callable, Sequence

from goldpan.panning.observation import Observer, Reward
from goldpan.panning.policies import Policy, View
from goldpan.panning.screening import Row, Screening

Advance = Callable[[Row], None]


def pan(
    screening: Screening, policy: Policy, advance: Advance = lambda row: None, *, look: bool = False
) -> list[Row]:
    """Prune to the end; the masks are in `screening` and set in its network.

    Args:
        advance: called with each round's row.
        look: observe every round and put the reward's terms into the rows, also for a policy
            that does not need it; a policy that observes always looks.

    Returns:
        a row a round: what `Screening.step` tells, and the reward's terms where looked at.
    """
    look = look or policy.observes
    names = tuple(index.name for index in screening.indices)
    observer, observation = Observer(), None
    if look:
        observer.calibrate(screening, -10)
        observation = observer.before(*screening.dense_slope(screening.draw(0)[0]))
    rows = []
    for done in range(1, screening.rounds + 1):
        view = View(names, done, screening.rounds, screening.sparsity, observation)
        if look:
            row, sight = screening.step_and_look(policy(view))
            observation, reward = observer.after(sight, done, screening.rounds)
            row |= terms(reward) | {"effective": sight.effective}
        else:
            row = screening.step(policy(view))
        advance(row)
        rows.append(row)
    return rows


def terms(reward: Reward) -> Row:
    """The reward and what it is made of, for the log."""
    return {
        "reward": reward.value,
        "reward/gap": -reward.gap,
        "reward/loss": -reward.loss,
        "reward/norm": -reward.norm,
        "reward/collapse": -reward.collapse,
    }


def episode_return(rows: Sequence[Row]) -> float:
    """The sum of rewards up to the end of an episode: the last row, or the first collapse."""
    total = 0.0
    for row in rows:
        total += row["reward"]
        if row["effective"] == 1:
            break
    return total
