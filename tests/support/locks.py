"""A lock between test processes."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def file_lock(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on `path`: one pytest-xdist worker at a time comes past."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
