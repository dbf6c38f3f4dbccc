"""What the members of an ensemble come to together, put into its record."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import mean
from time import perf_counter

import torch
from omegaconf import DictConfig
from torch import Tensor, nn

from goldpan.cost import cost
from goldpan.data.loaders import Loader
from goldpan.data.vision import VisionData
from goldpan.predictions import (
    accuracy,
    calibration_error,
    disagreement,
    divergence,
    mean_softmax,
    negative_log_likelihood,
)
from goldpan.procedures.loggers import close_loggers, open_loggers
from goldpan.procedures.measure import count_costs, sparsity_of
from goldpan.procedures.members import Found
from goldpan.procedures.setup import build_network, load_data
from goldpan.runs.checkpoint import load_weights
from goldpan.runs.record import Record
from goldpan.runs.refusal import refusing
from goldpan.runs.results import Accuracies, Accuracy, Sparsity
from goldpan.runs.results_of_procedures import EnsembleFigures, EnsembleResult


def together(
    cfg: DictConfig, draft: Record, folder: Path, found: Sequence[Found], bins: int
) -> Record:
    """The draft with what the ensemble of these networks comes to; nothing is trained.

    All predict in float32. On validation images they are measured if all held out the same ones:
    those of another member's training would flatter the ensemble.
    """
    start = perf_counter()
    with refusing():
        data = load_data(cfg)
        nets = [_load(cfg, data, one.weights) for one in found]
    loggers = open_loggers(cfg, folder, draft.identity)
    *val, test = data.val_dataloader()
    clean = val if len({one.split for one in found}) == 1 else []
    sparsities = [sparsity_of(net, data.image_shape, cfg.sparsity) for net in nets]
    result = EnsembleResult(
        members=tuple(one.member for one in found),
        test=_figures(cfg, nets, test, data, bins),
        val=_figures(cfg, nets, clean[0], data, bins) if clean else None,
        bins=bins,
        sparsity=_mean(sparsities),
        flops_without_cut=sum(cost(net, data.image_shape).flops_kept for net in nets),
    )
    last = Accuracy(
        epoch=max(member.accuracy.epoch for member in result.members),
        test=result.test.accuracy,
        val=result.val.accuracy if result.val else None,
        step=max(member.accuracy.step or 0 for member in result.members) or None,
    )
    seconds = {"members": sum(one.seconds for one in found), "evaluation": perf_counter() - start}
    record = replace(
        draft,
        status="collapsed" if result.sparsity.effective == 1 else "finished",
        error=None,
        origin=replace(draft.origin, data=data.describe()),
        accuracies=Accuracies(last),
        costs=count_costs(nets[0], data.image_shape, seconds, None),
        ensemble=result,
    )
    close_loggers(loggers, record, [])
    return record


def _load(cfg: DictConfig, data: VisionData, weights: Path) -> nn.Module:
    """The network that these weights are of."""
    if not weights.exists():
        raise FileNotFoundError(
            f"{weights} of a member is gone; rerun=all with its own command makes it again"
        )
    net = build_network(cfg, data, cfg.seed)
    load_weights(net, weights)
    return net.eval()


def _figures(
    cfg: DictConfig, nets: Sequence[nn.Module], loader: Loader, data: VisionData, bins: int
) -> EnsembleFigures:
    """What the networks come to on the images of one loader."""
    found = [_predict(cfg, net, loader, data) for net in nets]
    logits, labels = torch.stack([one for one, _ in found]), found[0][1]
    averaged = mean_softmax(logits)
    return EnsembleFigures(
        accuracy(averaged, labels),
        negative_log_likelihood(averaged, labels),
        calibration_error(averaged, labels, bins=bins),
        disagreement(logits),
        divergence(logits),
    )


@torch.no_grad()
def _predict(
    cfg: DictConfig, net: nn.Module, loader: Loader, data: VisionData
) -> tuple[Tensor, Tensor]:
    """Logits (N, K) and labels of a loader's images, on the CPU."""
    chosen = cfg.strategy.devices
    number = chosen[0] if not isinstance(chosen, int | str) else 0
    device = torch.device("cpu" if cfg.strategy.accelerator == "cpu" else f"cuda:{number}")
    net.to(device)
    logits, answers = list[Tensor](), list[Tensor]()
    for images, labels in loader:
        x, _ = data.on_after_batch_transfer((images.to(device), labels), 0)
        logits.append(net(x).cpu())
        answers.append(labels)
    net.cpu()
    return torch.cat(logits), torch.cat(answers)


def _mean(found: Sequence[Sparsity]) -> Sparsity:
    """The mean of each sparsity over the members."""
    known = [one.effective for one in found if one.effective is not None]
    return Sparsity(
        asked=found[0].asked,
        got=mean(one.got for one in found),
        parameters=mean(one.parameters for one in found),
        effective=mean(known) if len(known) == len(found) else None,
        layers={name: mean(one.layers[name] for one in found) for name in found[0].layers},
    )
