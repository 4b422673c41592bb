"""The socket of a runner that serves all people of a host: who may connect, and that nobody else can take its place.

Who could put another socket in its place would be sent what people mean for the runner. So its folder, and all above
it, are to be root's or the runner's own, and nobody else's to write in.
"""

from __future__ import annotations

import grp
import os
import stat
from pathlib import Path

from runner.errors import Unavailable

_PASSABLE = 0o055


def prepare_shared_folder(folder: Path) -> None:
    """Make the folder of the shared socket, for all to pass through; raises `Unavailable` where it is not safe."""
    try:
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        for each in (folder, *folder.parents):
            _check(each)
        found = folder.stat()
        # A folder that all may pass is left as it is: it may be /tmp, and not ours alone.
        if found.st_uid == os.geteuid() and found.st_mode & _PASSABLE != _PASSABLE:
            folder.chmod(stat.S_IMODE(found.st_mode) | _PASSABLE)
    except OSError as error:
        raise Unavailable(
            f"The folder of the shared socket, {folder}, cannot be used: {error.strerror}.",
            "Start the runner as root, or name another shared_socket in runner.yml.",
        ) from error


def open_to(path: Path, group: str) -> None:
    """Let the members of `group` connect to the socket at `path`; where it is empty, everybody."""
    if not group:
        path.chmod(0o666)
        return
    try:
        os.chown(path, -1, grp.getgrnam(group).gr_gid)
    except (KeyError, OSError) as error:
        raise Unavailable(
            f"The shared socket cannot be given to the group {group!r}: {error}.",
            f"Make the group (groupadd {group}), or correct shared_group in runner.yml.",
        ) from error
    path.chmod(0o660)


def _check(folder: Path) -> None:
    found = folder.stat()
    loose = found.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not found.st_mode & stat.S_ISVTX
    if loose or found.st_uid not in (0, os.geteuid()):
        raise Unavailable(
            f"{folder}, where the shared socket is to be, is somebody else's to write in.",
            f"Make it root's alone (chown root {folder}; chmod 755 {folder}), or name another shared_socket.",
        )
