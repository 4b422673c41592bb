"""Watch mode: run again on every change, with the same settings, stopping the run before or letting it end.

`watch_loop` is an async generator of typed events; the command line prints them, the UI draws them.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from floyd_tui.client.protocol import Link
from floyd_tui.errors import FloydError, ProjectError
from floyd_tui.project.config import CONFIG_FILES
from floyd_tui.project.large import Consider
from floyd_tui.project.run import Stage, scan_code, send_code
from floyd_tui.project.watch import changes
from floyd_tui.project.watch_wishes import Wishes
from runner.models import Job, Launch

# Between two looks whether a run has ended that is waited for.
LOOK_SECONDS = 0.5
LATE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Changed:
    """Files changed; `paths` are relative to the folder, sorted, and the last was saved `at` (epoch seconds)."""

    paths: tuple[str, ...]
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The change left every file as the last run had it: nothing to do."""


@dataclass(frozen=True, slots=True)
class Stopping:
    """The last run still runs and is being stopped."""

    job: Job


@dataclass(frozen=True, slots=True)
class Waiting:
    """The last run still runs and is waited for."""

    job: Job


@dataclass(frozen=True, slots=True)
class Sending:
    """The new run's code is being scanned or sent, or the run launched."""

    stage: Stage


@dataclass(frozen=True, slots=True)
class Launched:
    """A run was launched."""

    job: Job


@dataclass(frozen=True, slots=True)
class Failed:
    """This change could not be run; the next one is tried again."""

    error: FloydError


WatchEvent = Changed | Unchanged | Stopping | Waiting | Sending | Launched | Failed


Again = Callable[[], Awaitable[Launch]]


async def watch_loop(
    link: Link,
    folder: Path,
    launch: Launch,
    last: Job | None = None,
    consider: Consider | None = None,
    wishes: Wishes | None = None,
    again: Again | None = None,
) -> AsyncGenerator[WatchEvent, None]:
    """Run `folder` now, and again on each change, until the generator is closed.

    `last` is a run to replace, ended before the first one starts; `consider` is asked before much goes up; `again`
    makes the launch anew once the folder's settings (floyd.yml) have changed. Raises `ProjectError` if the folder
    cannot be watched; what goes wrong with a run is told as `Failed`.
    """
    loop = _Loop(link, folder, launch, last, consider, wishes or Wishes(), again)
    work = asyncio.create_task(loop.work())
    try:
        while True:
            event = asyncio.create_task(loop.events.get())
            await asyncio.wait({event, work}, return_when=asyncio.FIRST_COMPLETED)
            if not event.done():
                event.cancel()
                await work  # only an error ends it
                return
            yield event.result()
    finally:
        await _end(work)


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError, FloydError):
        await task


class _Loop:
    """One watched folder: its last run and what that was made of."""

    def __init__(
        self,
        link: Link,
        folder: Path,
        launch: Launch,
        last: Job | None,
        consider: Consider | None,
        wishes: Wishes,
        again: Again | None,
    ) -> None:
        self.events: asyncio.Queue[WatchEvent] = asyncio.Queue()
        self._link = link
        self._folder = folder
        self._launch = launch
        self._last = last
        self._consider = consider
        self._wishes = wishes
        self._again = again
        self._stale = False
        self._ran: str | None = None
        self._interruptible = True

    async def work(self) -> None:
        feed = changes(self._folder)
        pending = await self._watching(feed)
        try:
            await self._run(pending)
            while True:
                paths = await pending
                pending = await self._watching(feed)
                at = await asyncio.to_thread(_saved_at, self._folder, paths)
                self.events.put_nowait(Changed(tuple(sorted(paths)), at))
                await self._wishes.going.wait()
                await self._run(pending)
        except StopAsyncIteration:
            raise ProjectError(f"{self._folder} is no longer watched.", "Start watching again.") from None
        finally:
            pending.cancel()
            with contextlib.suppress(asyncio.CancelledError, FloydError, StopAsyncIteration):
                await pending

    async def _run(self, change: asyncio.Task[frozenset[str]]) -> None:
        """Run once; gives up before launching if a further change comes, since that one is run anyway."""
        attempt = asyncio.create_task(self._attempt())
        try:
            await asyncio.wait({attempt, change}, return_when=asyncio.FIRST_COMPLETED)
            if not attempt.done() and not self._interruptible:
                await asyncio.wait({attempt})
        finally:
            await _end(attempt)

    async def _attempt(self) -> None:
        try:
            await self._link.connected()
            if self._stale and self._again is not None:
                self._launch = await self._again()
                self._stale = False
            await self._link.client.check_launch(self._launch)
            snapshot = await scan_code(self._link, self._folder, self._tell, self._consider)
            if snapshot.digest == self._ran:
                self.events.put_nowait(Unchanged())
                return
            await self._end_last()
            await self._wishes.going.wait()
            launch = await send_code(self._link, snapshot, self._launch, self._tell)
            # From here on a cancelled request could leave a job behind that nobody follows.
            self._interruptible = False
            self._tell(Stage("launching", snapshot=snapshot))
            self._last = await self._link.client.launch(launch)
            self._ran = snapshot.digest
            self.events.put_nowait(Launched(self._last))
        except FloydError as error:
            self.events.put_nowait(Failed(error))
        finally:
            self._interruptible = True

    async def _end_last(self) -> None:
        if self._last is None:
            return
        told = False
        while not (job := await self._link.client.job(self._last.name)).state.ended:
            if not self._wishes.wait:
                self.events.put_nowait(Stopping(job))
                await self._link.client.stop(job.name)
                return
            if not told:
                self.events.put_nowait(Waiting(job))
                told = True
            # Asked for, and not heard of by events: the answer is to hold through lost connections, and one may change
            # one's mind meanwhile.
            await asyncio.sleep(LOOK_SECONDS)

    def _tell(self, stage: Stage) -> None:
        self.events.put_nowait(Sending(stage))

    async def _watching(self, feed: AsyncIterator[frozenset[str]]) -> asyncio.Task[frozenset[str]]:
        """Wait for the next batch in a task that has begun to: no change from now on is missed."""

        async def next_batch() -> frozenset[str]:
            while True:
                paths = await anext(feed)
                self._stale = self._stale or not paths.isdisjoint(CONFIG_FILES)
                if found := self._wishes.of(paths):
                    return found

        task = asyncio.create_task(next_batch())
        await asyncio.sleep(0)
        return task


def _saved_at(folder: Path, paths: Iterable[str]) -> float:
    """When the last of `paths` was written; now, where none is there or their times are not of a moment ago.

    A file that is moved here, or checked out by some tools, brings its own time along.
    """
    now = time.time()
    times = [0.0]
    for path in paths:
        with contextlib.suppress(OSError):
            times.append((folder / path).stat().st_mtime)
    return max(times) if now - LATE_SECONDS < max(times) <= now else now
