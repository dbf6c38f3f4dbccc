"""The one door between configuration and code: what a `_target_` names is built here alone.

A configuration may come from others, and a `_target_` can name any function there is. Those are
called that are of LIBRARIES, of the user's own modules, which lie outside the folders of Python's
library and of installed packages, and of packages that the user names by allowed=[...].
"""

from collections.abc import Collection
from functools import partial
from inspect import signature
from typing import Any

from hydra.utils import instantiate
from omegaconf import OmegaConf

from goldpan.runs.code import is_library
from goldpan.runs.fingerprint import named

LIBRARIES = ("goldpan", "torch", "torchvision", "timm", "sklearn", "pytorch_lightning", "wandb")
"""Packages whose functions may be named."""

WHITELIST = "_execution_whitelist_"
"""What Hydra from 1.4 on takes, and from 1.5 on needs: the names that it may call."""


def build(part: Any, **given: Any) -> Any:
    """What a part of the configuration describes, made by Hydra; None of None.

    Keywords in `given` come on top of the part's own.

    Raises:
        ValueError: if a `_target_` is not allowed.
        hydra.errors.InstantiationException: if what it names cannot be found or called.
    """
    is_config = OmegaConf.is_config(part)
    allowed = part._get_root().get("allowed") if is_config else None
    names = [*named(OmegaConf.to_container(part, resolve=True) if is_config else part)]
    for name in names:
        check_target(name, allowed or ())
    # Hydra 1.3 knows no such keyword and would hand it on.
    checked = {WHITELIST: names} if WHITELIST in signature(instantiate).parameters else {}
    built = instantiate(part, **given, **checked)
    if not isinstance(built, partial):
        return built
    # Hydra 1.3.8 checks a partial's names again at each call, which takes 0.1 ms of each step.
    return partial(built.func, *built.args, **built.keywords)


def check_target(target: str, allowed: Collection[str]) -> None:
    """Raise ValueError, in one sentence, if a `_target_` is of a package that may not be called."""
    package = target.partition(".")[0]
    if package not in (*LIBRARIES, *allowed) and is_library(package):
        raise ValueError(
            f"{target} is of {package}, and only what is of {', '.join(LIBRARIES)} or your own is "
            f"called; if you trust it, type allowed=[{package}]"
        )
