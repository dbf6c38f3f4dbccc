"""Scorers that break in every way that a cell can break."""

import errno
import os
import signal
from typing import NoReturn

import torch


def raises(*_: object, **options: object) -> NoReturn:
    raise RuntimeError("the scorer broke")


def segfaults(*_: object, **options: object) -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def exits(*_: object, **options: object) -> None:
    os._exit(4)


def eats_all_memory(*_: object, **options: object) -> torch.Tensor:
    return torch.zeros(10**15)


def finds_no_room(*_: object, **options: object) -> NoReturn:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
