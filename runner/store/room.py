"""The room on the store's disk: what launches and uploads may take of it, and what is left alone.

A disk that is full to the last byte stops every job that writes. So the runner refuses new things early, while what
runs can still go on and there is room for collecting, for checkpoints, and for a person to look round.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from runner.errors import NoSpace
from runner.store.disk import MAKE_ROOM, format_size

_MOST, _PERCENT = 1 << 30, 5


class Room:
    """The disk that `folder` lies on, with `reserve` bytes to be left free; None: 1 GiB, or 5 % of a small disk."""

    def __init__(self, folder: Path, reserve: int | None = None) -> None:
        self._folder = folder
        total = shutil.disk_usage(folder).total
        self.reserve = min(_MOST, total * _PERCENT // 100) if reserve is None else reserve

    def require(self, needed: int, files: int = 0) -> None:
        """Raise `NoSpace` if `needed` bytes in `files` new files would go into the reserve, before any is written.

        What needs nothing always fits. Blocks: the disk is asked.
        """
        if needed or files:
            self._require(needed, files, f"{format_size(needed)} are to come")

    def require_for_job(self, needed: int) -> None:
        """The same for a job, whose code takes `needed` bytes, and what it will write nobody knows."""
        self._require(needed, 0, f"the job's code takes {format_size(needed)}" if needed else "a job wants to write")

    def _require(self, needed: int, files: int, why: str) -> None:
        free = shutil.disk_usage(self._folder).free
        if needed + self.reserve > free:
            kept = f"; {format_size(self.reserve)} are kept in reserve" if self.reserve else ""
            raise NoSpace(f"The disk of {self._folder} has {format_size(free)} free, and {why}{kept}.", MAKE_ROOM)
        names = os.statvfs(self._folder)
        # Some file systems (btrfs) have no table of inodes, and say 0.
        if names.f_files and files > names.f_favail:
            raise NoSpace(
                f"The disk of {self._folder} has room for {names.f_favail:,} more files, and {files:,} are to come.",
                MAKE_ROOM,
            )
