"""The file that a download goes into, and what is written down of it so that a new runner can go on."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from runner.store.appended import Appended
from runner.store.disk import full_disk_told
from runner.store.hashes import hash_file, hash_into


@dataclass(slots=True)
class Standing:
    """How far a download is: the first `have` bytes, which have `sha256`, are safely on the disk.

    What a server says is empty until it has. `whole` once all is there, at `came_at` (epoch seconds), and was checked:
    from then on the file is only read, for a blob may be made of it by a hard link.
    """

    have: int = 0
    sha256: str = ""
    total: int | None = None
    etag: str = ""
    modified: str = ""
    name: str = ""
    whole: bool = False
    came_at: float = 0.0


class Part(Appended):
    """An open part file, and the SHA-256 of what is in it. Its methods block: call them in a thread."""

    def __init__(self, path: Path, standing: Standing) -> None:
        """Go on where it stands: what came later was not safely on the disk, and what was damaged since is dropped."""
        self.path = path
        file, state = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), hashlib.sha256()
        os.ftruncate(file, standing.have)
        hash_into(state, file)
        super().__init__(file, state)
        if standing.have and self.sha256 != standing.sha256:
            self.restart()

    def write(self, pieces: list[bytes]) -> None:
        """Append; raises `NoSpace`."""
        with full_disk_told(self.path.parent):
            for piece in pieces:
                self.append(memoryview(piece))

    def restart(self) -> None:
        """Begin anew: what is there is of no use."""
        os.ftruncate(self._file, 0)
        os.lseek(self._file, 0, os.SEEK_SET)
        self._hash, self.position = hashlib.sha256(), 0

    def sync(self) -> int:
        """Bring it all to the disk; returns how much that is, in bytes."""
        os.fdatasync(self._file)
        return self.position

    def close(self) -> None:
        """Close the file, which stays."""
        os.close(self._file)


def is_intact(path: Path, standing: Standing) -> bool:
    """Whether a whole part is still what it was. Blocks."""
    try:
        with path.open("rb") as file:
            return hash_file(file.fileno()) == standing.sha256
    except FileNotFoundError:
        return False
