"""Which blobs of a tree its owner lacks: asked of the database page by page, and remembered in little room.

A tree may have a million files. So no answer lists more than `LISTED` of what is missing, and while these arrive the
rest is not looked for in the manifest again.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice

from runner.errors import BadRequest
from runner.models import MissingBlob, TreeStatus
from runner.store.blobs import BlobStore

LISTED = 50_000
_PAGE = 20_000
_DIGEST = 32

Page = dict[str, int]


class Lacking:
    """The blobs that were lacking while the claims' epoch was `epoch`, in the order of the tree. 40 bytes each."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch
        self._digests = bytearray()
        self._sizes = array("Q")

    def __len__(self) -> int:
        return len(self._sizes)

    def add(self, blobs: Iterable[tuple[str, int]]) -> None:
        """Put in blobs with their sizes in bytes."""
        for digest, size in blobs:
            self._digests += bytes.fromhex(digest)
            self._sizes.append(size)

    def each(self) -> Iterator[tuple[str, int]]:
        """The blobs with their sizes in bytes."""
        for number, size in enumerate(self._sizes):
            yield self._digests[number * _DIGEST : (number + 1) * _DIGEST].hex(), size

    def status(self, tree: TreeStatus, parts: Mapping[str, int]) -> TreeStatus:
        """`tree` with what it lacks, of which `parts` are here (digest to bytes)."""
        missing = tuple(MissingBlob(digest, parts.get(digest, 0)) for digest, _ in islice(self.each(), LISTED))
        here = sum(min(parts[digest], size) for digest, size in self.each() if digest in parts) if parts else 0
        return replace(tree, missing=missing, lacking=len(self), lacking_bytes=sum(self._sizes) - here)


async def lacking(blobs: BlobStore, owner: str, wanted: Iterable[tuple[str, int]], epoch: int) -> Lacking:
    """Those of `wanted` (digests and sizes) that `owner` does not hold; raises `BadRequest` for another size."""
    found = Lacking(epoch)
    rest = iter(wanted)
    while page := dict(islice(rest, _PAGE)):
        held = await blobs.held(owner, page)
        _check_sizes(page, held)
        found.add((digest, size) for digest, size in page.items() if digest not in held)
    return found


def _check_sizes(page: Page, held: Page) -> None:
    for blob, size in held.items():
        if page[blob] != size:
            raise BadRequest(
                f"The manifest gives blob {blob[:12]} {page[blob]} bytes; it has {size}.",
                "Read the files again and send a new manifest.",
            )
