"""A point or a span of training time: "10ep" (epochs), "500it" (steps) or "0.75" (of the run)."""

import re
from dataclasses import dataclass
from typing import Literal

_FORM = re.compile(r"(\d+(?:\.\d+)?)(ep|it)?")


@dataclass(frozen=True)
class Duration:
    """An amount of training in epochs, in optimizer steps, or as a fraction of the whole run."""

    amount: float
    unit: Literal["ep", "it", "run"]

    @classmethod
    def parse(cls, text: str | float) -> "Duration":
        """Read "10ep", "500it" or "0.75".

        Raises:
            ValueError: if the text has another form, a step count is broken, or a fraction of
                the run exceeds 1.
        """
        match = _FORM.fullmatch(str(text))
        if match is None:
            raise ValueError(
                f'a duration is "10ep", "500it" or a fraction of the run; got {text!r}'
            )
        amount, unit = float(match[1]), match[2] or "run"
        if unit == "run" and amount > 1:
            raise ValueError(
                f'a fraction of the run is at most 1; got {text!r} (epochs are "10ep")'
            )
        if unit == "it" and amount != int(amount):
            raise ValueError(f"a number of steps is whole; got {text!r}")
        return cls(amount, unit)  # type: ignore[arg-type]

    def steps(self, run_steps: int, epoch_steps: int) -> int:
        """The number of optimizer steps, in a run of `run_steps` with `epoch_steps` an epoch."""
        scale = {"ep": epoch_steps, "it": 1, "run": run_steps}[self.unit]
        return round(self.amount * scale)
