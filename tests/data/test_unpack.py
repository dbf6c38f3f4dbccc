import gzip
from pathlib import Path

import pytest

from goldpan.data import unpack as module
from goldpan.data.unpack import unpack


def test_a_file_is_unpacked_once(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"one"))
    unpack(tmp_path / "a.gz", tmp_path / "a")
    (tmp_path / "a.gz").unlink()
    unpack(tmp_path / "a.gz", tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"one"


def test_a_gzip_bomb_is_refused_before_a_byte_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HARMLESS", 100_000)
    (tmp_path / "a.gz").write_bytes(gzip.compress(bytes(100_001)))
    with pytest.raises(ValueError, match=r"at most 100000 bytes in .*a.gz, got more; nothing"):
        unpack(tmp_path / "a.gz", tmp_path / "a")
    assert sorted(path.name for path in tmp_path.iterdir()) in (["a.gz"], ["a.gz", "a.lock"])
