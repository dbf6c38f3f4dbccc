"""The one grammar of training time: 25000it (steps), 10ep or 10 (epochs), 0.5 (of the training).

A point and a span are written alike. docs/recipes.md lists the options that take one.
"""

import re
from dataclasses import dataclass
from typing import Literal

Written = str | float
"""A duration as it is written."""

_FORM = re.compile(r"(\d+(?:\.\d+)?(?:e-\d+)?)(ep|it)?")
_NAMES = {"ep": "epochs", "it": "steps", "run": "of the training"}


@dataclass(frozen=True)
class Duration:
    """An amount of training in epochs, in optimizer steps, or as a fraction of the whole run."""

    amount: float
    unit: Literal["ep", "it", "run"]

    @classmethod
    def parse(cls, value: Written) -> "Duration":
        """Read a text or a number: a bare whole number counts epochs, so 1 is one and 1.0 is all.

        Raises:
            ValueError: if it has another form, a number of steps is broken, or a fraction of the
                training exceeds 1.
        """
        if match := _FORM.fullmatch(str(value)):
            amount, unit = float(match[1]), match[2] or ("ep" if match[1].isdigit() else "run")
            if not (unit == "run" and amount > 1) and not (unit == "it" and amount % 1):
                return cls(amount, unit)  # type: ignore[arg-type]
        raise ValueError(f"expected a duration such as 25000it, 10ep or 0.5; got {value}")

    def steps(self, run_steps: int, epoch_steps: int) -> int:
        """The number of optimizer steps, in a run of `run_steps` with `epoch_steps` an epoch."""
        scale = {"ep": epoch_steps, "it": 1, "run": run_steps}[self.unit]
        return round(self.amount * scale)

    def __str__(self) -> str:
        """In words: 10 epochs, 25000 steps, 0.5 of the training."""
        return f"{self.amount:.10g} {_NAMES[self.unit]}"
