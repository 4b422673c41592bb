"""Files that only grow while they arrive, and what is known of all that is in them."""

from __future__ import annotations

import hashlib
import os


class Appended:
    """An open file, the hash of all that it holds, and its `position`: how much that is, in bytes."""

    def __init__(self, descriptor: int, state: hashlib._Hash) -> None:
        """Go on at the end of the file; `state` is the hash of what it holds already."""
        self._file, self._hash = descriptor, state
        self.position = os.lseek(descriptor, 0, os.SEEK_END)

    @property
    def sha256(self) -> str:
        """Digest of all that is in it."""
        return self._hash.hexdigest()

    def append(self, piece: memoryview) -> None:
        """Write the next bytes. Raises `OSError`: on a full disk what is known is that of what was written."""
        while piece:
            count = os.write(self._file, piece)
            self._hash.update(piece[:count])
            self.position += count
            piece = piece[count:]
