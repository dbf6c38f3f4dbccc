"""When a growing L2 penalty begins, chooses and ends, and its factors at each step.

H. Wang et al., Neural Pruning via Growing Regularization, ICLR 2021, arXiv 2012.09243.
"""

from goldpan.duration import Written
from goldpan.training.length import Length


class Growth:
    """The factors of a penalty by the training step alone, the same in every layer.

    Args:
        begin: when the penalty begins to grow.
        choose: when what goes is chosen, by the scores of that moment; None: at `begin`.
        end: when the penalty has grown.
        cut: when what was chosen goes; until then the penalty stays.
        interval: between two updates of the factors; the first is at `begin`, one at `choose`.
        separation: the factor of all weights just before the choice.
        ceiling: the factor of the chosen weights from the last update on.
        recovery: the factor of the other weights from then on until the cut; negative ones
            undo weight decay.
    """

    def __init__(
        self,
        *,
        begin: Written,
        end: Written,
        cut: Written,
        interval: Written,
        ceiling: float,
        choose: Written | None = None,
        separation: float = 0.0,
        recovery: float = 0.0,
    ) -> None:
        self.times = (begin, begin if choose is None else choose, end, cut)
        self.interval = interval
        self.separation, self.ceiling, self.recovery = separation, ceiling, recovery

    def plan(self, length: Length, latest: int) -> None:
        """Find the steps of all times in a training; `latest` is that of the latest cut.

        Raises:
            ValueError: if they are not in order, or the cut comes later.
        """
        self.begin, self.choose, self.end, self.last = map(length.count, self.times)
        self.stride = max(1, length.count(self.interval))
        if not self.begin <= self.choose < self.end <= self.last <= latest:
            raise ValueError(
                "a growing penalty needs begin <= choose < end <= cut within the training; got "
                f"steps {self.begin}, {self.choose}, {self.end}, {self.last} of {length.steps}"
            )

    def factors(self, step: int) -> tuple[float, float]:
        """The penalty's factors at a step: of the chosen weights, and of the others.

        Before the choice all weights have both alike. They rise with each update by the same
        amount: to `separation`, then on to `ceiling`.
        """
        if not self.begin <= step < self.last:
            return 0.0, 0.0
        if step < self.choose:
            factor = self.separation * self._grown(step, self.begin, self.choose)
            return factor, factor
        grown = self._grown(step, self.choose, self.end)
        return self.separation + (self.ceiling - self.separation) * grown, self.recovery

    def _grown(self, step: int, first: int, end: int) -> float:
        """The fraction of the updates from `first` until before `end` that are done at a step."""
        updates = -(-(end - first) // self.stride)
        return min(1.0, ((step - first) // self.stride + 1) / updates)
