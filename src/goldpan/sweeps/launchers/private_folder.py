"""A folder that no other user can change, for files that are opened as code.

submitit unpickles what it finds in its folder, and a pickle may run anything.
"""

import grp
import os
import pwd
import stat
from pathlib import Path


def make_private(folder: Path) -> None:
    """Make a folder that only this user can write, unless it is there; then check it.

    Raises:
        ValueError: as `check_private`.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    check_private(folder)


def check_private(folder: Path) -> None:
    """Check that only this user can change what lies in a folder, or put another in its place.

    Raises:
        ValueError: if another user can, or if there is no such folder.
    """
    place = folder.resolve()
    for part in (place, *place.parents):
        status = part.stat() if part.is_dir() else None
        if status is None:
            fault = "is no folder"
        elif status.st_uid not in ({os.geteuid()} if part == place else {os.geteuid(), 0}):
            fault = "belongs to another user"
        # In a folder such as /tmp, which is sticky, nobody renames what is another's.
        elif _others_write(status) and (part == place or not status.st_mode & stat.S_ISVTX):
            fault = "can be written by other users"
        else:
            continue
        raise ValueError(
            f"expected {place} to be a folder that only you can change, as pickles are opened in "
            f"it, but {part} {fault}; choose launcher.folder=FOLDER, such as one below your home"
        )


def _others_write(status: os.stat_result) -> bool:
    """Whether the mode lets others write; a group of this user's own name is nobody else's."""
    if status.st_mode & stat.S_IWOTH:
        return True
    if not status.st_mode & stat.S_IWGRP:
        return False
    try:
        group, user = grp.getgrgid(status.st_gid), pwd.getpwuid(os.geteuid())
    except KeyError:  # without a name in the system's lists
        return True
    return group.gr_name != user.pw_name or not {*group.gr_mem} <= {user.pw_name}
