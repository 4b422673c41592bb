"""What takes the disk of a host, what of it nothing refers to, and what was found damaged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from runner.models.wire import Problem

StoreKind = Literal[
    "datasets",
    "outputs",
    "code",
    "jobs",
    "uploads",
    "unused",
    "images",
    "containers",
    "trash",
    "quarantine",
    "runner",
]
GcPhase = Literal["waiting", "looking", "forgetting", "freeing", "containers"]
DamageKind = Literal["damaged", "missing", "repaired"]


@dataclass(frozen=True, slots=True)
class GcKind:
    """One kind of what is kept: `count` things of `size` bytes in all, and of these what goes, or went.

    What several refer to is counted once: as a dataset's before an output's before code.

    - ``jobs``: folders of jobs: logs, and homes of those that run. What belongs to no job any more goes.
    - ``uploads``: were not used yet, or broke off.
    - ``unused``: content that nothing refers to.
    - ``images``: derived ones, made by the runner. ``containers``: of jobs.
    - ``trash``: what was deleted and can still be restored, and what a collection or a crash left half done.
    - ``quarantine``: what a check found damaged.
    - ``runner``: its database, its log, and its programs; earlier versions of these go.
    """

    kind: StoreKind
    count: int = 0
    size: int = 0
    free_count: int = 0
    free_size: int = 0


@dataclass(frozen=True, slots=True)
class Trashed:
    """A job, dataset or version that was deleted and can be restored until a collection, by its full `name`.

    `size` is bytes of its output and log, or of its versions; `about` what tells it from others: a message, a command.
    """

    name: str
    deleted_at: float
    size: int = 0
    about: str = ""

    @property
    def short(self) -> str:
        """The name without owner and kind."""
        return self.name.split("/", 2)[2]


@dataclass(frozen=True, slots=True)
class GcReport:
    """What a collection would free (`dry_run`), or has freed; `stopped` where it was cancelled on the way.

    `disk_free` and `disk_total` are bytes of the disk now, `disk_reserve` what launches and uploads leave free.
    `damaged` are manifests in use that cannot be read: as nobody knows what they hold, their owners keep everything.
    """

    dry_run: bool
    kinds: tuple[GcKind, ...]
    disk_free: int
    disk_total: int = 0
    disk_reserve: int = 0
    stopped: bool = False
    damaged: tuple[str, ...] = ()

    @property
    def free_size(self) -> int:
        """Bytes that go, or went."""
        return sum(kind.free_size for kind in self.kinds)

    @property
    def free_count(self) -> int:
        """How many things go, or went."""
        return sum(kind.free_count for kind in self.kinds)

    @property
    def size(self) -> int:
        """Bytes of all that is kept."""
        return sum(kind.size for kind in self.kinds)


@dataclass(frozen=True, slots=True)
class GcStep:
    """How far a look or a collection is: `done` of `total` in this `phase` (0: nobody knows), `freed` bytes so far.

    The last one of a stream holds the `report`, or the `problem` that ended it.
    """

    phase: GcPhase = "waiting"
    done: int = 0
    total: int = 0
    freed: int = 0
    report: GcReport | None = None
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class Damage:
    """A blob or manifest (`part`) that is ``damaged`` or ``missing``, and the full names of what it touches.

    ``repaired``: a good copy of it was here, and is in its place. `others` counts what of other people it touches.
    """

    digest: str
    what: DamageKind
    touches: tuple[str, ...] = ()
    part: Literal["blob", "manifest"] = "blob"
    others: int = 0


@dataclass(frozen=True, slots=True)
class FsckReport:
    """How many files of how many bytes were read, and what was found; `stopped` where it was cancelled on the way."""

    checked: int
    damage: tuple[Damage, ...] = ()
    size: int = 0
    stopped: bool = False

    @property
    def lasting(self) -> tuple[Damage, ...]:
        """The damage that is still there."""
        return tuple(one for one in self.damage if one.what != "repaired")


@dataclass(frozen=True, slots=True)
class FsckStep:
    """How far a check is. The last one of a stream holds the `report`, or the `problem` that ended it."""

    done_files: int = 0
    total_files: int = 0
    done_bytes: int = 0
    total_bytes: int = 0
    report: FsckReport | None = None
    problem: Problem | None = None
