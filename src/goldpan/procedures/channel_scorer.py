"""What scores the channels of a method, with the images that it asks for."""

from collections.abc import Callable
from functools import partial
from inspect import signature

import torch
from omegaconf import DictConfig
from torch import Tensor

from goldpan.channels.choosing import ChannelScorer, channel_scores
from goldpan.data.vision import VisionData
from goldpan.procedures.recipe import choose_loss
from goldpan.runs.build import build
from goldpan.stream import scoring_seed


def build_scorer(cfg: DictConfig, data: VisionData) -> ChannelScorer:
    """The method's scorer; one with `method.channels.sampling` is given `batches` and `loss`.

    The batches are of training images, normalised, not augmented, and the same in every round. The
    loss is the recipe's.

    Raises:
        ValueError: if there are too few images, or the scorer needs some and the method has none.
    """
    channels = cfg.method.channels
    score: Callable[..., dict[str, Tensor]] = build(channels.get("scorer")) or channel_scores
    if (sampling := build(channels.get("sampling"))) is None:
        try:
            signature(score).bind("model", "groups")
        except TypeError as error:
            raise ValueError(
                f"this scorer of channels sees images ({error}); say how many by "
                "method.channels.sampling, as in method=taylor"
            ) from error
        return score
    batches = data.draw_batches(sampling, scoring_seed(cfg.seed, 0), torch.device("cpu"))
    return partial(score, batches=batches, loss=choose_loss(cfg.recipe))
