"""Pruning in rounds: score, allocate, mask, as often as the method asks; and its controls."""

import torch
from torch import nn

from goldpan.masks import Masks, masked_layers, read_masks, set_masks
from goldpan.stream import stream
from goldpan.types import Allocator, DrawBatches, Loss, OnRound, Schedule, Scorer, Scores


def prune_in_rounds(
    model: nn.Module,
    scorer: Scorer,
    allocator: Allocator,
    schedule: Schedule,
    draw: DrawBatches,
    loss: Loss,
    *,
    rounds: int = 1,
    revive: bool = False,
    invert: bool = False,
    on_round: OnRound = lambda done, sparsity: None,
) -> Masks:
    """The masks after `rounds` rounds; they are set in the model, whose weights stay dense.

    Args:
        revive: every weight competes in each round, also those that an earlier round has cut.
        invert: keep the lowest scores instead of the highest, a control of Frankle et al., Why are
            we missing the mark?, ICLR 2021, arXiv 2009.08576.

    Raises:
        ValueError: if `rounds` is below 1, or if the first scores are all the same.
    """
    if rounds < 1:
        raise ValueError(f"pruning takes at least one round, got {rounds}")
    masks = read_masks(model)
    everything = Masks({name: torch.ones_like(mask) for name, mask in masks.items()})
    for done in range(1, rounds + 1):
        scores, sparsity = scorer(model, draw(done), loss), schedule(done / rounds)
        if done == 1 and sparsity > masks.sparsity:
            _check_ranked(model, scores)
        if invert:
            scores = {name: -score for name, score in scores.items()}
        masks = allocator(scores, sparsity, everything if revive else masks)
        set_masks(model, masks)
        on_round(done, masks.sparsity)
    return masks


def _check_ranked(model: nn.Module, scores: Scores) -> None:
    """Refuse scores that are all the same: any mask would do as well."""
    low = min(float(score.min()) for score in scores.values())
    if low != max(float(score.max()) for score in scores.values()):
        return
    zero = [name for name, layer in masked_layers(model).items() if not layer.weight.any()]
    why = f" ({', '.join(zero)} starts at zero)" if zero else ""
    first, *_, last = (*scores, *scores)
    raise ValueError(
        f"every weight, of {first} to {last}, has the score {low:g}{why}, so that nothing says "
        "which to cut; draw the weights by model.initialization=..., or choose another method"
    )


def shuffle(masks: Masks, seed: int) -> Masks:
    """As many weights kept in every layer, at random places: a control of Frankle et al."""
    shuffled = {}
    for name, mask in masks.items():
        order = torch.randperm(mask.numel(), generator=stream(seed, "shuffle", name))
        order = order.to(mask.device)
        shuffled[name] = mask.flatten()[order].view_as(mask)
    return Masks(shuffled)
