"""Blobs, trees as the runner has them, datasets and files.

A *blob* is the content of a file, named by its SHA-256 (64 lowercase hex digits). A *tree* is a manifest, see
`runner.models.manifest`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Literal

from runner.models.jobs import JobState
from runner.models.manifest import EntryKind
from runner.models.names import version_name

# A frame of POST /v1/blobs: digest, flags (0), the blob's whole size, where this part starts, its length; the part.
BLOB_FRAME = struct.Struct(">32sBQQQ")


@dataclass(frozen=True, slots=True)
class MissingBlob:
    """A blob the runner wants: it already holds the first `have` bytes of it from an upload that broke off."""

    digest: str
    have: int = 0


@dataclass(frozen=True, slots=True)
class TreeStatus:
    """A tree as the runner has it: complete, or lacking `lacking` blobs, of which `missing` lists the first.

    `size` is the sum of its files and `lacking_bytes` that of what is still to come, in bytes. Where `missing` is not
    all that is lacking, the next ones are told when these have arrived.
    """

    digest: str
    files: int
    size: int
    missing: tuple[MissingBlob, ...] = ()
    lacking: int = 0
    lacking_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Origin:
    """Where on the net a version came from: the address (without what logs in), and what was there at `fetched_at`.

    `sha256` and `size` (bytes) are of the bytes as they came, archive or not; `etag` and `modified` are the server's
    own words, empty where it said none. `unpack` is what was asked, as `NewFetch` says.
    """

    url: str
    fetched_at: float
    size: int
    sha256: str
    etag: str = ""
    modified: str = ""
    unpack: bool | None = None


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
