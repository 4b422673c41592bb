"""Housekeeping: what takes the disk, collecting what nothing refers to, checking what is stored.

Each goes on in the background, one of a kind at a time; a collection every night too, if that is set.
"""

from __future__ import annotations

import asyncio
import logging
import math
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from runner.errand import Course, Errand, Stopped
from runner.errors import NoSpace, RunnerError
from runner.leftovers import Leftovers
from runner.models import FsckStep, GcKind, GcReport, GcStep
from runner.settings import Settings
from runner.store.census import ORDER
from runner.store.db import Database
from runner.store.disk import format_size
from runner.store.fsck import Check
from runner.store.gc import Collector
from runner.threads import within

log = logging.getLogger(__name__)
# Who is refused for want of disk waits no longer than this, in seconds, to hear what a collection would free.
_SOON = 5.0
# How often the clock is looked at, in seconds: it is set, the machine sleeps, summer comes.
_LOOK = 60.0


class Housekeeping:
    """Surveys, collections and checks of one store, of whose disk `reserve` bytes are to stay free."""

    def __init__(
        self, settings: Settings, collector: Collector, leftovers: Leftovers, db: Database, reserve: int
    ) -> None:
        self._settings, self._collector, self._leftovers = settings, collector, leftovers
        self._db, self._reserve = db, reserve
        self._looking = Errand("survey", GcStep())
        self._collecting = Errand("garbage collection", GcStep())
        self._checking = Errand("check", FsckStep())
        self._nightly: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Collect every day at the time that is set, if one is."""
        if self._settings.gc_at is not None:
            self._nightly = asyncio.create_task(self._every_day(self._settings.gc_at), name="nightly gc")

    async def close(self) -> None:
        """Break off what is under way; the next pass goes on."""
        if self._nightly is not None:
            self._nightly.cancel()
            await asyncio.wait((self._nightly,))
        for errand in (self._looking, self._collecting, self._checking):
            await errand.close()

    # Collecting

    async def survey(self) -> GcReport:
        """What `collect` would free; nothing is changed."""
        return _reported(await self._looking.run(self._look))

    def follow_survey(self) -> AsyncIterator[GcStep]:
        """The same, told step by step."""
        return self._looking.follow(self._look)

    async def collect(self) -> GcReport:
        """Free it. A pass that is under way already is joined, and its report the answer.

        Who asked may go away meanwhile: the pass goes on.
        """
        return await self._collect_deleted_before(math.inf)

    def follow_collection(self, key: str) -> AsyncIterator[GcStep]:
        """The same, told step by step; `key` is as `Errand` says."""
        return self._collecting.follow(partial(self._collect, math.inf), key)

    def cancel_collection(self) -> bool:
        """Let a collection end early; what went is gone. False where none goes on."""
        return self._collecting.cancel()

    async def advise(self, error: NoSpace) -> NoSpace:
        """`error` with what a collection would free, where that is known soon enough."""
        try:
            size = (await within(self.survey(), _SOON)).free_size
        except (asyncio.TimeoutError, RunnerError):
            return error
        would = f"would free {format_size(size)}" if size else "has nothing to free"
        return NoSpace(error.detail, f"`floyd-tui gc` {would} there. {error.hint}")

    async def _look(self, course: Course[GcStep]) -> GcStep:
        found = await self._collector.survey(self._cutoff(), course)
        kinds = [*found.kinds, *await self._leftovers.kinds(self._cutoff())]
        return self._done(course, kinds, found.damaged, dry_run=True)

    async def _collect_deleted_before(self, moment: float) -> GcReport:
        return _reported(await self._collecting.run(partial(self._collect, moment)))

    async def _collect(self, deleted_before: float, course: Course[GcStep]) -> GcStep:
        begun = time.monotonic()

        def going_on(done: int, total: int) -> None:
            course.at(GcStep("containers", done, total))

        try:
            freed = await self._leftovers.free(self._cutoff(), going_on)
        except Stopped:
            return self._done(course, [])
        found = await self._collector.collect(self._cutoff(), course, deleted_before)
        left = [] if course.stopping.is_set() else await self._leftovers.kinds(self._cutoff())
        step = self._done(course, [*found.kinds, *_gone(left), *freed], found.damaged)
        report = _reported(step)
        log.info("gc: %d things, %d bytes freed", report.free_count, report.free_size)
        log.info("gc: took %.1f s", time.monotonic() - begun)
        for digest in found.damaged:
            log.warning("gc: the manifest of tree %s is damaged; its owners keep all that they hold", digest)
        return step

    def _done(
        self, course: Course[GcStep], kinds: Iterable[GcKind], damaged: Iterable[str] = (), dry_run: bool = False
    ) -> GcStep:
        usage = shutil.disk_usage(self._settings.data_dir)
        total = usage.used + usage.free
        stopped = course.stopping.is_set()
        report = GcReport(dry_run, _merged(kinds), usage.free, total, self._reserve, stopped, tuple(damaged))
        return replace(course.step, freed=report.free_size, report=report)

    def _cutoff(self) -> float:
        return time.time() - self._settings.gc_grace

    # Checking

    def follow_check(self, key: str) -> AsyncIterator[FsckStep]:
        """Read all that is stored again, told step by step; `key` is as `Errand` says."""
        return self._checking.follow(self._check, key)

    def cancel_check(self) -> bool:
        """Let a check end early; what was found until then is told. False where none goes on."""
        return self._checking.cancel()

    async def _check(self, course: Course[FsckStep]) -> FsckStep:
        report = await Check(self._settings.data_dir, self._db, course).run()
        log.info("fsck: %d files of %d bytes read, %d damaged", report.checked, report.size, len(report.damage))
        return replace(course.step, report=report)

    # Every night

    async def _every_day(self, at: str) -> None:
        await every_day(at, self._try)

    async def _try(self) -> None:
        try:
            await self._collect_deleted_before(time.time() - self._settings.trash_keep)
        except Exception:
            log.exception("the nightly garbage collection failed; the next one tries again")


def _reported(step: GcStep) -> GcReport:
    assert step.report is not None, "the last step of a pass"
    return step.report


def _gone(kinds: Iterable[GcKind]) -> list[GcKind]:
    """What is left after a pass: nothing of it went."""
    return [replace(kind, free_count=0, free_size=0) for kind in kinds]


def _merged(kinds: Iterable[GcKind]) -> tuple[GcKind, ...]:
    """One of each kind, in their order, figures of the same kind added up."""
    found = {kind: GcKind(kind) for kind in ORDER}
    for one in kinds:
        old = found[one.kind]
        found[one.kind] = GcKind(
            one.kind,
            old.count + one.count,
            old.size + one.size,
            old.free_count + one.free_count,
            old.free_size + one.free_size,
        )
    return tuple(found.values())


async def every_day(
    at: str, work: Callable[[], Awaitable[None]], now: Callable[[], datetime] = lambda: datetime.now().astimezone()
) -> None:
    """Do `work` each day when the clock `now` shows `at` (``HH:MM``), for ever; the clock may be set meanwhile."""
    while True:
        while (left := seconds_until(at, now())) > _LOOK:  # noqa: ASYNC110 (a clock sets no asyncio.Event)
            await asyncio.sleep(_LOOK)
        await asyncio.sleep(left)
        await work()


def seconds_until(at: str, now: datetime) -> float:
    """Seconds from `now` to the next time that the clock shows `at` (``HH:MM``); never 0."""
    hour, minute = map(int, at.split(":"))
    then = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    return (then - now if then > now else then + timedelta(days=1) - now).total_seconds()
