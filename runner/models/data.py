"""Trees, blobs, datasets and files.

A *blob* is the content of a file, named by its SHA-256 (64 lowercase hex digits). A *tree* is a manifest: one JSON
array a line, sorted by the bytes of the path, named by the SHA-256 of that text::

    ["d","empty"]                          an empty folder (others are implied by what they hold)
    ["f","train.py",512,"9f86d0…"]         a file: path, size in bytes, digest
    ["x","run.sh",20,"e3b0c4…"]            the same, executable
    ["l","latest","runs/3"]                a symbolic link and its target, kept as text, never followed

Paths are relative, use ``/``, hold no ``.``, ``..``, empty component or NUL. Bytes that are not UTF-8 travel as lone
surrogates (Python's ``surrogateescape``) in ``\\udcXX`` escapes: the text is pure ASCII.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from runner.models.jobs import JobState
from runner.models.names import version_name

EntryKind = Literal["file", "link", "dir"]
DIGEST_LENGTH = 64
# One for all: `json.dumps` makes a new one for each line.
_compact = json.JSONEncoder(separators=(",", ":")).encode
_CODES = {"f": "file", "x": "file", "l": "link", "d": "dir"}


class BadManifest(ValueError):
    """A manifest that breaks the rules above; the message says where."""


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """One line of a manifest. `size` and `digest` are a file's, `target` a link's."""

    path: str
    kind: EntryKind
    size: int = 0
    digest: str = ""
    executable: bool = False
    target: str = ""

    def line(self) -> bytes:
        """This entry as its line of the manifest, newline included."""
        row: list[str | int]
        if self.kind == "file":
            row = ["x" if self.executable else "f", self.path, self.size, self.digest]
        elif self.kind == "link":
            row = ["l", self.path, self.target]
        else:
            row = ["d", self.path]
        return _compact(row).encode("ascii") + b"\n"


def path_key(path: str) -> bytes:
    """Sort key of a path in a manifest: its bytes as the file system has them."""
    return path.encode("utf-8", "surrogateescape")


def manifest_lines(entries: Iterable[TreeEntry]) -> Iterator[bytes]:
    """The manifest's lines for `entries`, in order."""
    for entry in sorted(entries, key=lambda e: path_key(e.path)):
        yield entry.line()


def manifest_of(entries: Iterable[TreeEntry]) -> tuple[str, bytes]:
    """Digest and text of the tree made of `entries`."""
    text = b"".join(manifest_lines(entries))
    return hashlib.sha256(text).hexdigest(), text


EMPTY_TREE = hashlib.sha256(b"").hexdigest()


def is_digest(text: object) -> bool:
    """Whether `text` has the form of a SHA-256 digest."""
    return isinstance(text, str) and len(text) == DIGEST_LENGTH and not text.strip("0123456789abcdef")


def parse_line(line: bytes) -> TreeEntry:
    """Read one manifest line; raises `BadManifest` if it has not exactly the form that `TreeEntry.line` writes."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadManifest(f"not a JSON array: {line[:80]!r}") from error
    if not isinstance(row, list) or not row or row[0] not in _CODES or not isinstance(row[-1], str):
        raise BadManifest(f"not a tree entry: {line[:80]!r}")
    code, *rest = row
    entry: TreeEntry
    match code, rest:
        case "f" | "x", [str(path), int(size), str(digest)] if _is_size(size) and is_digest(digest):
            entry = TreeEntry(path, "file", size, digest, executable=code == "x")
        case "l", [str(path), str(target)] if target and "\0" not in target and _is_name(target):
            entry = TreeEntry(path, "link", target=target)
        case "d", [str(path)]:
            entry = TreeEntry(path, "dir")
        case _:
            raise BadManifest(f"not a tree entry: {line[:80]!r}")
    check_path(entry.path)
    if entry.line() != line.rstrip(b"\n") + b"\n":
        raise BadManifest(f"not in canonical form: {line[:80]!r}")
    return entry


def _is_size(size: int) -> bool:
    return not isinstance(size, bool) and 0 <= size < 1 << 63


def _is_name(text: str) -> bool:
    # Only the surrogates that stand for bytes; others have no name on any file system.
    try:
        path_key(text)
    except UnicodeEncodeError:
        return False
    return True


def check_path(path: str) -> None:
    """Raise `BadManifest` unless `path` stays inside the tree it is part of."""
    if not path or "\0" in path or not _is_name(path) or any(part in ("", ".", "..") for part in path.split("/")):
        raise BadManifest(f"{path[:80]!r} is not a path inside a tree")


def parse_manifest(lines: Iterable[bytes]) -> Iterator[TreeEntry]:
    """Read a manifest; raises `BadManifest` on a bad line, an unsorted or repeated path, or a path below an entry."""
    last = b""
    # Paths that the next one starts with: sorted bytes put "a-b" between "a" and "a/b", so the last one is not enough.
    open_prefixes: list[bytes] = []
    for line in lines:
        entry = parse_line(line)
        key = path_key(entry.path)
        if key <= last:
            raise BadManifest(f"{entry.path[:80]!r} is out of order or there twice")
        while open_prefixes and not key.startswith(open_prefixes[-1]):
            open_prefixes.pop()
        if any(key.startswith(prefix + b"/") for prefix in open_prefixes):
            raise BadManifest(f"{entry.path[:80]!r} lies below an entry of its own")
        open_prefixes.append(key)
        last = key
        yield entry


# A frame of POST /v1/blobs: digest, flags (0), the blob's whole size, where this part starts, its length; the part.
BLOB_FRAME = struct.Struct(">32sBQQQ")


@dataclass(frozen=True, slots=True)
class MissingBlob:
    """A blob the runner wants: it already holds the first `have` bytes of it from an upload that broke off."""

    digest: str
    have: int = 0


@dataclass(frozen=True, slots=True)
class TreeStatus:
    """A tree as the runner has it: complete, or lacking `missing`. `size` is the sum of its files, in bytes."""

    digest: str
    files: int
    size: int
    missing: tuple[MissingBlob, ...] = ()


@dataclass(frozen=True, slots=True)
class Origin:
    """Where on the net a version came from: the address (without what logs in), and what was there at `fetched_at`.

    `sha256` and `size` (bytes) are of the bytes as they came, archive or not; `etag` and `modified` are the server's
    own words, empty where it said none.
    """

    url: str
    fetched_at: float
    size: int
    sha256: str
    etag: str = ""
    modified: str = ""


@dataclass(frozen=True, slots=True)
class DatasetVersion:
    """One version of a dataset. `source` is the job's name if it was made from an output, `origin` an address."""

    owner: str
    dataset: str
    version: int
    tree: str
    files: int
    size: int
    created_at: float
    message: str = ""
    source: str | None = None
    origin: Origin | None = None

    @property
    def name(self) -> str:
        """Full name, ``owner/datasets/dataset/version``."""
        return version_name(self.owner, self.dataset, self.version)

    @property
    def short(self) -> str:
        """``dataset/version``."""
        return f"{self.dataset}/{self.version}"


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset with its versions, newest first."""

    owner: str
    name: str
    created_at: float
    description: str = ""
    public: bool = False
    versions: tuple[DatasetVersion, ...] = ()


@dataclass(frozen=True, slots=True)
class NewVersion:
    """A request for a dataset's next version: from an uploaded tree, or from `source`, a job's output or part of it."""

    tree: str | None = None
    source: str | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class AddedVersion:
    """What became of a `NewVersion`: `created` is False where the latest version had the same content already."""

    version: DatasetVersion
    created: bool


@dataclass(frozen=True, slots=True)
class DatasetChange:
    """What is to be changed of a dataset; None stays as it is. `public` shows it to everybody on the host."""

    name: str | None = None
    description: str | None = None
    public: bool | None = None


@dataclass(frozen=True, slots=True)
class DatasetUse:
    """A job of `owner` that has `version` of a dataset as an input; `job`, its name, is told of the caller's only."""

    version: int
    owner: str
    state: JobState
    job: str | None = None


@dataclass(frozen=True, slots=True)
class FileChange:
    """What became of a path from one tree to another, with its size in bytes before and after, where it is there."""

    path: str
    change: Literal["added", "removed", "changed"]
    old_size: int | None = None
    new_size: int | None = None


@dataclass(frozen=True, slots=True)
class FileInfo:
    """A file, link or folder of an output, code snapshot or dataset version, by its path from that root.

    `size` is in bytes (of a folder: of all that it holds); `digest` is empty where it is not known yet (a running job).
    `stamp` stands for the content of a running job's file: it changes whenever the file does.
    """

    path: str
    kind: EntryKind
    size: int = 0
    modified_at: float | None = None
    digest: str = ""
    executable: bool = False
    target: str = ""
    stamp: str = ""

    @property
    def base(self) -> str:
        """Last component of the path."""
        return self.path.rpartition("/")[2]
