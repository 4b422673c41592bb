"""The part of the fake client that looks after the disk: what takes it, collecting, checking."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from floyd_tui.client.fake_host import FakeHost
from runner.models import FsckReport, FsckStep, GcKind, GcReport, GcStep

GIB = 1 << 30


class FakeDisk:
    """Mixed into `floyd_tui.client.fake.FakeClient`, which has the host.

    A collection that is held (`host.hold("gc")`) has told how far it is, and so has a check (``"fsck"``); the gate of a
    survey is called ``"survey"``.
    """

    host: FakeHost

    async def gc(self, dry_run: bool = False, tell: Callable[[GcStep], None] | None = None) -> GcReport:
        host = self.host
        if tell:
            tell(GcStep("looking", 40, 320) if dry_run else GcStep("freeing", 21, 32, host.unused * 5 // 8))
        await host.gate("survey" if dry_run else "gc")
        before = _kinds(host)
        freed = sum(kind.free_size for kind in before)
        stopped, host.cancelled = host.cancelled and not dry_run, False
        if not dry_run and not stopped:
            host.unused = 0
            host.trash.clear()
            host.stats.append(replace(host.stats[-1], disk_used=host.stats[-1].disk_used - freed))
            host.tell()
        stats, after = host.stats[-1], _kinds(host)
        kinds = [replace(b, count=a.count, size=a.size) for b, a in zip(before, after, strict=True)]
        free = stats.disk_total - stats.disk_used
        return GcReport(dry_run, tuple(kinds), free, stats.disk_total, stats.disk_reserve, stopped, host.unread)

    async def cancel_gc(self) -> None:
        await self.host.gate("cancel_gc")
        self.host.cancelled = True
        if "gc" in self.host.gates:
            self.host.gates["gc"].set()

    async def fsck(self, tell: Callable[[FsckStep], None] | None = None) -> FsckReport:
        host = self.host
        files, size = 61_204, 96 * GIB
        if tell:
            tell(FsckStep(files // 3, files, size // 4, size))
        await host.gate("fsck")
        if host.cancelled:
            host.cancelled = False
            return FsckReport(files // 3, host.damage, size // 4, stopped=True)
        return FsckReport(files, host.damage, size)

    async def cancel_fsck(self) -> None:
        await self.host.gate("cancel_fsck")
        self.host.cancelled = True
        if "fsck" in self.host.gates:
            self.host.gates["fsck"].set()


def _kinds(host: FakeHost) -> list[GcKind]:
    """What takes the disk; of what nothing refers to there are `host.unused` bytes, and none once they are gone."""
    there, deleted = host.unused > 0, len(host.trash)
    size = sum(one.size for one, _ in host.trash)
    versions = [version for one in host.datasets.values() for version in one.versions]
    outputs = [job.output_size for job in host.jobs.values() if job.output_size]
    return [
        GcKind("datasets", sum(version.files for version in versions), sum(version.size for version in versions)),
        GcKind("outputs", sum(job.output_files for job in host.jobs.values()), sum(outputs)),
        GcKind("code", 412, 38_400_000),
        GcKind("jobs", len(host.jobs), 1_260_000_000),
        GcKind("uploads", 3 * there, 240_000_000 * there),
        GcKind("unused", 1_312 * there, host.unused, 1_312 * there, host.unused),
        GcKind("images", 3 + there, 6_600_000_000 + 3_100_000_000 * there, there, 3_100_000_000 * there),
        GcKind("containers", 1 + 2 * there, 43_000_000 + 18_000_000 * there, 2 * there, 18_000_000 * there),
        GcKind("trash", deleted, size, deleted, size),
        GcKind("quarantine"),
        GcKind("runner", 6, 41_000_000),
    ]
