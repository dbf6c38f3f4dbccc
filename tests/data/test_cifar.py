"""The python version is read from pickles written here by hand, as cPickle wrote them in 2009."""

import hashlib
import pickle
from pathlib import Path

import numpy as np
import pytest

from goldpan.data.cifar import PIXELS, parse_binary, parse_pickle, read_cifar

IMAGES = np.arange(2 * PIXELS).astype(np.uint8).reshape(2, PIXELS)


def text(content: bytes) -> bytes:
    """A text of Python 2."""
    short = len(content) < 256
    head = b"U" + bytes([len(content)]) if short else b"T" + len(content).to_bytes(4, "little")
    return head + content


def old_pickle(key: bytes, labels: bytes) -> bytes:
    """A batch: its labels, then its pixels as an array of numpy."""
    numbers = b"".join(b"K" + bytes([label]) for label in labels)
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        b"(K\x01K\x02M\x00\x0c\x86cnumpy\ndtype\n" + text(b"u1") + b"K\x00K\x01\x87R\x89"
    )
    other = text(b"coarse_labels") + b"](K\x05K\x06e"
    body = other + text(key) + b"](" + numbers + b"e" + text(b"data") + array
    return b"\x80\x02}(" + body + text(IMAGES.tobytes()) + b"tbu."


@pytest.mark.parametrize("key", ["labels", "fine_labels"])
def test_a_batch_of_pickles_is_read_by_its_constants(key: str) -> None:
    pixels, labels = parse_pickle(old_pickle(key.encode(), b"\x03\x09"), key)
    assert (pixels == IMAGES).all()
    assert labels.tolist() == [3, 9]


@pytest.mark.parametrize("protocol", [2, 4])
def test_a_batch_that_python_3_wrote_is_read_too(protocol: int) -> None:
    content = pickle.dumps({"data": IMAGES, "labels": [3, 9]}, protocol)
    pixels, labels = parse_pickle(content, "labels")
    assert (pixels == IMAGES).all()
    assert labels.tolist() == [3, 9]


def test_a_pickle_that_would_run_code_runs_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torchvision.datasets import CIFAR10

    harm = tmp_path / "harm"
    code = b"\x80\x02cos\nmkdir\n" + text(str(harm).encode()) + b"\x85R0"
    content = code + old_pickle(b"labels", b"\x01\x02")[2:]
    checksum = hashlib.md5(content).hexdigest()
    folder = tmp_path / CIFAR10.base_folder
    folder.mkdir()
    for kind in ("train_list", "test_list"):
        monkeypatch.setattr(CIFAR10, kind, [[kind, checksum]])
        (folder / kind).write_bytes(content)
    train, test = read_cifar("cifar10", tmp_path, lambda _: None)
    assert train.labels.tolist() == test.labels.tolist() == [1, 2]
    assert not harm.exists()
    pickle.loads(content[: content.index(b"\x85R0") + 2] + b".")
    assert harm.exists()  # so it would have


def test_a_file_that_is_not_the_authors_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cifar-100-binary").mkdir()
    (tmp_path / "cifar-100-binary/train.bin").write_bytes(b"\0" * (PIXELS + 2))
    with pytest.raises(ValueError, match=r"train.bin with sha256:f312.*got another file; delete"):
        read_cifar("cifar100", tmp_path, lambda _: None)


def test_the_last_label_of_a_binary_row_is_the_class() -> None:
    row = bytes([7, 42]) + IMAGES[0].tobytes()
    pixels, labels = parse_binary(row, labels=2)
    assert labels.tolist() == [42]
    assert (pixels[0] == IMAGES[0]).all()
