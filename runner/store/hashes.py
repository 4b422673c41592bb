"""SHA-256 of open files, and how far those of broken-off uploads had come."""

from __future__ import annotations

import hashlib
import os
from collections import OrderedDict

_CHUNK = 1 << 20
# How many uploads that broke off are gone on with without reading again what is there.
_REMEMBERED = 64


def hash_file(descriptor: int) -> str:
    """SHA-256 of an open file from its beginning, in hexadecimal."""
    digest = hashlib.sha256()
    hash_into(digest, descriptor)
    return digest.hexdigest()


def hash_into(digest: hashlib._Hash, descriptor: int) -> None:
    """Update `digest` with the whole of an open file."""
    position = 0
    while chunk := os.pread(descriptor, _CHUNK, position):
        digest.update(chunk)
        position += len(chunk)


class HashStates:
    """The hashes of parked parts, as far as they had come.

    A file that was touched since is another; and what this process did not write itself is never trusted, only read.
    """

    def __init__(self) -> None:
        self._states: OrderedDict[tuple[int, ...], hashlib._Hash] = OrderedDict()

    def keep(self, descriptor: int, state: hashlib._Hash) -> None:
        """Remember the hash of all that an open file holds."""
        self._states[_mark(descriptor)] = state
        while len(self._states) > _REMEMBERED:
            self._states.popitem(last=False)

    def of(self, descriptor: int) -> hashlib._Hash:
        """The hash of all that an open file holds, which is read where it is not remembered."""
        state = self._states.pop(_mark(descriptor), None)
        if state is None:
            state = hashlib.sha256()
            hash_into(state, descriptor)
        return state


def _mark(descriptor: int) -> tuple[int, ...]:
    status = os.fstat(descriptor)
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
