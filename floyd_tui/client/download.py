"""Fetch a file or folder: checked against its digest, resumed where it broke off, never outside the place chosen."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from exceptiongroup import BaseExceptionGroup

from floyd_tui.client.ahead import closing, over, to_the_end
from floyd_tui.client.bunch import SMALL, bunches, fetch_bunch
from floyd_tui.client.comparing import planned
from floyd_tui.client.part_file import PartFile
from floyd_tui.client.place import Place, Plan, make_links
from floyd_tui.client.progress import Meter, Tell
from floyd_tui.client.protocol import Client, Link
from floyd_tui.errors import FilesInTheWay, FloydError, RunnerProblem, TransferError
from floyd_tui.sizes import human_size

# Several requests travel at once; more gain nothing on a line of 30 ms.
_AT_ONCE = 8
_HOP = 1 << 20
_NAMED = 5
# What the runner answers of a version that is gone, or not whole yet.
_NOT_NOW = (404, 412)


@dataclass(frozen=True, slots=True)
class Downloaded:
    """What came: `path` is the file or folder, sizes in bytes; `kept` files were here already.

    `left_out` are links that lead outside what was fetched, or that this machine cannot make; `unsteady` are files that
    a running job wrote to while they came: they may be of two moments.
    """

    path: Path
    files: int
    size: int
    kept: int
    left_out: tuple[str, ...] = ()
    unsteady: tuple[str, ...] = ()


async def download(
    link: Link, source: str, path: str, to: Path, *, overwrite: bool = False, progress: Tell | None = None
) -> Downloaded:
    """Fetch `path` of `source` into the folder `to`: under its own name, or, for the whole (``""``), what it holds.

    A file that is here already with the same content is kept. One with other content is refused before anything is
    fetched, unless `overwrite`. A lost line is waited for; after a cancel the next try goes on with what is here.
    Raises `TransferError` (`FilesInTheWay` for those), `HostError` or `RunnerProblem`.
    """
    listing = await link.client.files(source, path, recursive=True)
    place = await asyncio.to_thread(Place, to, path)
    plan = await planned(place, listing, progress)
    if plan.clashes and not overwrite:
        raise in_the_way(plan.clashes)
    came = await bring(link.client, source, plan, progress)
    stamps = {file.info.path: file.info.stamp for file in plan.came if file.info.stamp}
    if not stamps:
        return came
    now = {info.path: info.stamp for info in await link.client.files(source, path, recursive=True)}
    return replace(came, unsteady=tuple(name for name, stamp in stamps.items() if now.get(name) != stamp))


async def bring(client: Client, source: str, plan: Plan, progress: Tell | None = None) -> Downloaded:
    """Do what `plan` says; raises as `download` does. Files of `plan` that are `passed` afterwards did not come."""
    _check_room(plan)
    meter = Meter(progress, sum(file.info.size for file in plan.files), len(plan.files))
    kept = [file for file in plan.files if file.same]
    meter.set(sum(file.info.size for file in kept), len(kept))
    await asyncio.to_thread(plan.make_folders)
    await _fetch_all(client, source, plan, meter)
    left_out = await asyncio.to_thread(make_links, plan)
    meter.tell()
    came = plan.came
    return Downloaded(plan.top, len(came), sum(file.info.size for file in came), len(kept), left_out)


async def _fetch_all(client: Client, source: str, plan: Plan, meter: Meter) -> None:
    todo = bunches(file for file in plan.files if not file.same)
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(_AT_ONCE):
                group.create_task(_worker(client, source, todo, meter))
    except BaseExceptionGroup as errors:
        raise _first(errors) from errors


async def _worker(client: Client, source: str, todo: Iterator[list[PartFile]], meter: Meter) -> None:
    for files in todo:
        if len(files) == 1 and (files[0].info.size >= SMALL or not files[0].info.digest):
            await _fetch(client, source, files[0], meter)
            continue
        again = files if len(files) == 1 else await fetch_bunch(client, source, files, meter)
        for file in again:
            await _fetch_small(client, source, file, meter)


async def _fetch_small(client: Client, source: str, file: PartFile, meter: Meter) -> None:
    """One file that is held in memory until it is whole; fetched a second time if it arrives damaged."""
    for _ in range(2):
        async with closing(client.content(source, file.info.path)) as parts:
            content = b"".join([part async for part in parts])
        if await asyncio.to_thread(file.store, content):
            meter.add(len(content), 1)
            return
    raise _damaged(file)


async def _fetch(client: Client, source: str, file: PartFile, meter: Meter) -> None:
    """One file; one that arrives damaged is fetched a second time from its beginning."""
    for _ in range(2):
        have = await asyncio.to_thread(file.open)
        meter.add(have)
        try:
            if not (file.info.digest or file.version) or have < file.info.size:
                have += await _receive(client, source, file, have, meter)
            whole = await asyncio.to_thread(file.finish)
        except BaseException as error:
            file.passed = bool(file.version) and isinstance(error, RunnerProblem) and error.status in _NOT_NOW
            await asyncio.to_thread(file.abandon)
            if not file.passed:
                raise
            meter.add(-have)
            return
        if whole:
            meter.add(0, 1)
            return
        meter.add(-have)
    raise _damaged(file)


async def _receive(client: Client, source: str, file: PartFile, have: int, meter: Meter) -> int:
    """Fetch the rest of a file; a thread writes one part of it while the next one comes."""
    gathered: list[bytes] = []
    size = received = 0
    writing = asyncio.ensure_future(_write(file, [], meter))
    try:
        async with closing(client.content(source, file.info.path, have, version=file.version, bulk=True)) as parts:
            async for data in parts:
                gathered.append(data)
                size += len(data)
                if size >= _HOP:
                    received += await writing
                    writing = asyncio.ensure_future(_write(file, gathered, meter))
                    gathered, size = [], 0
        received += await writing
        return received + await _write(file, gathered, meter)
    finally:
        # Cut off, the file is kept for a next try: what has come belongs to it.
        await over(writing)


async def _write(file: PartFile, gathered: Sequence[bytes], meter: Meter) -> int:
    size = sum(map(len, gathered))
    if size:
        await to_the_end(partial(file.write, gathered))
        meter.add(size)
    return size


def _damaged(file: PartFile) -> TransferError:
    return TransferError(
        f"{file.info.path} was fetched twice, and was not what its digest says both times: nothing of it was written.",
        "It may be damaged on the host's disk: `floyd-tui fsck` tells, and uploading the same file again heals it.",
    )


def in_the_way(clashes: Sequence[str]) -> FilesInTheWay:
    """The error that names files which are here already and differ."""
    named = ", ".join(clashes[:_NAMED]) + (f" and {len(clashes) - _NAMED} more" if len(clashes) > _NAMED else "")
    what = "is here already with other content" if len(clashes) == 1 else "are here already with other content"
    hint = "Choose another folder, or say that they may be overwritten."
    return FilesInTheWay(f"{named} {what}.", hint, clashes)


def _check_room(plan: Plan) -> None:
    folder = next(folder for folder in (plan.root, *plan.root.parents) if folder.is_dir())
    needed, free = sum(file.size for file in plan.missing), shutil.disk_usage(folder).free
    if needed > free:
        raise TransferError(
            f"{human_size(needed)} are to come, and {folder} has room for {human_size(free)}.", "Make room there."
        )


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """The error to show of those that happened at once."""
    leaves = [error for error in errors.exceptions if isinstance(error, FloydError)]
    return leaves[0] if leaves else errors.exceptions[0]
