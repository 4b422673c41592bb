"""A file while it arrives: written beside its place under another name, checked, then renamed."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from floyd_tui.errors import FilesInTheWay, TransferError
from floyd_tui.sizes import human_size
from runner.models import FileInfo

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
# Less than this is not worth keeping for the next try.
_WORTH_KEEPING = 1 << 20
_CHUNK = 1 << 20
# Of files that are not whole yet.
ENDING = ".floyd-part"


class PartFile:
    """One file of a download. Its methods block: call them in threads, one at a time.

    `same` says that the file is at its place already, with the same content. `version` is the stamp of a running job's
    file where that version alone is wanted; `passed` says then that it is another by now, or not whole yet. `placed`
    says that it came, `mtime_ns` is its time then. What comes to its place meanwhile, or is changed there, is not
    written over.
    """

    # A download may be of a million files: each takes as little room as it can until it comes.
    __slots__ = ("_before", "_file", "_path", "_sha", "info", "mtime_ns", "passed", "placed", "same", "version")

    def __init__(self, info: FileInfo, path: Path, same: bool, version: str = "") -> None:
        self.info, self.same, self.version = info, same, version
        self.passed = self.placed = False
        self.mtime_ns = 0
        self._path = os.fspath(path)
        self._before = None if same else _look(path)
        self._file: BinaryIO | None = None
        self._sha: hashlib._Hash | None = None

    @property
    def path(self) -> Path:
        """Its place."""
        return Path(self._path)

    @property
    def _prefix(self) -> str:
        return f".{hashlib.sha256(os.fsencode(os.path.basename(self._path))).hexdigest()[:8]}-"

    @property
    def _part(self) -> Path:
        # By name and digest: a later try finds it, and two files of one folder with one content do not share it.
        mark = (self.info.digest or self.version)[:16] or "live"
        return Path(os.path.dirname(self._path), f"{self._prefix}{mark}{ENDING}")

    def open(self) -> int:
        """Open the part; returns how many bytes of an earlier try it holds. Raises `TransferError`."""
        self._sha = hashlib.sha256()
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        try:
            self._file = os.fdopen(os.open(self._part, flags, self._mode), "rb+")
            if not self._goes_on or os.fstat(self._file.fileno()).st_size > self.info.size:
                self._file.truncate(0)
            while chunk := self._file.read(_CHUNK):
                self._sha.update(chunk)
            return self._file.tell()
        except OSError as error:
            raise self._cannot(error) from error

    def write(self, pieces: Sequence[bytes]) -> None:
        """Append what came; raises `TransferError`, on a full disk for example."""
        assert self._file is not None
        assert self._sha is not None
        for data in pieces:
            self._sha.update(data)
        try:
            self._file.writelines(pieces)
        except OSError as error:
            raise self._cannot(error) from error

    def finish(self) -> bool:
        """Put the file at its place; False, and nothing left of it, where its content is not what was promised."""
        assert self._file is not None
        assert self._sha is not None
        try:
            self._file.close()
            if self.info.digest and self._sha.hexdigest() != self.info.digest:
                self._part.unlink()
                return False
            when = self.info.modified_at
            if not self.info.digest and when is not None and self._part.stat().st_size == self.info.size:
                # A running job's file has no digest yet: its time tells the next download that this is it.
                os.utime(self._part, (when, when))
            self._put(self._part)
        except OSError as error:
            raise self._cannot(error) from error
        return True

    def store(self, content: bytes) -> bool:
        """Put a small file at its place in one go; False, and nothing done, where it is not what was promised."""
        if self.info.digest and hashlib.sha256(content).hexdigest() != self.info.digest:
            return False
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        part = self._part
        try:
            with open(os.open(part, flags, self._mode), "wb", buffering=0) as file:
                rest = memoryview(content)
                while rest:
                    rest = rest[file.write(rest) :]
            self._put(part)
        except OSError as error:
            with contextlib.suppress(OSError):
                part.unlink()
            raise self._cannot(error) from error
        return True

    def abandon(self) -> None:
        """Give up for now: what the next try can go on with is kept."""
        if self._file is None:
            return
        with contextlib.suppress(OSError):  # a full disk shows once more when the rest of a buffer is written
            self._file.close()
        if self._part.exists() and (not self._goes_on or self._part.stat().st_size < _WORTH_KEEPING):
            self._part.unlink()

    def is_outdated(self, part: Path) -> bool:
        """Whether `part`, in this file's folder, is what is left of fetching another version of it."""
        return part.name.startswith(self._prefix) and part != self._part

    def _put(self, part: Path) -> None:
        if _look(self.path) != self._before:
            part.unlink()
            hint = "Try again: you will be asked what is to become of it."
            raise FilesInTheWay(f"{self.path} was changed here meanwhile.", hint, [str(self.path)])
        self.mtime_ns = part.stat().st_mtime_ns
        os.replace(part, self._path)
        self.placed = True

    @property
    def received(self) -> str:
        """The digest of what came."""
        return self.info.digest or (self._sha.hexdigest() if self._sha else "")

    @property
    def _goes_on(self) -> bool:
        """Whether what has come so far may be gone on with another time."""
        return bool(self.info.digest or self.version) and not self.passed

    @property
    def _mode(self) -> int:
        return 0o777 if self.info.executable else 0o666

    def _cannot(self, error: OSError) -> TransferError:
        if error.errno in _FULL:
            usage = shutil.disk_usage(self.path.parent)
            left = f"{human_size(usage.free)} of {human_size(usage.total)} are free"
            return TransferError(
                f"The disk of {self.path.parent} is full: {left}.",
                "Make room there, then try again: what is here already is kept.",
            )
        return TransferError(
            f"{self.path} cannot be written: {error.strerror or error}.", "Choose another folder, or make room there."
        )


def _look(path: Path) -> tuple[int, int, int] | None:
    """What tells whether the file at `path` is still the one that was there; None where there is none."""
    try:
        status = path.lstat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns
