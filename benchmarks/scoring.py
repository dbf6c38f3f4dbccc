"""Rows 8 and 9: SynFlow and GraSP against their published loops, in our own words."""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.measure import Pairs, compare
from benchmarks.rows import Row, at_least
from benchmarks.workloads import NETS, SHAPE, batch
from goldpan.allocation.global_top import global_top
from goldpan.channels.surgery import plain
from goldpan.masks import Masks, read_masks, set_masks
from goldpan.rounds import prune_in_rounds
from goldpan.schedules.sparsity import exponential
from goldpan.scorers.grasp import grasp
from goldpan.scorers.synflow import synflow
from goldpan.types import Batch

ROUNDS = 10  # of SynFlow's hundred, which cost the same each
SPARSITY = 0.98
IMAGES = 100  # ten of each class
TEMPERATURE = 200.0


def synflow_rounds(net: nn.Module, images: Batch) -> Masks:
    """SynFlow by goldpan, from the dense network on."""
    set_masks(net, Masks({name: torch.ones_like(mask) for name, mask in read_masks(net).items()}))
    return prune_in_rounds(
        net,
        synflow,
        global_top,
        lambda progress: exponential(progress, target=SPARSITY),
        lambda _: [images],
        F.cross_entropy,
        rounds=ROUNDS,
    )


def prunable(net: nn.Module) -> dict[str, Tensor]:
    """The weights of convolutions and linear layers, by goldpan's names."""
    return {
        f"{name}.weight": module.weight
        for name, module in net.named_modules()
        if isinstance(module, nn.Conv2d | nn.Linear)
    }


def published_synflow(net: nn.Module, device: torch.device) -> dict[str, Tensor]:
    """SynFlow as algorithm 1 of arXiv 2006.05467 goes: `net` float64, all its weights positive.

    In each round the weights are multiplied by their masks, ones go forward, the sum of the logits
    goes backward, and one torch.kthvalue over all scores gives the threshold.
    """
    weights = prunable(net)
    dense = {name: weight.detach().clone() for name, weight in weights.items()}
    masks = {name: torch.ones_like(weight) for name, weight in dense.items()}
    total = sum(weight.numel() for weight in dense.values())
    for done in range(1, ROUNDS + 1):
        for name, weight in weights.items():
            weight.data = dense[name] * masks[name]
        net.zero_grad()
        net(torch.ones(1, *SHAPE, dtype=torch.float64, device=device)).sum().backward()
        scores = {name: (w.grad * w.detach()).abs() for name, w in weights.items()}  # type: ignore[operator]
        flat = torch.cat([score.flatten() for score in scores.values()])
        kept = round((1 - SPARSITY) ** (done / ROUNDS) * total)
        threshold = torch.kthvalue(flat, total - kept + 1).values
        masks = {name: (score >= threshold).double() for name, score in scores.items()}
    for name, weight in weights.items():
        weight.data = dense[name]
    return masks


def synflow_time(device: torch.device) -> Pairs:
    """ROUNDS rounds on VGG-16; the masks have to be the same."""
    net = NETS["VGG-16"]().to(device)
    positive = plain(net).double().eval()
    for name, parameter in positive.named_parameters():
        parameter.data = torch.zeros_like(parameter) if "bias" in name else parameter.data.abs()
    images = batch(device, 1)
    ours, theirs = synflow_rounds(net, images), published_synflow(positive, device)
    _require_equal({name: mask.double() for name, mask in ours.items()}, theirs, 0.0)
    return compare(
        lambda: synflow_rounds(net, images),
        lambda: published_synflow(positive, device),
        15,
        warm=False,
        device=device,
        note=f"{ROUNDS} of the 100 rounds; the masks are identical.",
    )


def published_grasp(net: nn.Module, images: Batch) -> dict[str, Tensor]:
    """GraSP in the two passes of arXiv 2002.07376: the gradient, then a graph of it anew."""
    named, (x, y) = prunable(net), images
    weights = list(named.values())
    first = torch.autograd.grad(F.cross_entropy(net(x) / TEMPERATURE, y), weights)
    loss = F.cross_entropy(net(x) / TEMPERATURE, y)
    again = torch.autograd.grad(loss, weights, create_graph=True)
    inner = torch.stack([(g * h).sum() for g, h in zip(first, again, strict=True)]).sum()
    products = torch.autograd.grad(inner, weights)
    scores = [w.detach() * product for w, product in zip(weights, products, strict=True)]
    return dict(zip(named, scores, strict=True))


def grasp_time(device: torch.device) -> Pairs:
    """One scoring of VGG-16; the scores have to be the same."""
    net, images = NETS["VGG-16"]().to(device), batch(device, IMAGES)
    peer = plain(net).train()
    ours = grasp(net, [images], F.cross_entropy, temperature=TEMPERATURE)
    _require_equal(ours, published_grasp(peer, images), 1e-4)
    return compare(
        lambda: grasp(net, [images], F.cross_entropy, temperature=TEMPERATURE),
        lambda: published_grasp(peer, images),
        15,
        warm=False,
        device=device,
        note="The scores are equal.",
    )


def _require_equal(
    ours: Mapping[str, Tensor], theirs: Mapping[str, Tensor], tolerance: float
) -> None:
    for name, values in ours.items():
        difference = float((values - theirs[name]).abs().max())
        if not difference <= tolerance * float(theirs[name].abs().max()):
            raise RuntimeError(f"{name} differs by {difference:.3g} from the published loop's")


ROWS = [
    Row(
        8,
        "synflow",
        "SynFlow in float64, VGG-16, to 98 %",
        "the published loop, torch.kthvalue over all scores in each round",
        at_least(2.2),
        "Its hundred rounds are mostly selection, and that is fast now.",
        synflow_time,
    ),
    Row(
        9,
        "grasp",
        f"GraSP in one pass, VGG-16, {IMAGES} images",
        "the published two passes",
        at_least(1.3),
        "The graph of the gradient holds the gradient already.",
        grasp_time,
    ),
]
