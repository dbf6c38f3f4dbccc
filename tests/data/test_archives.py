import io
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from goldpan.data import archives
from goldpan.data.folders import list_members
from goldpan.data.unpack import unpack

Make = Callable[..., Path]


@pytest.fixture(params=[".zip", ".tar", ".tar.gz"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """An archive with one good file and then another, which may be a link or a device."""
    suffix: str = request.param

    def make(name: str, content: bytes = b"x", kind: int = stat.S_IFREG) -> Path:
        path = tmp_path / f"archive{suffix}"
        files = {"photos/cat/1.png": (b"good", stat.S_IFREG), name: (content, kind)}
        if suffix == ".zip":
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as zipped:
                for file, (text, mode) in files.items():
                    info = zipfile.ZipInfo(file)
                    info.external_attr = (mode | 0o644) << 16
                    info.compress_type = zipfile.ZIP_DEFLATED
                    zipped.writestr(info, text)
            return path
        types = {stat.S_IFLNK: tarfile.SYMTYPE, stat.S_IFCHR: tarfile.CHRTYPE}
        with tarfile.open(path, "w:gz" if suffix == ".tar.gz" else "w") as tar:
            for file, (text, mode) in files.items():
                member = tarfile.TarInfo(file)
                member.size, member.type = len(text), types.get(mode, tarfile.REGTYPE)
                if mode == stat.S_IFLNK:
                    member.linkname, member.size = text.decode(), 0
                tar.addfile(member, io.BytesIO(text))
        return path

    return make


def test_plain_files_are_listed(make: Make) -> None:
    assert list_members(make("photos/dog/2.png")) == ["photos/cat/1.png", "photos/dog/2.png"]


@pytest.mark.parametrize(
    "name", ["../evil", "photos/../../evil", "/etc/evil", "C:/evil", r"..\evil"]
)
def test_a_name_that_leads_out_is_refused(make: Make, name: str) -> None:
    with pytest.raises(ValueError, match=r"got the name .*evil'; nothing was unpacked"):
        list_members(make(name))


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR])
def test_a_link_or_a_device_is_refused(make: Make, kind: int) -> None:
    with pytest.raises(ValueError, match=r"got the link or device 'photos/cat/2.png'"):
        list_members(make("photos/cat/2.png", b"/etc/passwd", kind))


def test_far_more_than_its_own_size_is_refused(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "HARMLESS", 10_000)
    archive = make("photos/dog/zeros.png", bytes(1_000_000))
    if archive.suffix == ".tar":
        assert list_members(archive)  # not packed at all
        return
    with pytest.raises(ValueError, match=r"got 1,000,004 bytes in [\d,]+, up to 'photos/dog/zero"):
        list_members(archive)


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    """Its header says 100 GB; there is nothing behind it."""
    member = tarfile.TarInfo("photos/dog/zeros.png")
    member.size = 100 * 2**30
    (tmp_path / "bomb.tar").write_bytes(member.tobuf())
    with pytest.raises(ValueError, match=r"got 107,374,182,400 bytes in [0-9,]+, up to"):
        list_members(tmp_path / "bomb.tar")


@pytest.mark.parametrize("make", [".tar", ".tar.gz"], indirect=True)  # zips are never unpacked
def test_nothing_of_a_refused_archive_is_written(make: Make, tmp_path: Path) -> None:
    archive = make("../evil")
    before = {*tmp_path.rglob("*")}
    with pytest.raises(ValueError, match=r"got the name '../evil'"):
        unpack(archive, tmp_path / "photos")
    assert {*tmp_path.rglob("*")} - before <= {tmp_path / "photos.lock"}


def test_an_encrypted_zip_is_refused_by_the_name_of_its_file(tmp_path: Path) -> None:
    path = tmp_path / "secret.zip"
    with zipfile.ZipFile(path, "w") as zipped:
        zipped.writestr("cat/1.png", b"x")
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1  # zipfile writes none, so its flag is set here
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"without a password, got .*secret\.zip, in which cat/1"):
        list_members(path)
