"""Any classifier of torchvision or timm by its name, with masked layers.

It is randomly initialised unless pretrained weights are asked for, which alone are downloaded. Both
libraries are imported when first used: they take seconds.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from goldpan.layers.masked import MaskedConv2d, MaskedLinear
from goldpan.layers.swap import swap_layers
from goldpan.models.initialize import initialize, seeded
from goldpan.models.pretrained import load_fitting, note_start
from goldpan.models.sizes import require_positive

LARGE = 224
"""Pixels of ImageNet's images, which nearly every network of both libraries takes."""


def torchvision_model(
    classes: int = 1000,
    channels: int = 3,
    image_size: int = 224,
    *,
    name: str,
    conv: type[MaskedConv2d] = MaskedConv2d,
    linear: type[MaskedLinear] = MaskedLinear,
    initialization: str = "default",
    weights: str | None = None,
    seed: int = 0,
) -> nn.Module:
    """Build the classifier of `torchvision.models` that bears this name.

    `initialization="default"` is torchvision's own. `weights` names pretrained ones of torchvision,
    such as IMAGENET1K_V1; what does not fit the classes or channels stays drawn by the seed. With
    channels other than 3, the first convolution is drawn anew for them. GoogLeNet and Inception
    come without auxiliary outputs.

    Raises ValueError if no classifier has that name, a size is below 1, or images of `image_size`
    do not pass through it.
    """
    from torchvision import models

    require_positive(classes=classes, channels=channels, image_size=image_size)
    _require_known(name, models.list_models(module=models), "torchvision")
    with seeded(seed), _fitting(name, image_size):
        net = models.get_model(
            name, weights=None, num_classes=classes, **_torchvision_options(name, image_size)
        )
        if channels != 3:
            _rebuild_first_convolution(net, channels)
        _try(net, channels, image_size)
    if weights is not None:
        _require_default(initialization, "weights")
        load_fitting(net, _read_torchvision(name, weights), f"{name}'s {weights} of torchvision")
    return _masked(net, conv, linear, initialization, seed)


def timm_model(
    classes: int = 1000,
    channels: int = 3,
    image_size: int = 224,
    *,
    name: str,
    conv: type[MaskedConv2d] = MaskedConv2d,
    linear: type[MaskedLinear] = MaskedLinear,
    initialization: str = "default",
    pretrained: bool = False,
    seed: int = 0,
) -> nn.Module:
    """Build timm's model of this name; `initialization="default"` is timm's.

    `pretrained` loads its weights as timm does: for other channels than 3 the first layer's are
    adapted, and for other classes than theirs the classifier is drawn by the seed. Transformers
    of a fixed input size are built for `image_size`; other models take any.

    Raises ModuleNotFoundError if timm is not installed, ValueError as `torchvision_model`.
    """
    try:
        import timm
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"The model {name!r} needs timm, which is not installed: run `pip install timm`."
        ) from error

    require_positive(classes=classes, channels=channels, image_size=image_size)
    _require_known(name, {*timm.list_models(), *timm.list_pretrained()}, "timm")
    known = timm.get_pretrained_cfg(name)
    sized = known is not None and known.fixed_input_size
    options = {"img_size": image_size} if sized else {}
    with seeded(seed), _fitting(name, image_size):
        net = timm.create_model(
            name, pretrained=False, num_classes=classes, in_chans=channels, **options
        )
        _try(net, channels, image_size)
    if pretrained:
        _require_default(initialization, "pretrained")
        options |= {"num_classes": classes, "in_chans": channels}
        with seeded(seed), _downloading(name, "pretrained=true"):
            net = timm.create_model(name, pretrained=True, **options)
        heads = known.classifier if isinstance(known.classifier, tuple) else (known.classifier,)
        anew = [n for n in net.state_dict() if n.rpartition(".")[0] in heads]
        note_start(net, f"timm's {name}", anew if known.num_classes != classes else ())
    return _masked(net, conv, linear, initialization, seed)


def _read_torchvision(name: str, weights: str) -> Mapping[str, Tensor]:
    """The state dict of pretrained weights, downloaded unless that was done before."""
    from torchvision import models

    known = models.get_model_weights(name).__members__
    if weights not in known:
        listed = ", ".join(known) or "none"
        raise ValueError(f"model.weights of {name} is one of {listed}; got {weights}")
    with _downloading(name, f"weights={weights}", known[weights].url):
        state: Mapping[str, Tensor] = known[weights].get_state_dict(progress=False, check_hash=True)
    return state


@contextmanager
def _downloading(name: str, asked: str, url: str = "") -> Iterator[None]:
    """Raise ValueError, in one sentence, if pretrained weights cannot be had."""
    try:
        yield
    except Exception as error:  # of many kinds: the libraries that download have their own
        why = " ".join(str(error).split()) or type(error).__name__
        place = Path(torch.hub.get_dir()) / "checkpoints" / Path(url).name
        where = f"put {url} at {place}" if url else "fill timm's cache on a machine with network"
        raise ValueError(
            f"the weights of {name} cannot be had ({why}): {where}, or leave out model.{asked}"
        ) from error


def _require_default(initialization: str, asked: str) -> None:
    if initialization != "default":
        raise ValueError(
            f"model.{asked} are the first weights, so model.initialization stays default; got "
            f"{initialization}"
        )


def _require_known(name: str, known: Collection[str], library: str) -> None:
    if name not in known:
        close = ", ".join(get_close_matches(name, known, n=5)) or "none"
        raise ValueError(
            f"name must be one of the {len(known)} names of {library}, got {name!r}; "
            f"close matches: {close}."
        )


@contextmanager
def _fitting(name: str, image_size: int) -> Iterator[None]:
    """Raise ValueError, in one sentence, if images of this size cause an error in the block."""
    try:
        yield
    except (RuntimeError, ValueError, AssertionError) as error:
        raise ValueError(
            f"{name} takes no images of {image_size} x {image_size} pixels "
            f"({' '.join(str(error).split())}); choose another model, or larger images: "
            "dataset.size=224 scales image files"
        ) from error


@torch.no_grad()
def _try(net: nn.Module, channels: int, image_size: int) -> None:
    """Let one image pass through the network, unless it is as large as ImageNet's."""
    if image_size < LARGE:
        net.eval()
        net(torch.zeros(1, channels, image_size, image_size))
        net.train()


def _torchvision_options(name: str, image_size: int) -> dict[str, Any]:
    """Return what a few of torchvision's builders must be told beyond the classes."""
    if name.startswith("vit_"):
        return {"image_size": image_size}
    if name.startswith("maxvit_"):
        return {"input_size": (image_size, image_size)}
    if name in ("googlenet", "inception_v3"):
        return {"aux_logits": False, "init_weights": True}
    return {}


def _rebuild_first_convolution(net: nn.Module, channels: int) -> None:
    first = next(module for module in net.modules() if isinstance(module, nn.Conv2d))
    first.in_channels = channels
    first.weight = nn.Parameter(torch.empty(first.out_channels, channels, *first.kernel_size))
    first.reset_parameters()


def _masked(
    net: nn.Module,
    conv: type[MaskedConv2d],
    linear: type[MaskedLinear],
    initialization: str,
    seed: int,
) -> nn.Module:
    """Swap the layers, and draw the weights unless the library's own stay."""
    swap_layers(net, conv=conv, linear=linear)
    if initialization != "default":
        initialize(net, initialization, seed)
    return net
