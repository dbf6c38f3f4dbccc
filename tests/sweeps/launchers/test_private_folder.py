import os
from pathlib import Path

import pytest

from goldpan.sweeps.launchers import private_folder
from goldpan.sweeps.launchers.private_folder import check_private, make_private


def test_a_folder_is_made_for_this_user_alone(tmp_path: Path) -> None:
    make_private(tmp_path / "a/b")
    make_private(tmp_path / "a/b")
    assert (tmp_path / "a/b").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("mode", [0o777, 0o707, 0o1777])
def test_a_folder_that_others_can_write_is_refused(tmp_path: Path, mode: int) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a").chmod(mode)
    with pytest.raises(ValueError, match=r"but .*/a can be written by other users; choose"):
        make_private(tmp_path / "a")


def test_a_folder_in_one_where_others_can_rename_it_is_refused(tmp_path: Path) -> None:
    make_private(tmp_path / "a/b")
    (tmp_path / "a").chmod(0o777)
    with pytest.raises(ValueError, match=r"/a/b to be a folder .* but .*/a can be written"):
        check_private(tmp_path / "a/b")
    (tmp_path / "a").chmod(0o1777)  # as /tmp is
    check_private(tmp_path / "a/b")


def test_a_link_is_as_private_as_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs").chmod(0o777)
    (tmp_path / "mine").symlink_to(tmp_path / "theirs")
    with pytest.raises(ValueError, match=r"but .*/theirs can be written"):
        make_private(tmp_path / "mine")


def test_another_users_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(private_folder.os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(ValueError, match=r"belongs to another user"):
        make_private(tmp_path / "a")


def test_a_group_is_another_user_unless_it_has_this_users_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_private(tmp_path / "a")
    (tmp_path / "a").chmod(0o770)
    own = private_folder.grp.struct_group(("nobody-here", "x", 1, []))
    monkeypatch.setattr(private_folder.grp, "getgrgid", lambda _: own)
    with pytest.raises(ValueError, match=r"can be written by other users"):
        check_private(tmp_path / "a")
    user = private_folder.pwd.struct_passwd(("nobody-here", "x", 1, 1, "", "", ""))
    monkeypatch.setattr(private_folder.pwd, "getpwuid", lambda _: user)
    check_private(tmp_path / "a")
