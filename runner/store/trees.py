"""The trees: manifests stored under their digests, who has put them, and the folders made of them.

A tree is laid out in two ways: as a *farm* of hard links to blobs, read-only, shared by all jobs that mount it; or as a
copy that its job may write to. A write must never reach a blob, so a copy shares blocks (reflink) but never the file.
"""

from __future__ import annotations

import asyncio
import errno
import functools
import hashlib
import os
import sqlite3
import time
from collections.abc import AsyncIterable, Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from runner.errors import BadRequest, Conflict, NotFound, TooLarge
from runner.models import (
    EMPTY_TREE,
    TreeEntry,
    TreeStatus,
    is_digest,
    known_entry,
    manifest_of,
)
from runner.store.blobs import BlobStore
from runner.store.bulkcheck import checked_outline
from runner.store.claims import Claim
from runner.store.damage import lost_file, lost_files, manifest_read
from runner.store.db import Database
from runner.store.disk import copy_file, full_disk_told, remove_tree, write_durably
from runner.store.lacking import Lacking, lacking
from runner.store.layout import lay_out, lay_out_at_once
from runner.store.manifests import Outline, entries_in, find_entries, outline, right_in
from runner.threads import unchecked

MAX_MANIFEST_BYTES = 512 << 20
# Manifests below this stay in memory once read, the last few of them.
_CACHED_BYTES = 4 << 20
# Trees of which it is remembered what was missing: as many as are likely to go up at a time.
_LACKING_KEPT = 8
_PUT = """INSERT INTO trees VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (owner, digest)
DO UPDATE SET complete = excluded.complete, created_at = excluded.created_at"""
_UNKNOWN = "Send the code or data again: floyd-tui uploads only what is missing."


@dataclass(frozen=True, slots=True)
class _Row:
    files: int
    size: int
    complete: bool


class Trees:
    """Manifests below `folder`, their table, and the farms. What touches files blocks: call it in a thread."""

    def __init__(self, folder: Path, blobs: BlobStore, db: Database) -> None:
        self.texts = folder / "trees"
        self.farms = folder / "mounts"
        self._blobs = blobs
        self._db = db
        for made in (self.texts, self.farms):
            made.mkdir(exist_ok=True)
        self._store(EMPTY_TREE, b"")
        self._lacking: dict[tuple[str, str], Lacking] = {}
        self._cached = functools.lru_cache(maxsize=8)(self._read)

    # What the API asks

    async def put(self, digest: str, chunks: AsyncIterable[bytes], owner: str) -> TreeStatus:
        """Take in the manifest named `digest` for `owner`; the answer tells which blobs are missing.

        Raises `BadRequest` for a manifest that is not well formed or not what its name says, `TooLarge`, and `NoSpace`
        where what is missing cannot fit.
        """
        text = await _gather(chunks)
        content = await asyncio.to_thread(_check, digest, text)
        claim, epoch = self._blobs.claims.open([digest]), self._blobs.claims.epoch
        tree = TreeStatus(digest, content.files, content.size)
        status = await self._compared(owner, tree, content.blobs.items())
        await asyncio.to_thread(self._blobs.room.require, status.lacking_bytes, status.lacking)
        await asyncio.to_thread(self._store, digest, text)
        while not await self._note(owner, status, epoch):
            epoch = self._blobs.claims.epoch
            status = await self._compared(owner, tree, content.blobs.items())
        claim.drop([digest])
        return status

    async def status(self, digest: str, owner: str) -> TreeStatus:
        """Where the tree stands that `owner` has put; raises `NotFound` if they have not.

        Who asks is about to use it, so that it counts as put now.
        """
        while True:
            epoch = self._blobs.claims.epoch
            row = await self._row(digest, owner)
            if not await asyncio.to_thread(self.text(digest).exists):
                # A check has set it aside: it is to be sent again.
                raise NotFound(f"The manifest of tree {digest[:12]} is not here any more.", _UNKNOWN)
            status = TreeStatus(digest, row.files, row.size)
            damaged = bool(await self._damaged())
            if damaged or not row.complete:
                wanted = await asyncio.to_thread(self._wanted, owner, digest, damaged)
                status = await self._compared(owner, status, wanted)
            if status.missing or await self._note(owner, status, epoch):
                return status

    async def require(self, digest: str, owner: str) -> TreeStatus:
        """The tree's status if `owner` may use it; raises `NotFound`, or `Conflict` while blobs of it are missing."""
        status = await self.status(digest, owner)
        if status.missing:
            raise Conflict(f"{status.lacking} files of tree {digest[:12]} have not been sent yet.", _UNKNOWN)
        return status

    async def require_sound(self, digest: str, name: str) -> None:
        """Raise `Damaged` if a check has found files of the tree damaged, or set its manifest aside.

        `name` says in the error what it is.
        """
        with manifest_read(digest):
            await asyncio.to_thread(os.stat, self.text(digest))
        bad = await self._damaged()
        entries = await asyncio.to_thread(self.entries, digest) if bad else ()
        if hurt := [entry.path for entry in entries if entry.digest in bad]:
            raise lost_files(hurt, name)

    async def save(self, entries: Iterable[TreeEntry], owner: str, claim: Claim | None = None) -> TreeStatus:
        """Store the tree made of `entries`, whose blobs are all installed, as one that `owner` holds.

        `claim` keeps it from the garbage collector after this too. Raises `NotFound` where a blob is gone.
        """
        entries = list(entries)
        digest, text = await asyncio.to_thread(manifest_of, entries)
        content = await asyncio.to_thread(outline, entries)
        claim = claim or self._blobs.claims.open()
        claim.add([digest, *content.blobs])
        await asyncio.to_thread(self._require_blobs, content.blobs)
        await asyncio.to_thread(self._store, digest, text)
        status = TreeStatus(digest, content.files, content.size)
        while True:
            epoch = self._blobs.claims.epoch
            await self._blobs.grant(owner, content.blobs)
            if await self._note(owner, status, epoch):
                return status

    # What jobs and listings use

    def text(self, digest: str) -> Path:
        """The file that holds the manifest."""
        return self.texts / digest[:2] / digest

    def entries(self, digest: str) -> tuple[TreeEntry, ...]:
        """The tree's entries in the manifest's order; raises `Damaged` where the manifest cannot be read."""
        path = self.text(digest)
        small = path.exists() and path.stat().st_size < _CACHED_BYTES
        return self._cached(digest) if small else self._read(digest)

    def each(self, digest: str) -> Iterator[TreeEntry]:
        """The same one by one, never all in memory."""
        with manifest_read(digest), self.text(digest).open("rb") as text:
            yield from map(known_entry, text)

    def find(self, digest: str, path: str) -> TreeEntry | None:
        """The entry at `path` (a folder's is made up), or None; raises `Damaged` where the manifest cannot be read."""
        return next(self.find_each(digest, (path,)))

    def find_each(self, digest: str, paths: Iterable[str]) -> Iterator[TreeEntry | None]:
        """The same for each of `paths`, quickest where they are in the manifest's order."""
        with manifest_read(digest):
            yield from find_entries(self.text(digest), paths)

    def entries_in(self, digest: str, folder: str) -> list[TreeEntry]:
        """The entries below `folder`, with their whole paths; raises `Damaged` where the manifest cannot be read."""
        with manifest_read(digest):
            return entries_in(self.text(digest), folder)

    def right_in(self, digest: str, folder: str) -> tuple[list[TreeEntry], dict[str, int]]:
        """What lies right in `folder`, and its folders with the bytes they hold; raises as `entries_in`."""
        with manifest_read(digest):
            return right_in(self.text(digest), folder)

    def link_farm(self, digest: str, check: Callable[[], None] = unchecked) -> Path:
        """The folder of hard links to the tree's blobs: files 0444 or 0555, folders 0555. Made once, then shared.

        Raises `Damaged` where the manifest or a blob cannot be read, `NoSpace`, and what `check`, called often, does.
        """
        farm = self.farms / digest
        if farm.is_dir():
            return farm
        temporary = self.farms / f".{digest}.{os.urandom(6).hex()}"
        try:
            with full_disk_told(self.farms):
                folders = lay_out(_checked(self.each(digest), check), temporary, self._link)
                for folder in reversed(folders):
                    os.chmod(folder, 0o555)
            try:
                temporary.rename(farm)
            except OSError as error:
                # Another launch was quicker.
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
        finally:
            remove_tree(temporary)
        return farm

    def copy_to(self, digest: str, folder: Path, check: Callable[[], None] = unchecked) -> None:
        """Fill `folder`, made here, with a writable copy of the tree: files 0644 or 0755, folders 0755.

        Raises `Damaged` where the manifest or a blob cannot be read, `NoSpace`, and what `check`, called often, does;
        then nothing is left.
        """

        def copy(entry: TreeEntry, path: str) -> None:
            self._copy(entry, path, check)

        try:
            with full_disk_told(folder.parent):
                for made in lay_out_at_once(_checked(self.each(digest), check), folder, copy):
                    os.chmod(made, 0o755)
        except BaseException:
            remove_tree(folder)
            raise

    def tidy(self) -> None:
        """Remove farms whose making was cut off by a crash."""
        for leftover in self.farms.glob(".*"):
            remove_tree(leftover)

    def _require_blobs(self, digests: Iterable[str]) -> None:
        lost = [digest for digest in digests if not self._blobs.has(digest)]
        if lost:
            raise NotFound(f"{len(lost)} files of the tree are not here any more, {lost[0][:12]} first.", _UNKNOWN)

    def _read(self, digest: str) -> tuple[TreeEntry, ...]:
        return tuple(self.each(digest))

    def _outline(self, digest: str) -> Outline:
        return outline(self.each(digest))

    def _store(self, digest: str, text: bytes) -> None:
        path = self.text(digest)
        # Cut short by a failing disk, it is written anew by whoever sends it again.
        if self._blobs.shared or not path.exists() or path.stat().st_size != len(text):
            path.parent.mkdir(exist_ok=True)
            write_durably(path, text, 0o444)

    def _link(self, entry: TreeEntry, path: str) -> None:
        try:
            os.link(self._blobs.ensure(entry.digest, entry.executable), path)
        except FileNotFoundError as error:
            raise lost_file(entry.path) from error
        except OSError as error:
            if error.errno != errno.EMLINK:
                raise
            self._blobs.refresh(entry.digest, entry.executable)
            os.link(self._blobs.path(entry.digest, entry.executable), path)

    def _copy(self, entry: TreeEntry, path: str, check: Callable[[], None]) -> None:
        try:
            copy_file(self._blobs.path(entry.digest), Path(path), 0o755 if entry.executable else 0o644, check)
        except FileNotFoundError as error:
            raise lost_file(entry.path) from error

    # The table

    async def _damaged(self) -> set[str]:
        """Blobs that a check has found damaged or gone; hardly ever any."""
        return await self._db.read(lambda c: {row["digest"] for row in c.execute("SELECT digest FROM damaged")})

    async def _compared(self, owner: str, tree: TreeStatus, wanted: Iterable[tuple[str, int]]) -> TreeStatus:
        """`tree` with what of its blobs (or those that were lacking last time) `owner` lacks."""
        await self._blobs.uploads.give_up_silent(owner)
        found = await lacking(self._blobs, owner, wanted, self._blobs.claims.epoch)
        self._lacking.pop((owner, tree.digest), None)
        if found:
            self._lacking[owner, tree.digest] = found
            if len(self._lacking) > _LACKING_KEPT:
                del self._lacking[next(iter(self._lacking))]
        return await asyncio.to_thread(found.status, tree, self._blobs.parts(owner))

    def _wanted(self, owner: str, digest: str, damaged: bool) -> Iterable[tuple[str, int]]:
        """The blobs that may be lacking: those that were, unless since then something was collected or damaged."""
        known = self._lacking.get((owner, digest))
        if known is None or damaged or known.epoch != self._blobs.claims.epoch:
            return self._outline(digest).blobs.items()
        return known.each()

    async def _row(self, digest: str, owner: str) -> _Row:
        if digest == EMPTY_TREE:
            return _Row(0, 0, True)

        def query(connection: sqlite3.Connection) -> sqlite3.Row | None:
            sql = "SELECT files, size, complete FROM trees WHERE owner = ? AND digest = ?"
            row: sqlite3.Row | None = connection.execute(sql, (owner, digest)).fetchone()
            return row

        row = await self._db.read(query)
        if row is None:
            raise NotFound(f"There is no tree {digest[:12]} of yours here.", _UNKNOWN)
        return _Row(row["files"], row["size"], bool(row["complete"]))

    async def _note(self, owner: str, status: TreeStatus, epoch: int) -> bool:
        """Write down that `owner` has put the tree; False where since `epoch` something was collected.

        Then the tree is safe from now on, but what of it is here is to be asked anew.
        """
        claims = self._blobs.claims

        def change(connection: sqlite3.Connection) -> bool:
            current = claims.epoch == epoch
            row = (owner, status.digest, status.files, status.size, current and not status.missing, time.time())
            connection.execute(_PUT, row)
            return current

        return await self._db.write(change)


async def _gather(chunks: AsyncIterable[bytes]) -> bytes:
    text = bytearray()
    async for chunk in chunks:
        text += chunk
        if len(text) > MAX_MANIFEST_BYTES:
            raise TooLarge("The manifest is larger than 512 MiB.", "Split the data into several datasets.")
    return bytes(text)


def _check(digest: str, text: bytes) -> Outline:
    """Read a manifest from outside; raises `BadRequest` unless it is well formed and has that digest."""
    if not is_digest(digest):
        raise BadRequest(f"{digest[:80]!r} is not a SHA-256 digest.", "Name the tree by 64 lowercase hex digits.")
    if hashlib.sha256(text).hexdigest() != digest:
        raise BadRequest(f"The manifest is not the one named {digest[:12]}.", "Send it again.")
    if text and not text.endswith(b"\n"):
        raise BadRequest("The manifest's last line is cut off.", "Send it again.")
    try:
        return checked_outline(text)
    except (ValueError, RecursionError) as error:
        raise BadRequest(
            f"The manifest cannot be used: {error}.", "Read the files again and send a new one."
        ) from error


def _checked(entries: Iterable[TreeEntry], check: Callable[[], None]) -> Iterator[TreeEntry]:
    for entry in entries:
        check()
        yield entry
