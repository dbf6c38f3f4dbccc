"""Random numbers by purpose: what two parts of a run draw from one seed has nothing in common."""

from hashlib import blake2b

import torch


def stream(*key: int | str) -> torch.Generator:
    """A CPU generator whose numbers depend on the key alone, such as (seed, "order", epoch)."""
    digest = blake2b(repr(key).encode(), digest_size=8).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest) >> 1)


def scoring_seed(seed: int, number: int) -> int:
    """The seed of the batches that a round of scoring sees, `number` counting steps and rounds."""
    # Plain arithmetic and not `stream`: committed records hold masks found on these batches.
    return seed * 1_000_003 + number
