"""Keeping a folder here in step with a job's output: what is new or changed comes, nothing here is ever deleted.

What becomes of a file that the host lists:

=================================  ============================================================================
here                               then
=================================  ============================================================================
not, and never was                 it comes
not, but this version has come     it was deleted here, and stays so
as it came, the host has a newer   the newer one takes its place
as it came, the host the same      nothing
changed here, the host the same    nothing
changed here, the host a newer     it is in the way: it is named, and written over only where that was allowed
something else                     it is in the way too, unless its content is the same
=================================  ============================================================================

While the job runs a file comes once it is still (`runner.still` says when that is), in the version that was listed and
in no mixture of two; until then it waits. At the job's end everything is checked against its digest.
"""

from __future__ import annotations

import asyncio
import os
import stat
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from floyd_tui.client.ahead import to_the_end
from floyd_tui.client.download import bring
from floyd_tui.client.part_file import ENDING, PartFile
from floyd_tui.client.place import Place, Plan, Verdict, same_file
from floyd_tui.client.progress import Tell
from floyd_tui.client.protocol import Link
from floyd_tui.client.sync_memory import RESERVED, SyncMemory, version_of
from floyd_tui.errors import FilesInTheWay, HostError, TransferError
from runner.models import FileInfo, Job

POLL_SECONDS = 2.0
# A listing of a hundred thousand files takes the host a second: it is asked for one in ten of its seconds at most.
_SHARE = 10
# How often it is looked again where files are changed here while they come.
_TRIES = 5


@dataclass(frozen=True, slots=True)
class Round:
    """What one look at the host brought: the files that `came`, by where they are, and their `size` in bytes.

    `here` counts those that were here already. `waiting` (paths on the host) are being written, `clashes` (paths here)
    are in the way, `gone` counts what was deleted here, `changed` what was changed here and is not newer on the host.
    `left_out` are links that lead out of the folder, and names that are the sync's own. `ended` says that the job has.
    """

    came: tuple[Path, ...] = ()
    size: int = 0
    here: int = 0
    waiting: tuple[str, ...] = ()
    clashes: tuple[str, ...] = ()
    gone: int = 0
    changed: int = 0
    left_out: tuple[str, ...] = ()
    ended: bool = False


class Sync:
    """Syncs the output of `job`, or the file or folder `path` of it, into the folder `to`; use it as a context manager.

    Files keep their paths below the output, also where only a part of it is synced.
    """

    def __init__(self, link: Link, job: Job, to: Path, path: str = "", overwrite: bool = False) -> None:
        self.job, self.to, self.path, self.overwrite = job, to.expanduser().absolute(), path.strip("/"), overwrite
        self._link = link
        self._source = f"{job.name}/output"
        self._memory = SyncMemory(self.to, self._source)
        self._place = Place(self.to, "")
        self._listing: list[FileInfo] = []
        self._tag = ""
        self._again, self._swept = True, False
        self._cost = 0.0
        self._allowed: frozenset[str] = frozenset()

    async def __aenter__(self) -> Sync:
        await asyncio.to_thread(self._memory.open)
        return self

    async def __aexit__(self, *_: object) -> None:
        await to_the_end(self._memory.close)

    def allow(self, clashes: Iterable[str]) -> None:
        """Let the next round write over these files, which are in the way."""
        self._allowed, self._again = frozenset(clashes), True

    async def follow(self, tell: Callable[[Round], None], progress: Tell | None = None) -> Round:
        """Round after round until the job has ended and all of it is here; `tell` is told of each that found something.

        A lost line is waited for. Raises as `round`.
        """
        while True:
            try:
                now = await self.round(progress)
            except HostError:  # also a runner that is just being replaced
                await self._link.connected()
                now = None
            if now is not None:
                tell(now)
                if now.ended:
                    return now
            await asyncio.sleep(max(POLL_SECONDS, _SHARE * self._cost))

    async def round(self, progress: Tell | None = None) -> Round | None:
        """Fetch what is new or changed by now; None where nothing has changed since the last round.

        Raises `TransferError`, `HostError` or `RunnerProblem`.
        """
        self.job = await self._link.client.job(self.job.name)
        began = time.monotonic()
        listing, self._tag = await self._link.client.files_if_changed(self._source, self._tag)
        self._cost = time.monotonic() - began
        if listing is not None:
            self._listing = self._wanted(listing)
        elif not (self._again or self.job.state.ended):
            return None
        for _ in range(_TRIES):
            try:
                found = await self._bring(progress)
            except FilesInTheWay:
                continue  # changed here while it came: looked at again, it is in the way or is not
            self._again = bool(found.waiting)
            return found
        raise TransferError(f"The files in {self.to} change all the time.", "Sync again when they are at rest.")

    def _wanted(self, listing: Sequence[FileInfo]) -> list[FileInfo]:
        below = f"{self.path}/"
        found = [info for info in listing if not self.path or info.path == self.path or info.path.startswith(below)]
        if self.path and not found and self.job.state.ended:
            raise TransferError(
                f"There is no {self.path!r} in the output of {self.job.short}.",
                f"See what there is: floyd-tui output ls {self.job.short}",
            )
        if any(info.kind == "file" and not version_of(info) for info in found):
            name = self._link.name
            raise TransferError(
                f"The runner on {name} is older than this floyd-tui and does not tell versions of files apart.",
                f"Bring it up to date: floyd-tui host install {name}",
            )
        return found

    async def _bring(self, progress: Tell | None) -> Round:
        judge = _Judge(self._memory, self._allowed, self.overwrite)
        own = tuple(info.path for info in self._listing if info.path.lower() in RESERVED)
        plan = await asyncio.to_thread(self._plan, [info for info in self._listing if info.path not in own], judge)
        clashes = _without(plan, plan.clashes if not self.overwrite else (), self._allowed)
        here = sum(file.same for file in plan.files)
        plan.files = [file for file in plan.files if not file.same]
        await to_the_end(lambda: self._memory.expect(file.info for file in plan.files))
        try:
            came = await bring(self._link.client, self._source, plan, progress)
        finally:
            await to_the_end(lambda: self._memory.came(plan.files))
        return Round(
            tuple(file.path for file in plan.came),
            came.size,
            here,
            tuple(file.info.path for file in plan.files if file.passed),
            clashes,
            judge.gone,
            judge.changed,
            (*own, *came.left_out),
            self.job.state.ended,
        )

    def _plan(self, listing: Sequence[FileInfo], judge: _Judge) -> Plan:
        plan = self._place.plan(listing, judge, still=True)
        self._memory.keep(judge.adopted)
        if not self._swept:
            self._swept = True
            _sweep([file for file in plan.files if not file.same])
        return plan


def _without(plan: Plan, clashes: Sequence[str], allowed: frozenset[str]) -> tuple[str, ...]:
    """Take what is in the way out of the plan, and links that are here as they should be; returns the former."""
    left = set(clashes) - allowed
    plan.files = [file for file in plan.files if str(file.path) not in left]
    plan.links = [
        (info, path)
        for info, path in plan.links
        if str(path) not in left and not (path.is_symlink() and os.readlink(path) == info.target)
    ]
    return tuple(path for path in clashes if path in left)


def _sweep(files: Sequence[PartFile]) -> None:
    """Remove what a sync that was killed left of versions that are not fetched any more."""
    parts = {folder: list(folder.glob(f".*{ENDING}")) for folder in {file.path.parent for file in files}}
    for file in files:
        for part in parts[file.path.parent]:
            if file.is_outdated(part):
                part.unlink(missing_ok=True)


class _Judge:
    """Says what is to become of each file; counts what stays as it is, and notes in `adopted` what to remember."""

    def __init__(self, memory: SyncMemory, allowed: frozenset[str], overwrite: bool) -> None:
        self._memory, self._allowed, self._overwrite = memory, allowed, overwrite
        self.gone = self.changed = 0
        self.adopted: list[tuple[FileInfo, str, int]] = []

    def __call__(self, info: FileInfo, path: Path) -> Verdict:
        """What is to become of the file `info` whose place is `path`."""
        fetched = self._memory.fetched(info.path)
        has_come = any(one.mtime_ns is not None and version_of(info) in (one.version, one.digest) for one in fetched)
        try:
            status = path.lstat()
        except FileNotFoundError:
            self.gone += has_come
            return "leave" if has_come and not self._overwrite else "fetch"
        except OSError:
            return "clash"
        if not stat.S_ISREG(status.st_mode):
            return "clash"
        as_it_came = next((one for one in fetched if one.is_at(path, status)), None)
        if as_it_came is not None:
            if as_it_came.version == version_of(info) and as_it_came.mtime_ns == status.st_mtime_ns:
                return "same"
            if version_of(info) not in (as_it_came.version, as_it_came.digest) and not same_file(info, path):
                return "fetch"
            return self._adopt(info, as_it_came.digest, status)
        if same_file(info, path):
            return self._adopt(info, info.digest, status)
        if has_come and not (self._overwrite or str(path) in self._allowed):
            self.changed += 1
            return "leave"
        return "clash"

    def _adopt(self, info: FileInfo, digest: str, status: os.stat_result) -> Verdict:
        self.adopted.append((info, info.digest or digest, status.st_mtime_ns))
        return "same"
