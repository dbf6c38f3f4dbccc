"""Weights to a file and back, read without running any code that the file may hold."""

import errno
import os
import pickle
from collections.abc import Mapping
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
        content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, EOFError, RuntimeError) as error:
        raise ValueError(
            f"{path} is not a checkpoint that can be loaded safely: {error}"
        ) from error
    return content


def load_weights(model: nn.Module, path: Path) -> None:
    """Load a state dict, or the network of a goldpan checkpoint, masks included if it has them.

    Raises:
        ValueError: if the file is not a checkpoint, holds more than tensors and plain values, or
            belongs to another model.
    """
    content = read_checkpoint(path)
    if COMPACTION in content.get("callbacks", {}):
        raise ValueError(
            f"{path} is the checkpoint of a compacted run; let that run end and take its model.pt"
        )
    state: dict[str, Tensor] = content.get("state_dict", content)
    state = {name.removeprefix("net."): value for name, value in state.items()}
    own = model.state_dict()
    missing = [name for name in own if name not in state and not name.endswith("mask")]
    strange = [name for name in state if name not in own]
    odd = [n for n, value in own.items() if n in state and state[n].shape != value.shape]
    if missing or strange or odd:
        raise ValueError(
            f"{path} belongs to another model: {_first(own, state, missing, strange, odd)}"
        )
    model.load_state_dict(state, strict=False)


def _first(
    own: dict[str, Tensor],
    state: dict[str, Tensor],
    missing: list[str],
    strange: list[str],
    odd: list[str],
) -> str:
    if odd:
        expected, got = tuple(own[odd[0]].shape), tuple(state[odd[0]].shape)
        return f"{odd[0]} must have shape {expected}, the file has {got}"
    return f"it lacks {missing[0]}" if missing else f"it has {strange[0]}, this model has not"
