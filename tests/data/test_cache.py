from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch

from goldpan.data.cache import ARRAYS, cached
from goldpan.data.datasets import Images, Splits


def splits(value: int = 1) -> Splits:
    images = torch.full((2, 1, 4, 4), value, dtype=torch.uint8)
    part = Images(images, torch.tensor([0, 1]))
    return Splits(part, part, ("a", "b"), (0.1,), (0.2,))


def unwanted() -> Splits:
    raise AssertionError("built again")


def test_what_was_built_is_read_back(tmp_path: Path) -> None:
    cached(tmp_path / "c.npz", "print", splits)
    again = cached(tmp_path / "c.npz", "print", unwanted)
    assert torch.equal(again.train.images, splits().train.images)
    assert torch.equal(again.test.labels, splits().test.labels)
    assert (again.class_names, again.mean, again.std) == (("a", "b"), (0.1,), (0.2,))


def test_another_fingerprint_builds_again(tmp_path: Path) -> None:
    cached(tmp_path / "c.npz", "print", splits)
    assert cached(tmp_path / "c.npz", "other", lambda: splits(2)).train.images.max() == 2
    assert cached(tmp_path / "c.npz", "other", unwanted).train.images.max() == 2


def flip_byte(path: Path, name: str) -> None:
    """Change one byte of an array that is stored in the file."""
    content = bytearray(path.read_bytes())
    header = content.index(b"\x93NUMPY", content.index(name.encode()))
    content[header + 128] ^= 1
    path.write_bytes(bytes(content))


@pytest.mark.parametrize(
    "damage",
    [
        *(partial(flip_byte, name=f"{name}.npy") for name in (*ARRAYS, "key", "mean")),
        lambda path: path.write_bytes(path.read_bytes()[:-300]),
        lambda path: path.write_bytes(b""),
    ],
)
def test_a_damaged_cache_is_built_again_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: Callable[[Path], None]
) -> None:
    cached(tmp_path / "c.npz", "print", splits)
    damage(tmp_path / "c.npz")
    assert cached(tmp_path / "c.npz", "print", lambda: splits(3)).train.images.max() == 3
    printed = capsys.readouterr().out
    assert printed.startswith(f"The cache {tmp_path / 'c'}")
    assert printed.endswith("it is built again.\n")
    assert cached(tmp_path / "c.npz", "print", unwanted).train.images.max() == 3


def test_a_failed_build_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="built again"):
        cached(tmp_path / "c.npz", "print", unwanted)
    assert [path.name for path in tmp_path.iterdir() if path.suffix != ".lock"] == []
