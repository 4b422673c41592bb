"""Syncs that go on in the background, one a job: what each has brought, and how it stands."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from floyd_tui.client.progress import Progress
from floyd_tui.client.protocol import Link
from floyd_tui.client.sync import Round, Sync
from floyd_tui.errors import FloydError
from runner.models import Job


@dataclass(frozen=True, slots=True)
class SyncState:
    """How a sync of `job` into the folder `to` stands; `files` and `size` (bytes) have come so far.

    `last` is what its last round found, `progress` how far the one under way is. A sync that is `over` has brought all
    there is to bring, or ended with `error`.
    """

    link: Link
    job: Job
    to: Path
    files: int = 0
    size: int = 0
    last: Round = field(default_factory=Round)
    progress: Progress | None = None
    over: bool = False
    error: FloydError | None = None


class Syncs:
    """The syncs of one program. `tell` is called with the state before and after each change but mere progress."""

    def __init__(self, tell: Callable[[SyncState, SyncState], None]) -> None:
        self._tell = tell
        self._states: dict[str, SyncState] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._syncs: dict[str, Sync] = {}

    @property
    def running(self) -> list[SyncState]:
        """Those that are not over."""
        return [state for state in self._states.values() if not state.over]

    def of(self, link: Link, job: Job) -> SyncState | None:
        """The sync of a job, running or over; None where it has none."""
        return self._states.get(_key(link, job))

    def start(self, link: Link, job: Job, to: Path, overwrite: bool = False) -> None:
        """Begin to sync the output of `job` into `to`, until it ends; one that runs already is ended first."""
        key = _key(link, job)
        before = self._tasks.pop(key, None)
        self._states[key] = SyncState(link, job, to.expanduser().absolute())
        self._tasks[key] = asyncio.create_task(self._run(key, before, overwrite))

    async def stop(self, link: Link, job: Job) -> None:
        """End the sync of a job and forget it; what came stays, and the next one goes on."""
        key = _key(link, job)
        await _ended(self._tasks.pop(key, None))
        self._states.pop(key, None)

    def allow(self, link: Link, job: Job) -> None:
        """Let what is in the way of a job's sync be written over."""
        key = _key(link, job)
        state = self._states[key]
        if key in self._syncs:
            self._syncs[key].allow(state.last.clashes)
        else:
            self.start(link, job, state.to, overwrite=True)

    async def close(self) -> None:
        """End all."""
        tasks, self._tasks = list(self._tasks.values()), {}
        for task in tasks:
            await _ended(task)

    async def _run(self, key: str, before: asyncio.Task[None] | None, overwrite: bool) -> None:
        await _ended(before)
        state = self._states[key]
        try:
            async with Sync(state.link, state.job, state.to, overwrite=overwrite) as sync:
                self._syncs[key] = sync
                await sync.follow(lambda now: self._took(key, now), lambda now: self._progress(key, now))
        except FloydError as error:
            self._set(key, error=error, over=True)
        finally:
            self._syncs.pop(key, None)

    def _took(self, key: str, now: Round) -> None:
        state = self._states[key]
        self._set(
            key,
            job=self._syncs[key].job,
            files=state.files + len(now.came),
            size=state.size + now.size,
            last=now,
            progress=None,
            over=now.ended,
        )

    def _progress(self, key: str, now: Progress) -> None:
        self._states[key] = replace(self._states[key], progress=now if now.done_bytes < now.total_bytes else None)

    def _set(self, key: str, **changes: object) -> None:
        before = self._states[key]
        self._states[key] = replace(before, **changes)  # type: ignore[arg-type]
        self._tell(before, self._states[key])


def _key(link: Link, job: Job) -> str:
    return f"{link.name} {job.name}"


async def _ended(task: asyncio.Task[None] | None) -> None:
    if task is not None:
        task.cancel()
        await asyncio.wait((task,))
