"""Walking folders that a job has written, which may be hostile: links planted anywhere, names changed underneath.

Every step is taken from an open folder with O_NOFOLLOW, so that no link ever leads out of the root.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from runner.models.manifest import EntryKind

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# O_NONBLOCK: opening a FIFO must not wait for its other end.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
# Linux takes no longer paths, so a chain of folders deeper than this could not be used by name anywhere.
_MAX_PATH = 4096


@dataclass(frozen=True, slots=True)
class Found:
    """One thing of a walk: its path from the root, what it is, and its `os.stat_result`. `target` is a link's."""

    path: str
    kind: EntryKind
    stat: os.stat_result
    target: str = ""

    @property
    def executable(self) -> bool:
        """Whether its owner may execute it."""
        return bool(self.stat.st_mode & stat.S_IXUSR)


@contextlib.contextmanager
def open_folder(root: Path, path: str = "") -> Iterator[int]:
    """A descriptor of the folder `path` below `root`; raises `OSError` where it is none or a link stands in the way.

    `path` is one that `runner.models.check_path` accepts, or empty for the root itself.
    """
    descriptor = os.open(root, _FOLDER)
    try:
        for part in path.split("/") if path else ():
            inner = os.open(part, _FOLDER, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = inner
        yield descriptor
    finally:
        os.close(descriptor)


def open_file(root: Path, path: str) -> int:
    """A descriptor for reading the regular file `path` below `root`; raises `OSError` where there is none."""
    folder, _, name = path.rpartition("/")
    with open_folder(root, folder) as parent:
        return open_regular(parent, name)


def open_regular(parent: int, name: str) -> int:
    """Open the regular file `name` in an open folder, never a link, device or FIFO; raises `OSError`."""
    descriptor = os.open(name, _FILE, dir_fd=parent)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FileNotFoundError(f"{name!r} is not a regular file")
    return descriptor


def open_own(path: Path, flags: int) -> int:
    """Open a file that is the runner's to open, also where a job took the right from it; never a link.

    `flags` are `os.open`'s. Raises `OSError`.
    """
    flags |= os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        return os.open(path, flags)
    except PermissionError:
        handle = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            os.chmod(f"/proc/self/fd/{handle}", 0o600)
        finally:
            os.close(handle)
        return os.open(path, flags)


def walk(root: Path, path: str = "", recursive: bool = True) -> Iterator[Found]:
    """What lies below `path` of `root`: files, links and folders; sockets, FIFOs and devices are passed over.

    So is what vanishes or cannot be read meanwhile. Nothing is open while the caller has control.
    """
    waiting = [path]
    while waiting:
        folder = waiting.pop()
        for found in _list(root, folder):
            if found.kind == "dir" and recursive and len(os.fsencode(found.path)) < _MAX_PATH:
                waiting.append(found.path)
            yield found


def _list(root: Path, folder: str) -> list[Found]:
    with contextlib.suppress(OSError), open_folder(root, folder) as descriptor, os.scandir(descriptor) as listing:
        prefix = f"{folder}/" if folder else ""
        found = (_look(descriptor, entry.name, prefix + entry.name) for entry in listing)
        return sorted((one for one in found if one is not None), key=lambda one: os.fsencode(one.path))
    return []


def _look(parent: int, name: str, path: str) -> Found | None:
    try:
        status = os.stat(name, dir_fd=parent, follow_symlinks=False)
        if stat.S_ISLNK(status.st_mode):
            return Found(path, "link", status, os.readlink(name, dir_fd=parent))
    except OSError:
        return None
    if stat.S_ISDIR(status.st_mode):
        return Found(path, "dir", status)
    return Found(path, "file", status) if stat.S_ISREG(status.st_mode) else None
