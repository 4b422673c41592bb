"""The store's parts on a folder, and short ways to fill it."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

from runner.models import BLOB_FRAME, Event, TreeEntry, TreeStatus, manifest_of
from runner.output import Outputs
from runner.store.blobs import BlobStore
from runner.store.datasets import Datasets
from runner.store.db import Database
from runner.store.trees import Trees
from runner.store.upload import receive


class Store:
    """Database, blobs, trees, datasets and outputs, as `runner.service.Runner` builds them."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700)
        self.folder = folder
        self.events: list[Event] = []
        self.db = Database(folder / "runner.db")
        self.blobs = BlobStore(folder, self.db)
        self.trees = Trees(folder, self.blobs, self.db)
        self.datasets = Datasets(self.db, self.events.append)
        self.outputs = Outputs(self.blobs, self.trees)

    async def add_tree(self, files: dict[str, bytes], owner: str = "ann") -> TreeStatus:
        """Upload a tree of plain files as a client does; a name that ends in ``*`` is executable."""
        entries = [entry_of(name.removesuffix("*"), data, name.endswith("*")) for name, data in files.items()]
        return await self.add_entries(entries, list(files.values()), owner)

    async def add_entries(self, entries: list[TreeEntry], contents: list[bytes], owner: str = "ann") -> TreeStatus:
        """Upload the tree of `entries`, whose files have `contents`."""
        digest, text = manifest_of(entries)
        await self.trees.put(digest, chunks([text]), owner)
        await receive(self.blobs, owner, chunks([frame(data) for data in contents]))
        return await self.trees.require(digest, owner)


def sha(data: bytes) -> str:
    """Digest of `data`."""
    return hashlib.sha256(data).hexdigest()


def entry_of(path: str, data: bytes, executable: bool = False) -> TreeEntry:
    """The manifest entry of a file with content `data`."""
    return TreeEntry(path, "file", len(data), sha(data), executable=executable)


def frame(data: bytes, start: int = 0, end: int | None = None, digest: str | None = None) -> bytes:
    """The frame that carries ``data[start:end]`` of the blob `data`."""
    part = data[start:end]
    return BLOB_FRAME.pack(bytes.fromhex(digest or sha(data)), 0, len(data), start, len(part)) + part


async def chunks(pieces: Iterable[bytes]) -> AsyncIterator[bytes]:
    """`pieces` as a request's body comes."""
    for piece in pieces:
        yield piece
