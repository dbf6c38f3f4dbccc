"""The indices of Panning: any scorers, each turned into an absolute z-score.

Neural Network Panning, arXiv 2209.13378, read from the authors' code; their three indices are
SynFlow on the masked network, SNIP and GraSP on the dense one, raw: with the score's sign, of
the dense weight.
"""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from goldpan.types import AsIndex, Batch, Loss, Scorer

SCORERS = Path(__file__).parents[1] / "scorers"


@dataclass(frozen=True)
class Index:
    """A scorer, and whether it sees the network as masked so far or the dense one."""

    name: str
    scorer: Scorer
    masked: bool

    def __call__(self, model: nn.Module, batches: Sequence[Batch], loss: Loss) -> Tensor:
        """The raw scores of all prunable weights in one row, (M,)."""
        return torch.cat([score.flatten() for score in self.scorer(model, batches, loss).values()])


def find_indices(
    names: Sequence[str], *, temperature: float = 200.0, mask_aware: bool = False
) -> tuple[Index, ...]:
    """The scorers of these names, each used as its module's AS_INDEX declares.

    Args:
        mask_aware: all of them see the masked network, an ablation (not the authors' code).

    Raises ValueError if there is no scorer of a name, or a name comes twice, or none is given.
    """
    known = sorted(path.stem for path in SCORERS.glob("[a-z]*.py"))
    for name in names:
        if name not in known:
            raise ValueError(f"no index is called {name}; there are {', '.join(known)}")
    if not names or len(set(names)) < len(names):
        raise ValueError(f"indices must be one or more different scorers, got {list(names)}")
    return tuple(_index(name, temperature, mask_aware) for name in names)


def _index(name: str, temperature: float, mask_aware: bool) -> Index:
    module = importlib.import_module(f"goldpan.scorers.{name}")
    declared: AsIndex = getattr(module, "AS_INDEX", AsIndex())
    options: dict[str, Any] = {"raw": True} if declared.raw else {}
    options |= {"temperature": temperature} if declared.temperature else {}
    scorer = partial(getattr(module, name), **options)
    return Index(name, scorer, mask_aware or declared.sees_masks)


def absolute_z(raw: Tensor) -> Tensor:
    """|r - mean(r)| / std(r) over all M entries, std unbiased; float32.

    DERIVED: equal to the authors' |(r / mean - 1) / std(r / mean)| without its 0 / 0. Invariant to
    any affine change of r; a raw score of 0 gets |mean| / std, not 0; the sign of r is lost.
    An index that is the same everywhere says nothing: 0 (interpretation).
    """
    raw = raw.double()
    deviation, mean = torch.std_mean(raw)
    if deviation == 0:
        return torch.zeros_like(raw, dtype=torch.float32)
    return (raw - mean).abs_().div_(deviation).float()
