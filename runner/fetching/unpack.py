"""Unpacking a tar or zip straight into blobs: each file is read once from the archive and written once.

The archive is a stranger's. Every name is checked before anything of it is written, nothing is ever created under such
a name, and what would lead out of the dataset, is no file, folder or link, or would not end, makes the whole archive
refused: half of a dataset is no dataset.
"""

from __future__ import annotations

import hashlib
import io
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import dropwhile
from pathlib import Path
from typing import IO

from runner.errors import BadRequest, TooLarge
from runner.fetching.archives import Broken, Member, kind_of, members_of, reading
from runner.models import BadManifest, TreeEntry, check_path, manifest_of, parse_manifest
from runner.store.blobs import BlobStore
from runner.store.claims import Claim
from runner.store.disk import full_disk_told
from runner.store.manifests import fits

MAX_ENTRIES = 2_000_000
# Below this a file is kept in memory until it is known whether its content is here already.
_SMALL = 1 << 20
_CHUNK = 1 << 20
_BATCH_FILES, _BATCH_BYTES = 1000, 64 << 20
_KEEP_AS_IT_IS = "Add --no-unpack to keep it as the one file it is."


class Stopped(Exception):
    """The unpacking was told to stop."""


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What an archive held; `claim` keeps it from the garbage collector until a tree names it."""

    entries: list[TreeEntry]
    claim: Claim


class Unpacker:
    """Reads one archive into `blobs`. Its methods block: call them in a thread.

    `tell` is given the bytes of the archive read, and the files that came out of it; it may raise `Stopped`.
    """

    def __init__(
        self, blobs: BlobStore, owner: str, tell: Callable[[int, int], None], max_entries: int = MAX_ENTRIES
    ) -> None:
        self._blobs, self._owner, self._tell, self._max = blobs, owner, tell, max_entries
        self._claim = blobs.claims.open()
        self._entries: dict[str, TreeEntry] = {}
        self._waiting: dict[str, Path] = {}
        self._waiting_bytes = 0
        self._budget = 0

    def unpack(self, archive: Path) -> Unpacked:
        """All that `archive` holds; raises `BadRequest`, `TooLarge`, `NoSpace` or `Stopped`, and nothing is kept then.

        All files together may be as large as the disk's free room was at the beginning, whatever of them is stored
        already: else a few bytes of archive could keep the runner busy for ever.
        """
        kind = kind_of(archive)
        if kind is None:
            raise BadRequest("What came is no tar or zip archive.", _KEEP_AS_IT_IS)
        self._budget = shutil.disk_usage(archive.parent).free
        try:
            with full_disk_told(archive.parent), reading():
                for member in members_of(archive, kind):
                    self._add(member)
                    self._tell(member.position, len(self._entries))
                self._install()
        except Broken as error:
            raise BadRequest(f"The archive cannot be read: {error}.", _KEEP_AS_IT_IS) from error
        finally:
            for temporary in self._waiting.values():
                temporary.unlink(missing_ok=True)
        return Unpacked(self._checked(), self._claim)

    def _add(self, member: Member) -> None:
        path = _path_of(member.name)
        if not path:
            return
        if len(self._entries) >= self._max and path not in self._entries:
            raise TooLarge(f"The archive holds more than {self._max:,} files.", _KEEP_AS_IT_IS)
        if not fits(path, member.target):
            raise BadRequest(f"The archive has too long a path: {path[:80]!r}….", _KEEP_AS_IT_IS)
        # Of a path that comes twice the later one counts, as when tar adds to an archive.
        self._entries[path] = self._entry(path, member)

    def _entry(self, path: str, member: Member) -> TreeEntry:
        if member.kind == "dir":
            return TreeEntry(path, "dir")
        if member.kind == "link":
            _require_inside(path, member.target)
            return TreeEntry(path, "link", target=member.target)
        if member.kind == "again":
            return self._again(path, member.target)
        size, digest = self._store(path, member)
        return TreeEntry(path, "file", size, digest, executable=member.executable)

    def _again(self, path: str, target: str) -> TreeEntry:
        """A hard link: the same file as one that came before."""
        first = self._entries.get(_path_of(target))
        if first is None or first.kind != "file":
            raise BadRequest(f"{path!r} is a hard link to {target!r}, which is not before it.", _KEEP_AS_IT_IS)
        return TreeEntry(path, "file", first.size, first.digest, executable=first.executable)

    def _store(self, path: str, member: Member) -> tuple[int, str]:
        """Read a file into a blob; returns its size in bytes and its digest."""
        self._budget -= member.size
        if self._budget < 0:
            raise TooLarge(
                f"Unpacked it is larger than the disk has free: {path[:80]!r} does not fit.",
                "Make room on the host (floyd-tui gc), or keep it packed with --no-unpack.",
            )
        self._blobs.room.require(member.size)
        with member.open() as source:
            digest, temporary = self._read(source, member)
        # Claimed before it is asked for: what is here then stays.
        self._claim.add([digest])
        if temporary is not None and (digest in self._waiting or self._blobs.has(digest)):
            temporary.unlink()
        elif temporary is not None:
            self._waiting[digest] = temporary
            self._waiting_bytes += member.size
        if len(self._waiting) >= _BATCH_FILES or self._waiting_bytes >= _BATCH_BYTES:
            self._install()
        return member.size, digest

    def _read(self, source: IO[bytes], member: Member) -> tuple[str, Path | None]:
        """Digest of a file, and where its bytes lie; None where small content is stored already."""
        if member.size < _SMALL:
            content = source.read(member.size)
            _require_size(len(content), member)
            digest = hashlib.sha256(content).hexdigest()
            self._claim.add([digest])
            if digest in self._waiting or self._blobs.has(digest):
                return digest, None
            source = io.BytesIO(content)
        temporary = self._blobs.temporary(self._owner)
        try:
            return self._write(source, member, temporary), temporary
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise

    def _write(self, source: IO[bytes], member: Member, temporary: Path) -> str:
        digest, size = hashlib.sha256(), 0
        with temporary.open("xb") as file:
            while piece := source.read(min(_CHUNK, member.size - size)):
                digest.update(piece)
                file.write(piece)
                size += len(piece)
                self._tell(member.position, len(self._entries))
        _require_size(size, member)
        temporary.chmod(0o444)
        return digest.hexdigest()

    def _install(self) -> None:
        waiting, self._waiting, self._waiting_bytes = self._waiting, {}, 0
        self._blobs.install(waiting, self._claim)

    def _checked(self) -> list[TreeEntry]:
        """The entries as a tree may have them: folders only where they are empty, nothing below a file."""
        parents = set(_parents(self._entries))
        entries = [e for e in self._entries.values() if e.kind != "dir" or e.path not in parents]
        if not any(entry.kind == "file" for entry in entries):
            raise BadRequest("The archive holds no files.", _KEEP_AS_IT_IS)
        _, text = manifest_of(entries)
        try:
            for _ in parse_manifest(text.splitlines(keepends=True)):
                pass
        except BadManifest as error:
            raise BadRequest(f"The archive's paths exclude each other: {error}.", _KEEP_AS_IT_IS) from error
        return entries


def _path_of(name: str) -> str:
    """A member's path in the tree, empty for the root itself; raises `BadRequest` for one that leads out."""
    if name.startswith("/"):
        raise BadRequest(f"The archive has an absolute path: {name[:80]!r}.", _KEEP_AS_IT_IS)
    path = "/".join(part for part in name.split("/") if part not in ("", "."))
    if not path:
        return ""
    try:
        check_path(path)
    except BadManifest as error:
        raise BadRequest(f"The archive has a path that leads out of it: {name[:80]!r}.", _KEEP_AS_IT_IS) from error
    return path


def _require_inside(path: str, target: str) -> None:
    """Raise `BadRequest` for a symbolic link that may lead out, or has no target that Linux takes.

    Only at its beginning may a target go up, from a folder that is none by a link: further on, a link on the way could
    make ``x/..`` a place outside that reads as one inside.
    """
    parts = [part for part in target.split("/") if part not in ("", ".")]
    ups = len(parts) - len(list(dropwhile(lambda part: part == "..", parts)))
    if not target or "\0" in target or target.startswith("/") or ups > path.count("/") or ".." in parts[ups:]:
        raise BadRequest(f"{path!r} is a link that may lead out of the archive, to {target[:80]!r}.", _KEEP_AS_IT_IS)


def _require_size(size: int, member: Member) -> None:
    if size != member.size:
        raise Broken(f"{member.name[:80]!r} has {size:,} bytes and should have {member.size:,}")


def _parents(paths: dict[str, TreeEntry]) -> Iterator[str]:
    for path in paths:
        while path := path.rpartition("/")[0]:
            yield path
