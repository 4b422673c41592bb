"""What takes the disk of a host, what of it nothing refers to, and what was found damaged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

StoreKind = Literal["datasets", "outputs", "code", "uploads", "unused", "jobs", "containers"]


@dataclass(frozen=True, slots=True)
class GcKind:
    """One kind of what is kept: `count` things of `size` bytes in all, and of these what goes, or went.

    What several refer to is counted once: as a dataset's before an output's before code. `uploads` were not used yet
    or broke off; `unused` is content that nothing refers to; `jobs` are folders and `containers` are stopped ones
    that belong to no job any more.
    """

    kind: StoreKind
    count: int = 0
    size: int = 0
    free_count: int = 0
    free_size: int = 0


@dataclass(frozen=True, slots=True)
class GcReport:
    """What a collection would free (`dry_run`), or has freed. `disk_free` is the free disk in bytes now."""

    dry_run: bool
    kinds: tuple[GcKind, ...]
    disk_free: int

    @property
    def free_size(self) -> int:
        """Bytes that go, or went."""
        return sum(kind.free_size for kind in self.kinds)

    @property
    def free_count(self) -> int:
        """How many things go, or went."""
        return sum(kind.free_count for kind in self.kinds)


@dataclass(frozen=True, slots=True)
class Damage:
    """A blob or manifest that is ``damaged`` or ``missing``, and the full names of what it touches."""

    digest: str
    what: str
    touches: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FsckReport:
    """How many files were read, and what was found damaged."""

    checked: int
    damage: tuple[Damage, ...] = ()
