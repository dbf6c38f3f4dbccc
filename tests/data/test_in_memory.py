from pathlib import Path

import pytest
import torch

from goldpan.data import in_memory, vision
from goldpan.data.vision import VisionData


def digits(root: Path) -> VisionData:
    return VisionData("digits", str(root), batch_size=10)


def test_what_is_in_memory_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_memory, "_in_memory", {})
    read, counted = in_memory.read_splits, list[str]()

    def counting(*source: object) -> object:
        counted.append(str(source[0]))
        return read(*source)  # type: ignore[arg-type]

    monkeypatch.setattr(in_memory, "read_splits", counting)
    monkeypatch.setattr(vision, "read_splits", counting)
    digits(tmp_path).load()
    digits(tmp_path).load()
    assert len(counted) == 2  # nothing stays in memory unless it is asked to
    torch.set_num_threads(2)
    digits(tmp_path).keep_in_memory()
    digits(tmp_path).keep_in_memory()
    assert torch.get_num_threads() == 2
    torch.set_num_threads(1)
    one, two = digits(tmp_path), digits(tmp_path)
    one.load()
    two.load()
    assert len(counted) == 3
    assert one.train.images.data_ptr() == two.train.images.data_ptr()  # type: ignore[union-attr]
    digits(tmp_path / "other").load()
    assert len(counted) == 4
