"""Several networks that answer together, by the mean of their softmaxes.

S. Liu et al., FreeTickets, ICLR 2022, arXiv 2106.14568: members are sparse networks of runs that
differ in their seed (DST ensemble), or of the phases of one run (EDST ensemble).
"""

from collections.abc import Sequence
from pathlib import Path

from omegaconf import DictConfig

from goldpan.procedures.members import members_of_run
from goldpan.procedures.setup import load_data
from goldpan.procedures.together import together
from goldpan.procedures.train import choose_members
from goldpan.runs.record import Record
from goldpan.runs.refusal import refusing


def ensemble(
    cfg: DictConfig, draft: Record, folder: Path, *, members: int | Sequence[int], bins: int
) -> Record:
    """Train the members, each a run with its record, and measure what they come to together.

    A run that was done before, by another ensemble or typed alone, is not done again. A method that
    keeps networks of its phases gives them all, any other the last network of each run.

    Args:
        members: how many runs, with the seeds from `seed` on; or a list of their seeds.
        bins: of the calibration error.
    """
    seeds = range(cfg.seed, cfg.seed + members) if isinstance(members, int) else members
    found = [members_of_run(cfg, draft, folder, seed) for seed in seeds]
    return together(cfg, draft, folder, [one for run in found for one in run], bins)


def ensemble_of_phases(cfg: DictConfig, draft: Record, folder: Path, *, bins: int) -> Record:
    """Train once, a run with its record, and measure what the networks of its phases come to."""
    with refusing():
        phases = len(choose_members(cfg, load_data(cfg), folder).begins)
        if phases < 2:
            raise ValueError(
                f"expected two phases or more, got {phases}; change "
                "method.members.calendar, or choose procedure=ensemble, whose members are runs"
            )
    found = members_of_run(cfg, draft, folder, cfg.seed)
    return together(cfg, draft, folder, found, bins)
