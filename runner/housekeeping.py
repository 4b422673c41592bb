"""Garbage collection as the runner does it: one pass at a time, asked for or every night, containers included."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from runner.errors import RunnerError
from runner.executors import Executors
from runner.models import GcKind, GcReport
from runner.settings import Settings
from runner.store.gc import Collector
from runner.store.jobs import JobStore

log = logging.getLogger(__name__)


class Housekeeping:
    """Collects what nothing refers to."""

    def __init__(self, settings: Settings, collector: Collector, jobs: JobStore, executors: Executors) -> None:
        self._settings = settings
        self._collector = collector
        self._jobs = jobs
        self._executors = executors
        self._pass: asyncio.Task[GcReport] | None = None
        self._nightly: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Collect every day at the time that is set, if one is."""
        if self._settings.gc_at is not None:
            self._nightly = asyncio.create_task(self._every_day(self._settings.gc_at), name="nightly gc")

    async def close(self) -> None:
        """Break off what is under way; the next pass goes on."""
        for task in (self._nightly, self._pass):
            if task is not None:
                task.cancel()
                await asyncio.wait((task,))

    async def survey(self) -> GcReport:
        """What `collect` would free; nothing is changed."""
        kinds = await self._collector.survey(self._cutoff())
        count = len(await self._containers())
        return self._report(True, [*kinds, GcKind("containers", count, 0, count)])

    async def collect(self) -> GcReport:
        """Free it. A pass that is under way already is waited for, and its report the answer.

        Who asked may go away meanwhile: the pass goes on.
        """
        if self._pass is None or self._pass.done():
            self._pass = asyncio.create_task(self._collect(), name="gc")
        return await asyncio.shield(self._pass)

    async def _collect(self) -> GcReport:
        begun = time.monotonic()
        containers = await self._containers()
        for container in containers:
            await self._executors.docker.discard(container)
        kinds = await self._collector.collect(self._cutoff())
        report = self._report(False, [*kinds, GcKind("containers", 0, 0, len(containers))])
        log.info("gc: %d things, %d bytes freed", report.free_count, report.free_size)
        log.info("gc: took %.1f s", time.monotonic() - begun)
        return report

    async def _containers(self) -> list[str]:
        """Containers of jobs that have ended or are gone. Those without a job are somebody's at this moment."""
        if "docker" not in self._executors.offered:
            return []
        with contextlib.suppress(RunnerError):
            found = await self._executors.docker.leftovers()
            # Asked after that: a container of a job that began meanwhile is not among them.
            active = {standing.job.name for standing in await self._jobs.active()}
            return [container for container, job in found.items() if job and job not in active]
        return []

    def _cutoff(self) -> float:
        return time.time() - self._settings.gc_grace

    def _report(self, dry_run: bool, kinds: list[GcKind]) -> GcReport:
        return GcReport(dry_run, tuple(kinds), shutil.disk_usage(self._settings.data_dir).free)

    async def _every_day(self, at: str) -> None:
        await every_day(at, self._try)

    async def _try(self) -> None:
        try:
            await self.collect()
        except Exception:
            log.exception("the nightly garbage collection failed; the next one tries again")


async def every_day(
    at: str, work: Callable[[], Awaitable[None]], now: Callable[[], datetime] = lambda: datetime.now().astimezone()
) -> None:
    """Do `work` each day when the clock `now` shows `at` (``HH:MM``), for ever."""
    while True:
        await asyncio.sleep(seconds_until(at, now()))
        await work()


def seconds_until(at: str, now: datetime) -> float:
    """Seconds from `now` to the next time that the clock shows `at` (``HH:MM``); never 0."""
    hour, minute = map(int, at.split(":"))
    then = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    return (then - now if then > now else then + timedelta(days=1) - now).total_seconds()
