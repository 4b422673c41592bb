"""The data folder from its door: private, and one daemon's at a time. Knows nothing of what is inside."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from runner.errors import Conflict, Unavailable

_LOCK_TRIES, _LOCK_SECONDS = 10, 0.02


def prepare_folder(folder: Path) -> None:
    """Make the data folder, private; raises `Unavailable` where that cannot be."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
    except OSError as error:
        hint = "Choose a folder of yours with --data-dir."
        raise Unavailable(f"The data folder {folder} cannot be used: {error.strerror}.", hint) from error


def lock_holder(lock: Path) -> int | None:
    """Process id of the daemon that holds `lock`, or None where no daemon runs."""
    try:
        with lock.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(file.read() or 0)
    except FileNotFoundError:
        pass
    return None


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the folder's lock, which a crash lets go of by itself; raises `Conflict` if another daemon has it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if not _lock(descriptor):
            raise Conflict(
                f"A runner (process {path.read_text()}) serves {path.parent} already.",
                "Use it, or stop it: floyd-runner stop.",
            )
        # In this order: over what is there a number can be written also where a job has filled the disk.
        os.ftruncate(descriptor, os.pwrite(descriptor, str(os.getpid()).encode(), 0))
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    """Take the lock; False if another keeps it. `lock_holder` holds it for a moment to ask, so one try is too few."""
    for _ in range(_LOCK_TRIES):
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        time.sleep(_LOCK_SECONDS)
    return False
