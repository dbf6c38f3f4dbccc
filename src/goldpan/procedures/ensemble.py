"""Several networks that answer together, by the mean of their softmaxes.

S. Liu et al., FreeTickets, ICLR 2022, arXiv 2106.14568: members are sparse networks of runs that
differ in their seed (DST ensemble), or of the phases of one run (EDST ensemble).
"""

from collections.abc import Sequence
from pathlib import Path

from omegaconf import DictConfig

from goldpan.procedures.members import by_phase, by_seed
from goldpan.procedures.together import together
from goldpan.runs.record import Record


def ensemble(
    cfg: DictConfig, draft: Record, folder: Path, *, members: int | Sequence[int], bins: int
) -> Record:
    """Train the members, each a run with its record, and measure what they come to together.

    A member that was done before, by another ensemble or typed alone, is not done again.

    Args:
        members: how many, with the seeds from `seed` on; or a list of their seeds.
        bins: of the calibration error.
    """
    seeds = range(cfg.seed, cfg.seed + members) if isinstance(members, int) else members
    return together(cfg, draft, folder, by_seed(cfg, draft, folder, seeds), bins)


def ensemble_of_phases(cfg: DictConfig, draft: Record, folder: Path, *, bins: int) -> Record:
    """Train once, a run with its record, and measure what the networks of its phases come to."""
    return together(cfg, draft, folder, by_phase(cfg, draft, folder), bins)
