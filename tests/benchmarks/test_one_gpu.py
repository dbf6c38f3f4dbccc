"""The rows for a GPU, in small on the processor: what they would measure there does run."""

import pytest
import torch

from benchmarks import one_gpu

CPU = torch.device("cpu")


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"IMAGES": 200, "EPOCHS": 2, "MODEL": "lenet_300_100"}.items():
        monkeypatch.setattr(one_gpu, name, value)


@pytest.mark.usefixtures("small")
def test_epochs_of_a_compiled_and_a_plain_training(compile_modes: list[str | None]) -> None:
    pairs = one_gpu.graphs(CPU)
    assert compile_modes == ["reduce-overhead"] * 2
    assert (len(pairs.ours), len(pairs.rival)) == (2, 2)


@pytest.mark.slow
@pytest.mark.usefixtures("small")
def test_epochs_of_cells_that_share_a_device() -> None:
    pairs = one_gpu.cells(2, CPU)
    assert (len(pairs.ours), len(pairs.rival)) == (2, 2)  # of 2 + 1 epochs after the first ones
    assert "cells an hour" in pairs.note


def test_both_rankings_keep_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_gpu, "MILLION", 1000)
    monkeypatch.setattr(one_gpu, "scores", lambda _: torch.randn(20_000))
    monkeypatch.setattr(
        one_gpu,
        "compare",
        lambda ours, rival, *_, **__: one_gpu.Pairs([ours().sum()], [rival().sum()]),
    )
    pairs = one_gpu.ranking(CPU)
    assert pairs.ours == pairs.rival == [2000]
