"""What a process is given before it trains."""

from collections.abc import Iterator

import pytest
import torch
from omegaconf import OmegaConf

from goldpan.runs.process import prepare_process


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_flush_denormal(False)
    yield
    torch.set_num_threads(threads)
    torch.set_flush_denormal(False)


def test_numbers_too_small_to_be_computed_with_quickly_are_zero() -> None:
    assert torch.tensor([1e-39]).mul(1.0).item() > 0
    prepare_process(OmegaConf.create({"strategy": {"accelerator": "cpu", "threads": 1}}))
    assert torch.get_num_threads() == 1
    assert torch.tensor([1e-39]).mul(1.0).item() == 0
    assert torch.tensor([1.2e-38]).mul(1.0).item() > 0


def test_a_run_on_the_processor_does_not_look_for_a_gpu_in_each_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PYTORCH_NVML_BASED_CUDA_CHECK", "1")  # as Lightning's import sets it
    prepare_process(OmegaConf.create({"strategy": {"accelerator": "cpu", "threads": 1}}))
    asked = list[bool]()
    monkeypatch.setattr(torch.cuda, "_device_count_nvml", lambda: asked.append(True) or -1)
    torch.cuda.is_available()
    assert not asked


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_strategy_for_a_gpu_is_refused_where_there_is_none() -> None:
    with pytest.raises(ValueError, match="the strategy needs a GPU and torch sees none here"):
        prepare_process(OmegaConf.create({"strategy": {"accelerator": "gpu", "threads": None}}))
