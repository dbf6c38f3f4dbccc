import errno
import os
from pathlib import Path

import pytest
import torch

from goldpan.training.callbacks.files import AtomicFiles


def test_a_full_disk_leaves_the_old_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "last.ckpt"
    AtomicFiles().save_checkpoint({"epoch": 1}, path)

    def full(content: object, file: Path) -> None:
        file.write_bytes(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match="No space left"):
        AtomicFiles().save_checkpoint({"epoch": 2}, path)
    assert AtomicFiles().load_checkpoint(path) == {"epoch": 1}
    assert list(tmp_path.iterdir()) == [path]
