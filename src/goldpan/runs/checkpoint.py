"""Weights to a file and back, read without running any code that the file may hold."""

import errno
import os
import pickle
from collections.abc import Container, Mapping
from pathlib import Path
from shutil import disk_usage
from typing import Any

import torch
from torch import Tensor, nn

from goldpan.files import replacing

LEAST = 1 << 16
"""Bytes; a disk with less is full."""

COMPACTION = "compaction"
"""The name of the callback's state in the checkpoint of a run whose network was compacted."""


def save(content: Mapping[str, Any], path: Path) -> None:
    """Write tensors and plain values, whole or not at all.

    Raises:
        OSError: if they cannot be written.
    """
    with replacing(path) as temporary:
        try:
            torch.save(content, temporary)
        except RuntimeError as error:
            # Of a full disk torch 2.11 says "unexpected pos", as of any other that it cannot write.
            if disk_usage(path.parent).free > LEAST:
                raise
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from error


def read_checkpoint(path: Path) -> dict[str, Any]:
    """The content of a file that `save` or Lightning wrote, on the CPU.

    Raises:
        ValueError: if the file is not a checkpoint, or holds more than tensors and plain values.
    """
    try:
        content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, EOFError, RuntimeError) as error:
        raise ValueError(
            f"{path} is not a checkpoint that can be loaded safely: {error}"
        ) from error
    if not isinstance(content, dict):
        kind = "one tensor" if isinstance(content, Tensor) else f"a {type(content).__name__}"
        raise ValueError(
            f"{path} is not a checkpoint: expected weights by their names, got {kind}; take a "
            "file that torch.save wrote of model.state_dict()"
        )
    return content


def load_weights(model: nn.Module, path: Path) -> None:
    """Load a state dict, or the network of a goldpan checkpoint, masks included if it has them.

    Raises:
        ValueError: if the file is not a checkpoint, holds more than tensors and plain values, or
            belongs to another model.
    """
    state = read_weights(path)
    check_same_model(model, state, path)
    model.load_state_dict(state, strict=False)


def read_weights(path: Path) -> dict[str, Tensor]:
    """The state dict in a file, or that of the network of a goldpan checkpoint, on the CPU.

    Raises:
        ValueError: if the file is not a checkpoint, or holds more than tensors and plain values.
    """
    content = read_checkpoint(path)
    if COMPACTION in content.get("callbacks", {}):
        raise ValueError(
            f"{path} is the checkpoint of a compacted run; let that run end and take its model.pt"
        )
    found = content.get("state_dict", content)
    if odd := _not_weights(found):
        raise ValueError(
            f"{path} is not a checkpoint: expected a tensor for each weight's name, got {odd}; "
            "take a file that torch.save wrote of model.state_dict()"
        )
    return {name.removeprefix("net."): found[name] for name in found}


def check_same_model(
    model: nn.Module, state: Mapping[str, Tensor], path: Path, but: Container[str] = ()
) -> None:
    """Check that a state dict has this model's names and shapes; those in `but` may differ.

    Raises:
        ValueError: if it has not, and belongs to another model.
    """
    own = {name: value for name, value in model.state_dict().items() if name not in but}
    state = {name: value for name, value in state.items() if name not in but}
    missing = [name for name in own if name not in state and not name.endswith("mask")]
    strange = [name for name in state if name not in own]
    other = [n for n, value in own.items() if n in state and state[n].shape != value.shape]
    if state and own and not {*own} & {*state} - {*other}:
        raise ValueError(
            f"{path} belongs to another model: nothing of it fits, "
            f"{_first(own, state, missing, strange, other)}"
        )
    if missing or strange or other:
        raise ValueError(
            f"{path} belongs to another model: {_first(own, state, missing, strange, other)}"
        )


def _not_weights(found: Any) -> str:
    """What is no tensor by a name in a state dict; empty if all is right."""
    if not isinstance(found, dict):
        return f"a {type(found).__name__}"
    wrong = (n for n, v in found.items() if not (isinstance(n, str) and isinstance(v, Tensor)))
    name = next(wrong, None)
    return "" if name is None else f"a {type(found[name]).__name__} for {name!r}"


def _first(
    own: Mapping[str, Tensor],
    state: Mapping[str, Tensor],
    missing: list[str],
    strange: list[str],
    odd: list[str],
) -> str:
    if odd:
        expected, got = tuple(own[odd[0]].shape), tuple(state[odd[0]].shape)
        return f"{odd[0]} must have shape {expected}, the file has {got}"
    return f"it lacks {missing[0]}" if missing else f"it has {strange[0]}, this model has not"
