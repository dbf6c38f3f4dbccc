"""A network of the user's own: from any function or class that makes one."""

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

from torch import nn

from goldpan.models.initialize import seeded


def own_network(
    build: Callable[..., Any], classes: int, channels: int, image_size: int, *, seed: int
) -> nn.Module:
    """Call `build` for this data, drawing from the seed.

    It is told what it has parameters for: `classes` or `num_classes`; `channels`, `in_channels` or
    `in_chans`; `image_size` or `img_size`; `seed`. One that has none is called as it is. The
    network takes images (N, channels, image_size, image_size) and returns logits (N, classes).

    Raises ValueError if `build` needs more, or makes no network.
    """
    name = _name_of(build)
    with seeded(seed):
        net = build(**_taken(build, name, classes, channels, image_size, seed))
    if not isinstance(net, nn.Module):
        raise ValueError(f"{name} is to return a torch.nn.Module; got a {type(net).__name__}")
    return net


def _name_of(build: Callable[..., Any]) -> str:
    inner = build.func if isinstance(build, partial) else build
    return f"{inner.__module__}.{getattr(inner, '__qualname__', type(inner).__qualname__)}"


def _taken(
    build: Callable[..., Any], name: str, classes: int, channels: int, image_size: int, seed: int
) -> dict[str, int]:
    """What the function takes of the data's sizes, but for what the configuration gives it."""
    known = dict.fromkeys(("classes", "num_classes"), classes)
    known |= dict.fromkeys(("channels", "in_channels", "in_chans"), channels)
    known |= dict.fromkeys(("image_size", "img_size"), image_size) | {"seed": seed}
    given = build.keywords if isinstance(build, partial) else {}
    parameters = inspect.signature(build).parameters.values()
    named = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    for one in named:
        if one.default is one.empty and one.name not in {*known, *given}:
            raise ValueError(
                f"{name} needs {one.name}; set it by model.{one.name}=VALUE. Of itself goldpan "
                f"gives {', '.join(known)}"
            )
    return {p.name: known[p.name] for p in named if p.name in known and p.name not in given}
