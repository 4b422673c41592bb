"""Files as the store needs them: reflinks, durable batches, and errors of a full disk told with figures."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from runner.errors import NoSpace
from runner.threads import unchecked

COPY_CHUNK = 1 << 20
# From this many files on, one syncfs is cheaper than an fsync each.
_SYNCFS_FROM = 16
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FICLONE = 0x40049409
_NO_CLONE = frozenset({errno.EOPNOTSUPP, errno.EXDEV, errno.EINVAL, errno.ENOTTY, errno.ENOSYS, errno.EPERM})
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
# What to do about a full disk; the API adds what a collection would free.
MAKE_ROOM = "Delete jobs or datasets there that are no longer needed, then try again: what is there already is kept."
_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB")


def format_size(size: float) -> str:
    """A size for a sentence: ``512 bytes``, ``3.2 GiB``."""
    unit = 0
    while size >= 1024 and unit < len(_UNITS) - 1:
        size, unit = size / 1024, unit + 1
    return f"{size:.0f} {_UNITS[unit]}" if unit == 0 else f"{size:.1f} {_UNITS[unit]}"


@contextlib.contextmanager
def full_disk_told(folder: Path) -> Iterator[None]:
    """Turn a full disk or quota into `NoSpace` with the figures of the disk that `folder` lies on."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        usage = shutil.disk_usage(folder)
        raise NoSpace(
            f"The disk of {folder} is full: {format_size(usage.free)} of {format_size(usage.total)} are free.",
            MAKE_ROOM,
        ) from error


def copy_contents(source: int, target: int, check: Callable[[], None] = unchecked) -> None:
    """Copy the whole of an open file into another, new one: sharing the blocks where the file system can.

    `check` is called before each part and may raise.
    """
    try:
        fcntl.ioctl(target, _FICLONE, source)
        return
    except OSError as error:
        if error.errno not in _NO_CLONE:
            raise
    while os.sendfile(target, source, None, COPY_CHUNK):
        check()


def copy_file(source: Path, target: Path, mode: int, check: Callable[[], None] = unchecked) -> None:
    """Copy a file to a path that must not exist yet, with exactly `mode`; raises what `check` does, called often."""
    reading = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
    try:
        writing = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            copy_contents(reading, writing, check)
            os.fchmod(writing, mode)
        finally:
            os.close(writing)
    finally:
        os.close(reading)


def make_durable(folder: Path, paths: Iterable[Path]) -> None:
    """Return when `paths` (files or folders on the file system of `folder`) will survive a power cut."""
    each = list(paths)
    if len(each) >= _SYNCFS_FROM and _syncfs(folder):
        return
    for path in each:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def write_durably(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Write a whole file so that after any crash the old or the new one is there, never a part."""
    temporary = path.with_name(f".{path.name}.{os.urandom(6).hex()}")
    try:
        with full_disk_told(path.parent):
            temporary.write_bytes(data)
            temporary.chmod(mode)
            make_durable(path.parent, [temporary])
            temporary.rename(path)
            make_durable(path.parent, [path.parent])
    finally:
        temporary.unlink(missing_ok=True)


def remove_tree(folder: Path) -> None:
    """Remove a folder with all that is in it, read-only folders too; one that is not there is no error.

    However deep it is: a job makes folders in folders as it likes, and `shutil.rmtree` would call itself for each.
    """
    if not folder.is_dir() or folder.is_symlink():
        return
    folder.chmod(0o700)
    top = os.open(folder, _FOLDER)
    try:
        left = os.listdir(top)
        while left:
            left += _remove(top, left.pop())
    finally:
        os.close(top)
    folder.rmdir()


def _remove(top: int, name: str) -> list[str]:
    """Remove a file of the open folder `top`, or a folder with its files; folders in it become `top`'s, renamed."""
    if _unlinked(top, name):
        return []
    _open_up(top, name)
    moved = []
    folder = os.open(name, _FOLDER, dir_fd=top)
    try:
        for inner in os.listdir(folder):
            if not _unlinked(folder, inner):
                _open_up(folder, inner)  # to move a folder is to write in it
                moved.append(f".{os.urandom(8).hex()}")
                os.rename(inner, moved[-1], src_dir_fd=folder, dst_dir_fd=top)
    finally:
        os.close(folder)
    os.rmdir(name, dir_fd=top)
    return moved


def _open_up(folder: int, name: str) -> None:
    """Let the owner of the folder `name` write in it: by a descriptor, for a link may have taken its place."""
    handle = os.open(name, os.O_PATH | _FOLDER, dir_fd=folder)
    try:
        os.chmod(f"/proc/self/fd/{handle}", 0o700)
    finally:
        os.close(handle)


def _unlinked(folder: int, name: str) -> bool:
    try:
        os.unlink(name, dir_fd=folder)
    except IsADirectoryError:
        return False
    return True


def _syncfs(folder: Path) -> bool:
    """Flush the file system of `folder`; False where the C library has no syncfs."""
    try:
        syncfs = ctypes.CDLL(None, use_errno=True).syncfs
    except (AttributeError, OSError):
        return False
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if syncfs(descriptor) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(folder))
    finally:
        os.close(descriptor)
    return True
