"""Room kept back on the disk, so that how a job ended can be written down although a job has filled it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

_SIZE = 1 << 20
# What a write gets at a time: a state change takes a few pages of the write-ahead log, and these are then used again.
# No more, for who has filled the disk may take what is free before the write does.
_SLICE = 16 << 10
# Kept back again only once there is this much room, in bytes: not from under the job that needs the last of it.
_ROOMY = 16 * _SIZE


class Reserve:
    """A file of 1 MiB that means nothing; not thread-safe."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._held = path.stat().st_size if path.exists() else 0
        self._wanted = 2 * _SIZE

    def keep(self) -> None:
        """Hold the room, unless it is held already or the disk has hardly any."""
        if self._held == _SIZE or shutil.disk_usage(self._path.parent).free < self._wanted:
            return
        try:
            with self._path.open("ab") as file:
                os.posix_fallocate(file.fileno(), 0, _SIZE)
        except OSError:
            self._cut(self._held)
            return
        self._held = _SIZE

    def release(self) -> bool:
        """Give a part of the room to whoever writes next; False where there is none to give."""
        if not self._held:
            return False
        self._wanted = _ROOMY
        self._cut(max(0, self._held - _SLICE))
        return True

    def _cut(self, size: int) -> None:
        """Hold only so much from now on; a check beside the runner may have given all of it away."""
        try:
            os.truncate(self._path, size)
        except OSError:
            size = 0
        self._held = size
