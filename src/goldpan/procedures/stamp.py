"""Train on other classes, learn there what to prune for a task, then prune and train on these."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

import torch
from omegaconf import DictConfig
from torch import nn

from goldpan.channels.choosing import prunable_groups
from goldpan.channels.stamp import MetaTraining, check_tasks, generated, meta_train
from goldpan.channels.surgery import shrink
from goldpan.data.sampling import Sampling
from goldpan.data.vision import VisionData
from goldpan.models.pretrained import load_fitting, of_classifier
from goldpan.procedures.beginning import begin_untrained
from goldpan.procedures.measure import sum_seconds
from goldpan.procedures.recipe import choose_loss
from goldpan.procedures.setup import build_network, build_system, load_data
from goldpan.procedures.stage import perform_stage
from goldpan.procedures.train import finish
from goldpan.procedures.train_prune_finetune import (
    check_channels,
    measure_thinned,
    thin,
    training_stage,
    tune,
)
from goldpan.runs.build import build
from goldpan.runs.checkpoint import read_weights
from goldpan.runs.record import WEIGHTS, Record
from goldpan.runs.refusal import refusing
from goldpan.stream import scoring_seed
from goldpan.types import Batch

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Reference:
    """The classes that come before those of the run, and the network for them.

    `stage` is the configuration of its training; `pool` has as many training images of each class.
    """

    stage: DictConfig
    pool: Batch
    net: nn.Module

    def setting(self, draft: Record) -> str:
        """The setting of the run, with the reference's classes in the place of its own."""
        typed = re.sub(r" dataset\.only_classes=\S+", "", draft.identity.setting)
        labels = ",".join(str(label) for label in self.stage.dataset.only_classes)
        return f"{typed} dataset.only_classes=[{labels}]"


def stamp(
    cfg: DictConfig, draft: Record, folder: Path, *, reference: Sequence[int] | None
) -> Record:
    """Prune a network of the reference classes for the run's own, and train it on these.

    The run's classes are `dataset.only_classes`. The training on the reference classes is a run of
    its own, done once. The record's seconds have `training` of the pruned network alone, `scoring`
    for its masks, and `meta_training` of the generator, which other targets could use as it is.

    Args:
        reference: labels of the other classes; None: all that the run has not.
    """
    with refusing():
        data, options = load_data(cfg), dict(cfg.method.channels.generator)
        sampled = Sampling(per_class=options.pop("pool"))
        before = read_reference(cfg, data, reference, sampled)
        training = MetaTraining(**options)
        check_tasks(before.pool[1], training)
        system = build_system(cfg, data)
        check_channels(cfg, system.net, data.image_shape)
        sampling = build(cfg.method.channels.sampling)
        batches = data.draw_batches(sampling, scoring_seed(cfg.seed, 0), CPU)
    other = replace(draft, identity=replace(draft.identity, setting=before.setting(draft)))
    _, place = perform_stage(before.stage, other, folder.parent, "reference")
    state = read_weights(place / WEIGHTS)
    before.net.load_state_dict(state)
    head = of_classifier(system.net, data.classes)
    body = {name: value for name, value in state.items() if name not in head}
    load_fitting(system.net, body, place.name)
    loss, seconds = choose_loss(cfg.recipe), dict[str, float]()
    groups = prunable_groups(before.net, data.image_shape, cfg.method.channels.scope)
    begun = perf_counter()
    generator = meta_train(before.net, groups, before.pool, loss, training, cfg.seed)
    seconds["meta_training"] = perf_counter() - begun
    loaded = cfg.copy()
    loaded.checkpoint = None  # the reference network began with it, if there is one
    beginning = begin_untrained(loaded, draft, folder, system, data)
    begun = perf_counter()
    with refusing():
        scores = generated(before.net, groups, generator, batches)
        choice = thin(cfg, system.net, shape=data.image_shape, score=lambda *_: scores)
        net = shrink(system.net, choice.kept, data.image_shape)
    seconds["scoring"] = perf_counter() - begun
    last = tune(cfg, draft, data, net, folder, logged=True)
    seconds |= sum_seconds(last.rows)
    record = measure_thinned(cfg, draft, data, system.net, beginning, choice, last, seconds)
    finish(last.trainer, last.system, record, folder)
    return record


def read_reference(
    cfg: DictConfig, data: VisionData, labels: Sequence[int] | None, sampling: Sampling
) -> Reference:
    """The reference of a run with these images; `labels` None are all that it leaves out.

    Raises:
        ValueError: if a class is of both; if the reference has too few classes or images.
    """
    own = data.only_classes or ()
    left = [label for label in range(data.known_classes) if label not in own]
    others = left if labels is None else list(labels)
    if both := sorted(set(others) & set(own)):
        raise ValueError(
            f"procedure.reference={others} and dataset.only_classes={list(own)} share the class "
            f"{both[0]}; a target has classes of its own"
        )
    if len(others) < 2:
        raise ValueError(
            f"procedure=stamp needs a reference of two classes or more; got {len(others)}: leave "
            "more out of dataset.only_classes"
        )
    stage = training_stage(cfg)
    stage.dataset.only_classes = others
    reference = load_data(stage)
    (pool,) = reference.draw_batches(sampling, scoring_seed(cfg.seed, 0), CPU)
    net = build_network(stage, reference, cfg.seed)
    return Reference(stage, pool, net)
