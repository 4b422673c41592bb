"""What a killed runner had received whole: blobs that waited for the others of their batch, and for the disk.

The blobs of an upload become visible together, up to 64 MiB or 5,000 of them, since each flush of the disk costs as
much as many files do. A process that is killed loses nothing that it has written; so the next one looks through what
waited, and goes on as if it had been there all the time. Only a power cut can still cost a whole batch.
"""

from __future__ import annotations

import asyncio
import contextlib
import stat
from pathlib import Path

from runner.errors import RunnerError
from runner.models import is_digest
from runner.store.blobs import BlobStore
from runner.store.hashes import hash_file

# Larger ones, in bytes, are left to the next upload, which asks for them to be read while others are served.
MOST = 64 << 20


async def salvage(blobs: BlobStore) -> None:
    """Make blobs of what arrived whole and is sound, each its sender's; what is neither is gone then.

    To be called before any upload begins. A disk that is full keeps none of it from being sent again.
    """
    for folder in await asyncio.to_thread(lambda: [path for path in blobs.partials.iterdir() if path.is_dir()]):
        claim = blobs.claims.open()
        with contextlib.suppress(RunnerError):
            found = await asyncio.to_thread(_whole, folder)
            sizes = {digest: path.stat().st_size for digest, path in found.items()}
            await asyncio.to_thread(blobs.install, found, claim)
            await blobs.grant(folder.name, sizes)


def _whole(folder: Path) -> dict[str, Path]:
    """The sound ones of `folder` by digest. Removes those that are not, or come twice."""
    found: dict[str, Path] = {}
    for path in folder.iterdir():
        digest, _, own = path.name.partition(".")
        status = path.stat()
        # Of this mode is only what was whole when it was written; the rest of it may still have been on its way.
        if not own or not is_digest(digest) or status.st_mode & stat.S_IWUSR or status.st_size > MOST:
            continue
        if digest not in found and _is_sound(path, digest):
            found[digest] = path
        else:
            path.unlink()
    return found


def _is_sound(path: Path, digest: str) -> bool:
    try:
        with path.open("rb") as file:
            return hash_file(file.fileno()) == digest
    except OSError:  # of a disk that fails
        return False
