"""Clearing up what a runner that was killed left of jobs that have ended: folders, containers, probes of images."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from pathlib import Path

from runner.ending import clear_folder
from runner.errors import RunnerError
from runner.executors import Executors
from runner.store.jobs import JobStore

log = logging.getLogger(__name__)
# What the killed runner asked the engine for may still be made: it is looked for again after so many seconds.
_LATE = 5.0
_RETRY = 30.0


class Sweeper:
    """Sweeps at the start of a runner, and once more a little later."""

    def __init__(self, jobs: Path, executors: Executors, store: JobStore) -> None:
        self._jobs, self._executors, self._store = jobs, executors, store
        self._started_at = time.time()
        self._late: asyncio.Task[None] | None = None

    async def start(self, active: frozenset[str]) -> None:
        """Clear up after all but the `active` jobs, by their names; what comes late is cleared up later."""
        await asyncio.to_thread(_sweep_folders, self._jobs, active)
        if "docker" in self._executors.offered:
            with contextlib.suppress(RunnerError):
                await self._executors.docker.sweep(active)
            self._late = asyncio.create_task(self._sweep_late(), name="late sweep")

    async def close(self) -> None:
        """Sweep no more."""
        if self._late is not None:
            self._late.cancel()
            await asyncio.wait((self._late,))

    async def _sweep_late(self) -> None:
        await asyncio.sleep(_LATE)
        while not await self._swept():  # noqa: ASYNC110 (an engine sets no asyncio.Event)
            await asyncio.sleep(_RETRY)

    async def _swept(self) -> bool:
        try:
            active = frozenset(standing.job.name for standing in await self._store.active())
            await self._executors.docker.sweep(active, before=self._started_at)
        except RunnerError as error:
            log.warning("what an earlier runner left cannot be cleared up yet: %s", error)
            return False
        return True


def _sweep_folders(jobs: Path, active: frozenset[str]) -> None:
    for folder in jobs.glob("*/*/*"):
        owner, project, number = folder.parts[-3:]
        if f"{owner}/projects/{project}/{number}" not in active:
            clear_folder(folder)
