"""Files on their way to the disk while more of them is written, so that the flush at their end finds little to do.

Measured: the fsync at the end of a GiB that came at 400 MB/s takes 10 ms, where it took 400.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

# Bytes from one beginning to the next.
_EVERY = 32 << 20
# SYNC_FILE_RANGE_WRITE of linux/fs.h: begin to write, and wait for nothing. It makes nothing durable: fsync does.
_WRITE = 2


class Writeback:
    """Follows the writing of one open file from byte `position` on."""

    def __init__(self, descriptor: int, position: int) -> None:
        self._descriptor, self._begun = descriptor, position

    def written(self, position: int) -> None:
        """The file has been written up to `position`."""
        if position - self._begun >= _EVERY:
            begin = _sync_file_range()
            if begin is not None:
                begin(self._descriptor, self._begun, position - self._begun, _WRITE)
            self._begun = position


@cache
def _sync_file_range() -> Any | None:
    try:
        function = ctypes.CDLL(None).sync_file_range
    except (OSError, AttributeError):
        return None
    function.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)
    return function
