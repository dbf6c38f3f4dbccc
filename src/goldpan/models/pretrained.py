"""Weights for a network from elsewhere: what fits is loaded, and what was drawn anew is said."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

SHOWN = 6
"""Names in a sentence."""


@dataclass(frozen=True)
class Start:
    """Where a network's first weights are from.

    `source` names a file or a library's weights, `loaded` counts the tensors from there, and `anew`
    names those that were drawn by the seed instead. Masks count as neither.
    """

    source: str
    loaded: int
    anew: tuple[str, ...]

    def sentence(self) -> str:
        """All of it in one line."""
        names = ", ".join(self.anew[:SHOWN]) or "nothing"
        more = f" and {len(self.anew) - SHOWN} more" if len(self.anew) > SHOWN else ""
        total = self.loaded + len(self.anew)
        return (
            f"first weights: {self.loaded} of {total} tensors from {self.source}; drawn anew: "
            f"{names}{more}"
        )


def start_of(net: nn.Module) -> Start | None:
    """Where the network's first weights are from; None if all were drawn."""
    return getattr(net, "start", None)


def note_start(net: nn.Module, source: str, anew: Collection[str]) -> None:
    """Remember with the network where its weights are from; copies of it remember too."""
    weights = [name for name in net.state_dict() if not name.endswith("mask")]
    net.start = Start(source, len(weights) - len(anew), tuple(anew))  # type: ignore[assignment]


def load_fitting(net: nn.Module, state: Mapping[str, Tensor], source: str) -> None:
    """Load every tensor that has the name and the shape of one of the network's.

    Raises ValueError if none has.
    """
    own = net.state_dict()
    fitting = {n: v for n, v in state.items() if n in own and v.shape == own[n].shape}
    if not fitting:
        raise ValueError(
            f"nothing of {source} fits this network: it has {_first(state)}, the network "
            f"{_first(own)}; choose the network that it was made with"
        )
    net.load_state_dict(fitting, strict=False)
    anew = [name for name in own if name not in fitting and not name.endswith("mask")]
    note_start(net, source, anew)


def of_classifier(net: nn.Module, classes: int) -> set[str]:
    """The names of the tensors of each layer that has an output for each class."""
    heads = classifier_layers(net, classes)
    return {f"{name}.{tensor}" for name in heads for tensor in ("weight", "bias", "mask")}


def classifier_layers(net: nn.Module, classes: int) -> dict[str, nn.Module]:
    """The layers that have an output for each class, by name."""
    return {name: layer for name, layer in net.named_modules() if _outputs(layer) == classes}


def _outputs(layer: nn.Module) -> int | None:
    weight = layer._parameters.get("weight")
    return len(weight) if isinstance(weight, torch.Tensor) and weight.dim() > 1 else None


def _first(state: Mapping[str, Tensor]) -> str:
    name = next(iter(state), None)
    return "nothing" if name is None else f"{name} of shape {tuple(state[name].shape)}"
