"""What most tests need: a small network, a batch for it, and goldpan's own configuration."""

import importlib.util
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig
from torch import nn

from goldpan.layers.masked import MaskedConv2d, MaskedLinear
from goldpan.panning.agent import Agent
from goldpan.types import Batch

torch.set_num_threads(1)  # robust beside other work, and small networks gain nothing from more

CONF = Path(__file__).parents[1] / "conf"


HERE = ("localhost", "127.0.0.1", "::1", "0.0.0.0", "", None, socket.gethostname())
"""The names of this machine."""


@pytest.fixture(scope="session", autouse=True)
def nothing_from_elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reaches another machine, or finds the datasets that this one may have."""
    look_up = socket.getaddrinfo

    def look_up_here(host: Any, *args: Any, **options: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name in HERE:
            return look_up(host, *args, **options)
        raise socket.gaierror(f"a test asked for {name}; tests download nothing")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", look_up_here)
        patch.setenv("GOLDPAN_DATA", str(tmp_path_factory.mktemp("no_data")))
        yield


@pytest.fixture(scope="session")
def load_script() -> Callable[[Path], ModuleType]:
    """Loads a script that belongs to no package, as a module of its file's name."""

    def load(path: Path) -> ModuleType:
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture
def net() -> nn.Module:
    """Two convolutions with BatchNorm, one linear layer; 3 x 8 x 8 images, 5 classes."""
    torch.manual_seed(0)
    return nn.Sequential(
        MaskedConv2d(3, 6, 3, padding=1, bias=False),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        MaskedConv2d(6, 8, 3, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        MaskedLinear(8, 5),
    )


@pytest.fixture
def batch() -> Batch:
    """Twenty images, four of each of five classes."""
    generator = torch.Generator().manual_seed(1)
    return torch.randn(20, 3, 8, 8, generator=generator), torch.arange(20) % 5


@pytest.fixture(scope="session")
def agent_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An agent for synflow, snip and grasp that was never trained."""
    torch.manual_seed(0)
    actor = nn.Sequential(nn.Linear(7, 8), nn.ReLU(), nn.Linear(8, 3), nn.Tanh())
    path = tmp_path_factory.mktemp("agent") / "agent.pt"
    Agent(actor.state_dict(), ("synflow", "snip", "grasp")).write(path)
    return path


@pytest.fixture
def configure(tmp_path: Path) -> Callable[..., DictConfig]:
    """configure("method=snip", ...) composes conf/run.yaml as the command line does."""

    def composed(*overrides: str) -> DictConfig:
        with initialize_config_dir(str(CONF), version_base="1.3"):
            return compose("run", [f"output={tmp_path}", "logger=none", *overrides])

    return composed


@pytest.fixture
def compile_modes(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """The modes that torch.compile is given; it compiles nothing: inductor would take a minute."""
    modes, compile_ = list[str | None](), torch.compile

    def eagerly(net: nn.Module, mode: str | None) -> object:
        modes.append(mode)
        return compile_(net, backend="eager")

    monkeypatch.setattr(torch, "compile", eagerly)
    return modes
