"""Room kept back on the disk, so that how a job ended can be written down although a job has filled it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

# A state change takes a few pages of the write-ahead log; this is room for hundreds.
_SIZE = 1 << 20
# Kept back again only once there is this much room, in bytes: not from under the job that needs the last of it.
_ROOMY = 16 * _SIZE


class Reserve:
    """A file of 1 MiB that means nothing; not thread-safe."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._held = path.exists()
        self._wanted = 2 * _SIZE

    def keep(self) -> None:
        """Hold the room, unless it is held already or the disk has hardly any."""
        if self._held or shutil.disk_usage(self._path.parent).free < self._wanted:
            return
        try:
            with self._path.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, _SIZE)
        except OSError:
            self._path.unlink(missing_ok=True)
            return
        self._held = True

    def release(self) -> bool:
        """Give the room to whoever writes next; False where there is none to give."""
        if not self._held:
            return False
        self._path.unlink(missing_ok=True)
        self._held, self._wanted = False, _ROOMY
        return True
