"""Prune a network before it is trained, or at any step of a loop, by a method of conf."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from omegaconf import DictConfig
from torch import Tensor, nn

from goldpan.api.configuring import compose_checked
from goldpan.api.networks import require_prunable, shape_of, unwrap
from goldpan.cost import check_connected
from goldpan.layers.swap import swap_layers
from goldpan.masks import Masks, read_masks, set_masks, write_masks
from goldpan.rounds import prune_in_rounds, shuffle
from goldpan.runs.build import build
from goldpan.types import Allocator, Batch, DrawBatches, Loss, Schedule, Scorer

BEFORE, PAN = (
    "goldpan.training.callbacks.prune_before.PruneBefore",
    "goldpan.panning.callback.Pan",
)
"""The pruners of conf that cut once, without a training before."""

NO_DATA = ("random", "magnitude")
"""Scorers that look at the weights alone."""

SHAPE_ONLY = ("synflow", "ntk_sap")
"""Scorers of whose batches the images' shape counts alone."""


def prune(
    model: nn.Module,
    method: str | Scorer,
    sparsity: float,
    *,
    batches: Sequence[Batch] | DrawBatches | None = None,
    example: Tensor | None = None,
    loss: Loss = F.cross_entropy,
    rounds: int | None = None,
    allocation: str | Allocator | None = None,
    schedule: str | Schedule | None = None,
    seed: int = 0,
    options: Sequence[str] = (),
) -> Masks:
    """Cut weights of the network in place, and return its masks.

    Its Conv2d and Linear layers get a buffer `mask` each; parameters, optimizers that hold them,
    hooks and logits at sparsity 0 stay what they were. A network that has masks is cut further.

    >>> import torch, goldpan as gp
    >>> model = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.ReLU(), torch.nn.Linear(16, 2))
    >>> masks = gp.prune(model, "snip", 0.75, batches=[(torch.randn(9, 8), torch.arange(9) % 2)])
    >>> masks.kept, masks.total, gp.sparsity(model)
    (40, 160, 0.75)

    Args:
        model: any network of Conv2d and Linear layers that takes one tensor and returns logits.
        method: the name of a file in conf/method that prunes before training, such as "snip",
            "grasp", "synflow", "force" or "panning"; it has the rounds, schedule, rounding and
            options that the file says. Or a scorer of your own: (model, batches, loss) -> weight
            name -> scores of the weight's shape, of which the highest are kept.
        sparsity: the fraction of all prunable weights that is zero afterwards, in [0, 1).
        batches: [(x, y), ...] of images (N, C, H, W) and labels (N,); the loss is averaged over
            them. Or a function from the number of a round, from 1 on, to such a list. "random" and
            "magnitude" need none, "synflow" and "ntk_sap" an `example` alone.
        example: a batch of images, of which the shape counts; needed where `batches` are not given.
        loss: (logits, y) -> the mean loss, a scalar.
        rounds: of scoring and cutting; None is what the method's file says.
        allocation: how the cuts are spread over the layers: "global_top", "layerwise", "erk",
            "igq", "lamp", or a function; None is what the file says.
        schedule: the sparsity of each round: "one_shot", "linear", "cubic", "exponential", or a
            function from progress in [0, 1] to sparsity; None is what the file says.
        seed: of methods that draw random numbers.
        options: more words of the command line, such as "method.pruner.scorer.steps=5",
            "controls.invert=true" or "agent=agent.pt".

    Raises:
        ValueError: if there is no such method or option, it does not prune before training, it
            needs batches, or the sparsity is outside [0, 1) or below that of the network's masks.
        TypeError: if `batches` is no list of (x, y) tensors.
        LayerCollapse: if no path of kept weights is left; the network is cut all the same. It is
            checked where the shape of an image is known.
    """
    words = {"allocation": allocation, "schedule": schedule, "method.pruner.rounds": rounds}
    chosen = [f"{name}={word}" for name, word in words.items() if isinstance(word, str | int)]
    if not isinstance(method, str) and not callable(method):
        raise TypeError(f"method is a name or a scorer; got a {type(method).__name__}")
    named = method if isinstance(method, str) else "magnitude"  # whose scorer is replaced
    cfg = _compose(named, sparsity, [f"seed={seed}", *chosen, *options])
    given: Sequence[Batch] | DrawBatches = () if batches is None else batches
    none = isinstance(given, Sequence) and not given
    if none and isinstance(method, str):  # a scorer of one's own may need none
        given = _instead_of_batches(method, cfg, example)
    draw, shape = _draw(model, given, example)
    net = unwrap(model)
    require_prunable(net)
    before = read_masks(swap_layers(net))
    # Rounding may have cut one weight more than was asked for.
    back = round((1 - sparsity) * before.total) > before.kept + 1
    if back and not cfg.method.pruner.get("revive"):
        raise ValueError(
            f"sparsity={sparsity} is less than the {before.sparsity:.4g} that the network has "
            "already; weights that were cut do not come back"
        )
    own = {"scorer": method, "allocator": allocation, "schedule": schedule}
    try:
        masks = _find(cfg, net, draw, loss, {n: f for n, f in own.items() if callable(f)})
    except BaseException:  # an interrupt too: the masks of half the rounds are of no use
        set_masks(net, before)
        raise
    if cfg.method.pruner.shuffle:
        masks = shuffle(masks, seed)
    write_masks(net, masks)
    if shape is not None:
        check_connected(net, shape)
    return masks


def _find(
    cfg: DictConfig, net: nn.Module, draw: DrawBatches, loss: Loss, own: dict[str, Any]
) -> Masks:
    """The method's masks, set in the network whose weights stay dense; `own` replace its parts."""
    pruner = cfg.method.pruner
    if pruner._target_ == PAN:
        from goldpan.panning.rollout import pan  # with Lightning, which no other method needs

        panning = build(pruner)
        screening = panning.screen(net, draw=draw, loss=loss)
        pan(screening, panning.policy)
        return Masks(screening.masks)
    names = ("scorer", "allocator", "schedule", "rounding")
    parts = {name: own.get(name) or build(pruner[name]) for name in names}
    flags = {name: pruner[name] for name in ("rounds", "revive", "invert")}
    return prune_in_rounds(net, draw=draw, loss=loss, **parts, **flags)


def _compose(method: str, sparsity: float, words: Sequence[str]) -> DictConfig:
    """The configuration of a method that prunes before training."""
    cfg = compose_checked([f"method={method}", *words], sparsity)
    pruner = cfg.method.get("pruner")
    if cfg.method.get("channels"):
        raise ValueError(
            f"{method} removes channels; gp.shrink(model, example, sparsity, {method!r}) does that"
        )
    if pruner is None:
        raise ValueError(f"{method} prunes nothing; leave gp.prune out")
    if pruner._target_ not in (BEFORE, PAN) or "lottery" in cfg.procedure._target_:
        raise ValueError(
            f"{method} prunes while it trains or between trainings; gp.run(['method={method}', "
            "...]) does that, or gp.prune(model, 'magnitude', ...) in your loop when it is due"
        )
    if pruner.reinitialize:
        raise ValueError("controls.reinitialize needs a model of conf; draw the weights yourself")
    return cfg


def _instead_of_batches(method: str, cfg: DictConfig, example: Tensor | None) -> list[Batch]:
    """What a method scores that is given no batches; raises ValueError if it needs some."""
    scorer = cfg.method.pruner.get("scorer")
    name = "" if scorer is None else scorer._target_.rpartition(".")[2]
    if name in NO_DATA:
        return []
    if name in SHAPE_ONLY and example is not None:
        return [(example, torch.zeros(len(example), dtype=torch.int64))]
    more = " or example=x, images of which the shape counts" if name in SHAPE_ONLY else ""
    raise ValueError(f"{method} needs batches=[(x, y), ...] to score the weights{more}")


def _draw(
    model: nn.Module, given: Sequence[Batch] | DrawBatches, example: Tensor | None
) -> tuple[DrawBatches, Sequence[int] | None]:
    """What gives a round its batches, on the model's device, and an image's shape if it is known.

    Raises:
        TypeError: if what is given are no batches.
    """
    first = given(1) if callable(given) else given
    if not isinstance(first, Sequence) or not all(map(_is_batch, first)):
        raise TypeError(
            "batches is a list of (x, y) tensors, such as [next(iter(loader))]; "
            f"got a {type(first).__name__}"
        )
    shown = first[0][0] if first else example
    device = next(unwrap(model).parameters(), torch.zeros(())).device

    def draw(done: int) -> Sequence[Batch]:
        drawn = given(done) if callable(given) else given
        return [(x.to(device), y.to(device)) for x, y in drawn]

    return draw, None if shown is None else shape_of(shown)


def _is_batch(value: object) -> bool:
    pair = isinstance(value, tuple | list) and len(value) == 2
    return pair and all(isinstance(part, Tensor) for part in value)  # type: ignore[attr-defined]
