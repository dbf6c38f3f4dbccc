"""STAMP: a generator, learnt on many tasks, prunes for a new one from a look at its images.

M. Song et al., Rapid Structural Pruning of Neural Networks with Set-based Task-Adaptive
Meta-Pruning, arXiv 2006.12139: a network is trained on reference classes; a set encoder reads
images of a task and a generator gives masks of filters; both are meta-learnt over random subsets of
the reference classes, with few steps of the weights in between. For a target they prune in one
pass, before it is trained on.

*Interpretation:* there is no code, and only abstract and introduction were at hand. An image is
described by the mean activations of the reference network's channels; a small perceptron encodes
it, the mean over the images is the set's code, and a linear head a layer gives the logits of masks.
A task's loss, on images other than those that were encoded, is that of the reference classifier
among the task's classes, after K steps of SGD on the weights under the masks; of these steps no
derivative is taken. To it comes lambda times the mean of the masks. At the target the channels are
ranked by their logits, and as many stay as the sparsity says.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from goldpan.channels.gates import gated, layer_gates
from goldpan.channels.groups import ChannelGroup, by_group
from goldpan.channels.mask_generator import MaskGenerator, image_features
from goldpan.gradients import mean_loss
from goldpan.stream import stream
from goldpan.types import Batch, Loss


@dataclass(frozen=True)
class MetaTraining:
    """How the generator is learnt.

    Args:
        steps: of Adam, each on a task of its own.
        classes: of a task, drawn from the reference classes.
        size: images that are encoded, and as many others that the loss is of.
        width: of the encoder's layers.
        rate: of Adam.
        price: lambda, of the mean mask.
        inner_steps: K, of SGD on the weights at `inner_rate`, on the images that are encoded.
    """

    steps: int = 200
    classes: int = 2
    size: int = 64
    width: int = 64
    rate: float = 0.003
    price: float = 0.5
    inner_steps: int = 1
    inner_rate: float = 0.01


def meta_train(
    model: nn.Module,
    groups: Sequence[ChannelGroup],
    pool: Batch,
    loss: Loss,
    options: MetaTraining,
    seed: int,
) -> MaskGenerator:
    """Learn the generator on tasks from a pool of images (N, C, H, W) of the reference classes.

    The network is left as it is.

    Raises:
        ValueError: if a task has more classes than there are, or one class, or too few images.
    """
    check_tasks(pool[1], options)
    device, drawn = next(model.parameters()).device, stream(seed, "stamp")
    images, labels = pool[0].to(device), pool[1].to(device)
    features = image_features(model, groups, images)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        size = sum(group.size for group in groups)
        generator = MaskGenerator(features.shape[1], size, options.width).to(device)
    optimizer = torch.optim.Adam(generator.parameters(), lr=options.rate)
    for _ in range(options.steps):
        classes, shown, asked = draw_task(pool[1], options, drawn)
        limited = among(loss, classes)
        masks = generator(features[shown]).sigmoid()
        support, query = ((images[part], labels[part]) for part in (shown, asked))
        weights = adapted(model, groups, masks.detach(), support, limited, options)
        value = masked_loss(model, groups, masks, weights, query, limited)
        optimizer.zero_grad()
        (value + options.price * masks.mean()).backward()
        optimizer.step()
    return generator


def generated(
    model: nn.Module,
    groups: Sequence[ChannelGroup],
    generator: MaskGenerator,
    batches: Sequence[Batch],
) -> dict[str, Tensor]:
    """The logits of the channels of each group, (size,), for the task that the images are of."""
    device = next(model.parameters()).device
    features = [image_features(model, groups, images.to(device)) for images, _ in batches]
    with torch.no_grad():
        return by_group(groups, generator(torch.cat(features)))


def check_tasks(labels: Tensor, options: MetaTraining) -> None:
    """Make sure that tasks can be drawn from the pool's labels (N,).

    Raises:
        ValueError: if a task has more classes than there are, or one class, or too few images.
    """
    _, counts = labels.unique(return_counts=True)
    if not 2 <= options.classes <= len(counts):
        raise ValueError(
            f"expected tasks of 2 to {len(counts)} classes, as many as the reference has, got "
            f"{options.classes}"
        )
    fewest = int(counts.sort()[0][: options.classes].sum())
    if 2 * options.size > fewest:
        raise ValueError(
            f"expected a task's {options.size} images to encode and {options.size} others among "
            f"those of {options.classes} classes, got {fewest} in the pool; make it larger or the "
            "tasks smaller"
        )


def draw_task(
    labels: Tensor, options: MetaTraining, drawn: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """The classes of a task, and the indices of images to encode and of others, in labels (N,)."""
    known = labels.unique()
    classes = known[torch.randperm(len(known), generator=drawn)[: options.classes]].sort()[0]
    there = torch.isin(labels, classes).nonzero().flatten()
    chosen = there[torch.randperm(len(there), generator=drawn)[: 2 * options.size]]
    return classes, chosen[: options.size], chosen[options.size :]


def among(loss: Loss, classes: Tensor) -> Loss:
    """The loss of logits (N, K) among some classes, whose labels they keep."""

    def limited(logits: Tensor, labels: Tensor) -> Tensor:
        places = labels[:, None] == classes.to(labels.device)
        return loss(logits[:, classes.to(logits.device)], places.int().argmax(1))

    return limited


def adapted(
    model: nn.Module,
    groups: Sequence[ChannelGroup],
    masks: Tensor,
    batch: Batch,
    loss: Loss,
    options: MetaTraining,
) -> dict[str, Tensor]:
    """The weights after K steps of SGD on a batch under masks (n,), without a graph."""
    weights = {name: parameter.detach() for name, parameter in model.named_parameters()}
    for _ in range(options.inner_steps):
        leaves = {name: weight.clone().requires_grad_() for name, weight in weights.items()}
        value = masked_loss(model, groups, masks, leaves, batch, loss)
        slopes = torch.autograd.grad(value, list(leaves.values()), materialize_grads=True)
        weights = {
            name: weight - options.inner_rate * slope
            for (name, weight), slope in zip(weights.items(), slopes, strict=True)
        }
    return weights


def masked_loss(
    model: nn.Module,
    groups: Sequence[ChannelGroup],
    masks: Tensor,
    weights: Mapping[str, Tensor],
    batch: Batch,
    loss: Loss,
) -> Tensor:
    """The loss of a batch with masks (n,) on the channels, normalised by the batch."""
    with gated(model, layer_gates(groups, by_group(groups, masks), masks.device)):
        return mean_loss(model, dict(weights), batch, loss)
