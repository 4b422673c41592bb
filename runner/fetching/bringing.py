"""From an address to a dataset's version: download, check, store or unpack, and only then say that it is there."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx

from runner.errors import Damaged, NoSpace
from runner.fetching.download import Download, Job
from runner.fetching.names import is_archive
from runner.fetching.part import Part, Standing, is_intact
from runner.fetching.report import Report
from runner.fetching.table import FetchStore, Unfinished
from runner.fetching.unpack import Stopped, Unpacked, Unpacker
from runner.fetching.web import Refused, make_client
from runner.models import AddedVersion, DatasetVersion, Origin, TreeEntry
from runner.settings import Settings
from runner.store.blobs import BlobStore
from runner.store.datasets import Content, Datasets
from runner.store.trees import Trees
from runner.threads import to_the_end

_TELL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Store:
    """Where versions are made."""

    blobs: BlobStore
    trees: Trees
    datasets: Datasets


class Bringing:
    """The work on one fetch, whose bytes go into the file `path`."""

    def __init__(self, settings: Settings, store: Store, table: FetchStore, path: Path) -> None:
        self._settings, self._store, self._table, self._path = settings, store, table, path

    async def run(self, work: Unfinished, report: Report) -> AddedVersion:
        """Do what of `work` is left; raises `RunnerError`. Cancelled, it can be run again later, also by another."""
        wish, standing, owner = work.wish, work.standing, report.fetch.owner
        if standing.whole and not await to_the_end(partial(is_intact, self._path, standing)):
            await self._forget(work)
        if not standing.whole:
            report.change(state="fetching")
            known = await self._known(work)
            if not await self._download(work, report, known.origin if known else None):
                assert known is not None
                report.change(unchanged=True)
                return AddedVersion(known, created=False)
        try:
            unpacked = await self._unpack(work, report)
        except NoSpace:
            raise  # all is here: once there is room, it goes on from here
        except Exception:
            await self._forget(work)
            raise
        tree = await self._store.trees.save(unpacked.entries, owner, unpacked.claim)
        report.committing = True
        size = await asyncio.to_thread(lambda: self._path.stat().st_size)
        seen = (standing.sha256, standing.etag, standing.modified, wish.unpack)
        content = Content(tree, wish.message, origin=Origin(report.fetch.url, standing.came_at, size, *seen))
        return await self._store.datasets.add(owner, report.fetch.dataset, content)

    async def _known(self, work: Unfinished) -> DatasetVersion | None:
        """The dataset's latest version, if it is what the same wish brought once, and is sound."""
        fetch, wish = work.fetch, work.wish
        dataset = await self._store.datasets.find(fetch.owner, fetch.dataset, fetch.owner)
        latest = dataset.versions[0] if dataset is not None and dataset.versions else None
        origin = latest.origin if latest is not None else None
        if latest is None or origin is None or (origin.url, origin.unpack) != (fetch.url, wish.unpack):
            return None
        if wish.sha256 not in (None, origin.sha256):
            return None
        try:
            await self._store.trees.require_sound(latest.tree, latest.name)
        except Damaged:
            return None
        return latest

    async def _download(self, work: Unfinished, report: Report, known: Origin | None) -> bool:
        """Bring it all here; False where what is `known` is still what is there, and nothing came."""
        wish, standing = work.wish, work.standing
        save = partial(self._table.stands, report.fetch.id)
        part = await to_the_end(partial(Part, self._path, standing))
        try:
            report.count(part.position, standing.total)
            job = Job(httpx.URL(wish.url), wish.own, self._settings.fetch_patience, known)
            tell = partial(_count, report)
            download = Download(job, part, standing, self._store.blobs.room, tell, save)
            async with await asyncio.to_thread(make_client, self._settings.fetch_silence) as client:
                if not await download.run(client):
                    return False
            if wish.sha256 not in (None, part.sha256):
                await self._forget(work)
                raise Refused(
                    f"What came has the SHA-256 {part.sha256}, not {wish.sha256}. Nothing of it was kept.",
                    "Compare the digest with the one its maker publishes, then fetch it again.",
                )
            standing.sha256, standing.whole, standing.came_at = part.sha256, True, time.time()
            await save(standing)
            return True
        finally:
            await to_the_end(part.close)

    async def _forget(self, work: Unfinished) -> None:
        """What came is of no use: another try begins anew."""
        work.standing.have, work.standing.whole = 0, False
        await self._table.stands(work.fetch.id, work.standing)
        await asyncio.to_thread(partial(self._path.unlink, missing_ok=True))

    async def _unpack(self, work: Unfinished, report: Report) -> Unpacked:
        wish, standing = work.wish, work.standing
        if wish.unpack is False or (wish.unpack is None and not is_archive(standing.name)):
            return await to_the_end(partial(self._as_one_file, standing, report.fetch.owner))
        total = (await asyncio.to_thread(self._path.stat)).st_size
        report.change(state="unpacking", done_bytes=0, total_bytes=total, note="")
        loop, stop, told = asyncio.get_running_loop(), threading.Event(), 0.0

        def tell(position: int, files: int) -> None:
            nonlocal told
            if stop.is_set():
                raise Stopped
            if time.monotonic() - told > _TELL_SECONDS:
                told = time.monotonic()
                loop.call_soon_threadsafe(report.count, position, total, files)

        unpacker = Unpacker(self._store.blobs, report.fetch.owner, tell)
        running = asyncio.ensure_future(asyncio.to_thread(unpacker.unpack, self._path))
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            stop.set()
            await asyncio.gather(running, return_exceptions=True)
            raise

    def _as_one_file(self, standing: Standing, owner: str) -> Unpacked:
        """The part as a blob, by a hard link: it is not written to any more, and stays until the version is there."""
        blobs = self._store.blobs
        claim = blobs.claims.open([standing.sha256])
        size = self._path.stat().st_size
        if not blobs.has(standing.sha256):
            self._path.chmod(0o444)
            temporary = blobs.temporary(owner)
            os.link(self._path, temporary)
            blobs.install({standing.sha256: temporary}, claim)
        return Unpacked([TreeEntry(standing.name, "file", size, standing.sha256)], claim)


def _count(report: Report, done: int, total: int | None, note: str) -> None:
    report.count(done, total, note=note)
