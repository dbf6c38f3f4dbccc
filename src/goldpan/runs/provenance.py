"""Where a number comes from: the commit, the libraries, the machine and the process."""

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

from goldpan.choices import checkout

LIBRARIES = ("goldpan", "torch", "torchvision", "pytorch-lightning", "hydra-core", "numpy")


def versions() -> dict[str, str]:
    """The versions of Python and of the libraries that numbers depend on."""
    return {"python": platform.python_version()} | {name: version(name) for name in LIBRARIES}


def processor() -> dict[str, str | int]:
    """The processor, and how many of its cores this process may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
    return {"cpu": _processor(), "cores": cores}


def hardware() -> dict[str, str | int]:
    """The processor, how many cores and threads this process uses, and the GPU if there is one."""
    import torch

    found = processor() | {"threads": torch.get_num_threads()}
    if torch.cuda.is_available():
        found["gpu"] = torch.cuda.get_device_name()
    return found


def is_first_rank() -> bool:
    """Whether this process writes files and prints. Lightning sets the ranks of all others."""
    return not any(int(os.environ.get(name, "0")) for name in ("LOCAL_RANK", "NODE_RANK"))


CODE = (":/src", ":/conf", ":/run.py", ":/requirements.txt", ":/pyproject.toml")
"""What decides a run, as git names it from the top of the repository."""


RELEASE = "goldpan "


def commit() -> str:
    """The git commit of this code, "-dirty" if what can run has changed; without git its version.

    CODE can run; a log or results beside it that are not committed change nothing. The version is
    such as "goldpan 0.2.0", where goldpan was installed or git cannot be asked.
    """
    here, release = checkout(), f"{RELEASE}{version('goldpan')}"
    if here is None:  # git would tell the commit of whatever repository the installation lies in
        return release
    try:
        head = _git("rev-parse", "--short=12", "HEAD", at=here)
        return head + ("-dirty" if _git("status", "--porcelain", "--", *CODE, at=here) else "")
    except (OSError, subprocess.CalledProcessError):
        return release


def is_release(code: str) -> bool:
    """Whether what `commit` returned is a version of goldpan, and no commit."""
    return code.startswith(RELEASE)


def _git(*words: str, at: Path) -> str:
    done = subprocess.run(["git", *words], cwd=at, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
