"""Twenty training steps of six methods, bit for bit as they were when goldens.json was written.

A commit that moves one changes what every run of that method computes, and must say so in its
message. `python tests/goldens/test_goldens.py` writes those of this machine anew.

Processors of another vendor or instruction set, and other versions of torch, round otherwise, so
goldens.json has a part for each. Where this machine has none, the test compares two runs instead.
"""

import json
import platform
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from goldpan.masks import digest, read_masks
from goldpan.procedures.setup import build_system, build_trainer, load_data
from goldpan.runs.process import prepare_process
from goldpan.runs.record import Identity

GOLDENS = Path(__file__).with_name("goldens.json")
CONF = Path(__file__).parents[2] / "conf"
SHORT = (
    "model.width=0.1",
    "sparsity=0.8",
    "dataset.limit=400",  # with batches of 64, five steps an epoch
    "recipe.batch_size=64",
    "recipe.epochs=4",
    "logger=none",
    "strategy.threads=1",
    "progress=false",
)
METHODS = {
    "snip": (),
    "grasp": (),
    "synflow": ("method.pruner.rounds=10",),
    "panning": ("method.pruner.rounds=10",),
    "rni": ("model.bias=true", "model.initialization=rni", "procedure=train"),  # its training
    "gmp": (),
}

Golden = dict[str, Any]
"""The loss of each step as a hexadecimal float, and the masks' sha256."""


class Losses(pl.Callback):
    """Notes the loss of each training step."""

    def __init__(self) -> None:
        self.noted: list[str] = []

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, *rest: Any) -> None:
        self.noted.append(float(outputs["loss"]).hex())


def machine() -> str:
    """What decides how sums are rounded: processor, instructions, and torch without its patch."""
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.exists() else []
    vendors = [line.partition(":")[2].strip() for line in lines if line.startswith("vendor_id")]
    vendor = vendors[0] if vendors else platform.machine()
    version = ".".join(torch.__version__.split(".")[:2])
    return f"{vendor} {torch.backends.cpu.get_cpu_capability()}, torch {version}"


def twenty_steps(method: str, overrides: Sequence[str], folder: Path) -> Golden:
    """Prune and train a small VGG-11 on the digits."""
    folder.mkdir()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        cfg = compose("run", [f"method={method}", *SHORT, *overrides])
    prepare_process(cfg)
    data = load_data(cfg)
    system, losses = build_system(cfg, data), Losses()
    pruner = instantiate(cfg.method.pruner)
    callbacks = [losses] if pruner is None else [losses, pruner]
    who = Identity("", "digits", method, 0, {}, "")
    trainer = build_trainer(cfg, folder, who, data.steps_per_epoch, callbacks)
    trainer.fit(system, datamodule=data)
    return {"losses": losses.noted, "masks": digest(read_masks(system.net))}


@pytest.mark.parametrize("method", METHODS)
def test_twenty_steps_are_bit_for_bit_as_they_were(method: str, tmp_path: Path) -> None:
    known = json.loads(GOLDENS.read_text()).get(machine(), {})
    ours = twenty_steps(method, METHODS[method], tmp_path / "one")
    assert len(ours["losses"]) == 20
    expected = known.get(method) or twenty_steps(method, METHODS[method], tmp_path / "two")
    assert ours == expected
    if method not in known:
        pytest.skip(f"goldens.json has none for {machine()}; two runs here are equal")


def write() -> None:
    """Write this machine's goldens; those of other machines stay."""
    torch.set_num_threads(1)
    goldens = json.loads(GOLDENS.read_text()) if GOLDENS.exists() else {}
    with TemporaryDirectory() as folder:
        goldens[machine()] = {
            method: twenty_steps(method, words, Path(folder) / method)
            for method, words in METHODS.items()
        }
    GOLDENS.write_text(json.dumps(goldens, indent=1) + "\n")
    print(f"written to {GOLDENS} for {machine()}; the commit must say why they moved")


if __name__ == "__main__":
    write()
