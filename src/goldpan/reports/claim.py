"""What a paper says of one cell of a table relative to another, read from the table's file."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

COMPARED = {
    "early_stop": "step with the smallest validation loss",
    "accuracy_at_early_stop": "test accuracy (%) at that step",
    "last": "test accuracy (%) after the last step",
}
"""What a claim can be of."""

BY = ("difference", "ratio", "sign")


@dataclass(frozen=True)
class Claim:
    """How a cell `at` some values of the axes stands to the one `against` which it is set.

    `of` says what is compared, one of COMPARED; `by` whether `published` is the ratio of the two,
    their difference, or only its sign, 1 or -1. Where the claim is that there is no difference (0),
    `margin` says how near, and is not the paper's.
    """

    of: str
    at: Mapping[str, Any]
    against: Mapping[str, Any]
    published: float
    by: str = "difference"
    margin: float = 0.0


def read_claim(where: str, entry: Mapping[str, Any]) -> Claim:
    """The claim that an entry makes.

    Raises:
        ValueError: if it says what cannot be; the sentence starts with `where`.
    """
    claim = Claim(**entry)
    for word, value, known in (("of", claim.of, [*COMPARED]), ("by", claim.by, [*BY])):
        if value not in known:
            raise ValueError(f"{where}: {word} is one of {', '.join(known)}; got {value}")
    if claim.by == "ratio" and (claim.published <= 0 or claim.published == 1):
        raise ValueError(f"{where}: a ratio is above 0 and not 1; got {claim.published}")
    if claim.by == "sign" and claim.published not in (1, -1):
        raise ValueError(f"{where}: a sign is 1 or -1; got {claim.published}")
    return claim
