"""Downloads of one program, one after another in the background: paused, gone on with, tried again, kept for next time.

::

    waiting ──> running ──> done
       ^          │ │ └──> clash, failed ──(allow, resume)──> waiting
       └─(line)─ lost └──> paused ──(resume)──> waiting
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Literal

from floyd_tui.client.download import Downloaded, download
from floyd_tui.client.progress import Progress
from floyd_tui.client.protocol import Link, LinkState, LinkStatus
from floyd_tui.client.transfer_memory import TransferMemory, Unfinished
from floyd_tui.errors import FilesInTheWay, FloydError, HostError

# More at once gain nothing on one line, and each would take longer.
AT_ONCE = 2
# For so long a host that failed is left alone at least.
LOST_SECONDS = 1.0
State = Literal["waiting", "running", "lost", "paused", "clash", "failed", "done"]
OVER: frozenset[State] = frozenset({"done"})
BUSY: frozenset[State] = frozenset({"waiting", "running", "lost"})


@dataclass(frozen=True, slots=True)
class Transfer:
    """A download of `paths` of `source` into the folder `to`, and how it stands.

    `error` says why it failed, or for what it waits; `came` is what has come of each path, once that is whole.
    """

    id: int
    link: Link
    source: str
    paths: tuple[str, ...]
    to: Path
    overwrite: bool = False
    state: State = "waiting"
    progress: Progress = field(default_factory=Progress)
    error: FloydError | None = None
    came: tuple[Downloaded, ...] = ()

    @property
    def place(self) -> Path:
        """Where it is, or will be."""
        return self.came[0].path if len(self.came) == 1 and len(self.paths) == 1 else self.to


Watcher = Callable[[Transfer, Transfer], None]


class Transfers:
    """The queue. At most `AT_ONCE` run; what is not done when the program ends is offered again by `restore`."""

    def __init__(self, memory: TransferMemory | None = None) -> None:
        self._memory = memory or TransferMemory()
        self._ids = count(1)
        self._all: dict[int, Transfer] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._watchers: list[Watcher] = []

    @property
    def all(self) -> list[Transfer]:
        """All of them, oldest first."""
        return list(self._all.values())

    @property
    def busy(self) -> list[Transfer]:
        """Those that go on, or will by themselves."""
        return [one for one in self._all.values() if one.state in BUSY]

    @property
    def rate(self) -> float:
        """Bytes a second of all together."""
        return sum(one.progress.rate for one in self._all.values() if one.state == "running")

    def get(self, id: int) -> Transfer | None:
        """How one stands; None where it was cancelled or cleared."""
        return self._all.get(id)

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Call `watcher` with the state before and after each change, of progress too; returns what ends that."""
        self._watchers.append(watcher)
        return lambda: self._watchers.remove(watcher)

    def add(self, link: Link, source: str, paths: Sequence[str], to: Path, overwrite: bool = False) -> Transfer:
        """Fetch `paths` of `source` into `to` as soon as it is their turn."""
        transfer = Transfer(next(self._ids), link, source, tuple(paths), to.expanduser().absolute(), overwrite)
        self._all[transfer.id] = transfer
        self._changed()
        return transfer

    def restore(self, link_of: Callable[[str], Link | None]) -> list[Transfer]:
        """Take up, paused, what programs that are gone left unfinished; hosts that are no more are left out."""
        found = []
        for one in self._memory.take():
            if (link := link_of(one.host)) is not None:
                transfer = Transfer(next(self._ids), link, one.source, one.paths, Path(one.to), one.overwrite, "paused")
                self._all[transfer.id] = transfer
                found.append(transfer)
        self._changed()
        return found

    async def pause(self, id: int) -> None:
        """Stop one for now; what came is kept, and it goes on from there."""
        if (one := self._all.get(id)) is not None and one.state in BUSY:
            self._set(id, state="paused", progress=replace(one.progress, rate=0.0, eta_seconds=None))
            await self._end(id)
            self._changed()

    def resume(self, id: int) -> None:
        """Let one that is paused, failed or in the way of files go on."""
        if (one := self._all.get(id)) is not None and one.state in ("paused", "failed", "clash"):
            self._set(id, state="waiting", error=None)
            self._changed()

    def allow(self, id: int) -> None:
        """Let one write over the files that are in its way."""
        if id in self._all:
            self._set(id, overwrite=True)
            self.resume(id)

    async def cancel(self, id: int) -> None:
        """End one and forget it; whole files that came stay."""
        if self._all.pop(id, None) is not None:
            await self._end(id)
            self._changed()

    def clear(self) -> int:
        """Forget those that are done; returns how many there were."""
        done = [one.id for one in self._all.values() if one.state in OVER]
        for id in done:
            del self._all[id]
        return len(done)

    async def close(self) -> None:
        """End all, and leave them to the next program."""
        for id in list(self._tasks):
            await self._end(id)

    # What goes on

    def _changed(self) -> None:
        """Start what may start, and write down what is not done."""
        running = sum(one.state == "running" for one in self._all.values())
        for one in list(self._all.values()):
            if one.state == "waiting" and one.id not in self._tasks and running < AT_ONCE:
                running += 1
                self._set(one.id, state="running")
                self._tasks[one.id] = asyncio.create_task(self._run(one.id))
        self._memory.keep(
            Unfinished(one.link.name, one.source, one.paths, str(one.to), one.overwrite)
            for one in self._all.values()
            if one.state not in OVER
        )

    async def _run(self, id: int) -> None:
        try:
            await self._fetch(id)
        except FilesInTheWay as error:
            self._set(id, state="clash", error=error)
        except HostError as error:
            self._set(id, state="lost", error=error)
            await asyncio.sleep(LOST_SECONDS)
            await _live(self._all[id].link)
            self._set(id, state="waiting", error=None)
        except FloydError as error:
            self._set(id, state="failed", error=error)
        self._tasks.pop(id, None)
        self._changed()

    async def _fetch(self, id: int) -> None:
        """Fetch all paths, one after another; each is kept even where the next one fails."""
        one = self._all[id]
        await one.link.start()
        await one.link.connected()
        came: list[Downloaded] = []
        for path in one.paths:
            fetched = await download(
                one.link,
                one.source,
                path,
                one.to,
                overwrite=one.overwrite,
                progress=lambda now: self._set(id, progress=now),
            )
            came.append(fetched)
        self._set(id, state="done", came=tuple(came), error=None)

    async def _end(self, id: int) -> None:
        task = self._tasks.pop(id, None)
        if task is not None:
            task.cancel()
            await asyncio.wait((task,))

    def _set(self, id: int, **changes: object) -> None:
        before = self._all.get(id)
        if before is None:
            return
        now = self._all[id] = replace(before, **changes)  # type: ignore[arg-type]
        for watcher in list(self._watchers):
            watcher(before, now)


async def _live(link: Link) -> None:
    """Wait until `link` is live."""
    live = asyncio.Event()

    def changed(status: LinkStatus) -> None:
        if status.state is LinkState.LIVE:
            live.set()

    unwatch = link.watch(changed)
    try:
        changed(link.status)
        await live.wait()
    finally:
        unwatch()
