"""The fetches of the runner: each a task that goes on whoever looks, is cancelled by word, and outlives the runner."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from runner.errors import BadRequest, RunnerError
from runner.fetching.addresses import parse_address, require_allowed_host, shown
from runner.fetching.bringing import Bringing, Store
from runner.fetching.report import Report
from runner.fetching.table import FetchStore, Unfinished, Wish
from runner.models import Event, Fetch, NewFetch, check_name, is_digest
from runner.settings import Settings

log = logging.getLogger(__name__)
# How long one may look up how a fetch ended.
_KEPT_SECONDS = 7 * 24 * 3600.0
_STUMBLED = "See runner.log in the runner's data folder, and report it."


class Fetches:
    """What the runner fetches from the net for datasets."""

    def __init__(self, settings: Settings, table: FetchStore, store: Store, publish: Callable[[Event], None]) -> None:
        self._settings, self._table, self._store, self._publish = settings, table, store, publish
        self._folder = settings.data_dir / "fetches"
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self._turns = asyncio.Semaphore(max(1, settings.fetch_at_once))
        self._reports: dict[str, Report] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        # Between what is written down of a beginning or an end and what goes on here, nobody else looks.
        self._changing = asyncio.Lock()

    async def start(self) -> None:
        """Take up what an earlier runner left, and drop what belongs to nothing."""
        await self._table.prune(time.time() - _KEPT_SECONDS)
        resumable = await self._table.resumable()
        for file in self._folder.iterdir():
            if file.stem not in resumable:
                file.unlink()
        for each in await self._table.unfinished():
            self._begin(each)

    async def close(self) -> None:
        """Break off; the next runner goes on where each of them is."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def add(self, owner: str, dataset: str, new: NewFetch, own: bool) -> Fetch:
        """Begin to fetch for the next version of `dataset`; the same being under way already, that is the answer.

        `own` says that it is the runner's own user who asks. Raises `BadRequest`, `BadName`, `Forbidden`, `Conflict`.
        """
        url = parse_address(new.url)
        require_allowed_host(url, own)
        sha256 = new.sha256.strip().lower() if new.sha256 is not None else None
        if sha256 is not None and not is_digest(sha256):
            raise BadRequest(f"{new.sha256!r} is not a SHA-256 digest.", "Write its 64 hexadecimal digits.")
        wish = Wish(str(url), sha256, new.unpack, new.message, own)
        name = check_name(dataset, "dataset name")
        fetch = Fetch(uuid.uuid4().hex[:8], owner, name, shown(url), "waiting", time.time())
        async with self._changing:
            work = await self._table.add(fetch, wish)
            if work.fetch.id not in self._tasks:
                self._begin(work)
        return self._now(work.fetch)

    async def of_owner(self, owner: str) -> list[Fetch]:
        """The owner's fetches, newest first: under way, and how those of the last week ended."""
        return [self._now(fetch) for fetch in await self._table.of_owner(owner)]

    async def get(self, owner: str, fetch: str) -> Fetch:
        """One of them as it is now; raises `NotFound`."""
        return self._now(await self._table.get(owner, fetch))

    async def cancel(self, owner: str, fetch: str) -> Fetch:
        """Break it off, and drop what came; one that has ended is forgotten. Raises `NotFound`."""
        found = await self.get(owner, fetch)
        task, report = self._tasks.get(found.id), self._reports.get(found.id)
        if task is not None and report is not None:
            if not report.committing:
                report.cancelled = True
                task.cancel()
            await asyncio.wait((task,))
            return await self.get(owner, fetch)
        await self._table.remove(found.id)
        await asyncio.to_thread(self._drop, found.id)
        self._publish(Event(removed=f"{owner}/fetches/{found.id}"))
        return found

    def _now(self, fetch: Fetch) -> Fetch:
        """What is written down of a fetch lags behind while it goes on."""
        report = self._reports.get(fetch.id)
        return report.fetch if report is not None else fetch

    def _begin(self, work: Unfinished) -> None:
        report = self._reports[work.fetch.id] = Report(work.fetch, self._publish)
        task = asyncio.create_task(self._run(work, report), name=f"fetch {work.fetch.id}")
        self._tasks[work.fetch.id] = task

    async def _run(self, work: Unfinished, report: Report) -> None:
        """One fetch to its end, which is written down; a runner that stops leaves it as it is."""
        bringing = Bringing(self._settings, self._store, self._table, self._path(work.fetch.id))
        try:
            report.change(state="waiting")
            async with self._turns:
                added = await bringing.run(work, report)
            await self._end(report, state="done", added=added)
        except asyncio.CancelledError:
            if report.cancelled:
                await self._end(report, state="cancelled")
            raise
        except RunnerError as error:
            await self._end(report, state="failed", problem=error.problem())
        except Exception as error:
            log.exception("fetch %s of %s failed", work.fetch.id, work.fetch.url)
            what = f"The runner stumbled over {type(error).__name__}."
            await self._end(report, state="failed", problem=RunnerError(what, _STUMBLED).problem())

    async def _end(self, report: Report, **fields: Any) -> None:
        """Write the end down, then tell of it; what came of a failed one stays for another try."""
        ended = replace(report.fetch, note="", rate=0.0, ended_at=time.time(), **fields)
        async with self._changing:
            await self._table.save(ended)
            if ended.state != "failed":
                await asyncio.to_thread(self._drop, ended.id)
            del self._tasks[ended.id], self._reports[ended.id]
        self._publish(Event(fetch=ended))

    def _path(self, fetch: str) -> Path:
        return self._folder / f"{fetch}.part"

    def _drop(self, fetch: str) -> None:
        self._path(fetch).unlink(missing_ok=True)
