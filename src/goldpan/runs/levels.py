"""How many levels of iterative pruning lead to a sparsity, and what each of them leaves.

Each level cuts the same fraction, the rate, of the weights that are left. So L levels keep
(1 - rate)^L of them, and of sparsity, rate and number of levels two give the third.
"""

from dataclasses import dataclass
from math import ceil, log

HALF_A_DIGIT = 5e-5
"""Papers print what is kept to four digits: 21.0 % is meant to be level 7, which keeps 20.97 %."""

DIGITS = 9
"""Of sparsities and rates, so that one level has one id however it was asked for."""


@dataclass(frozen=True)
class Levels:
    """Some levels at a rate, and the nominal sparsity after the last of them."""

    count: int
    rate: float
    sparsity: float


def settle_levels(sparsity: float, rate: float | None, count: int | None) -> Levels:
    """The levels that were asked for.

    Without a count it is the smallest that reaches the sparsity, to half of its fourth digit. With
    a count and a rate they decide, and `sparsity` does not matter. With a count and no rate, that
    many equal levels end at the sparsity exactly.

    Raises:
        ValueError: if both are missing, or nothing would be cut.
    """
    if rate is None and count is None:
        raise ValueError("procedure.levels and procedure.rate are both null; set one of them")
    if rate is None and count is not None:
        rate = round(1 - (1 - sparsity) ** (1 / count), DIGITS)
    elif count is None and rate is not None:
        count = ceil(log(1 - sparsity + HALF_A_DIGIT) / log(1 - rate)) if sparsity > 0 else 0
    assert count is not None
    assert rate is not None
    if count < 1 or rate == 0:
        raise ValueError(
            f"sparsity={sparsity:g} is level 0, the dense network; choose method=dense for it"
        )
    return Levels(count, rate, sparsity_after(count, rate))


def sparsity_after(level: int, rate: float) -> float:
    """The nominal sparsity of a level: 1 - (1 - rate)^level."""
    return round(1 - (1 - rate) ** level, DIGITS)
