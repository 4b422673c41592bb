"""A sweep on its way: its code goes up once, then each of its jobs is launched, and sent again none twice."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from floyd_tui.client.protocol import Client, Link
from floyd_tui.project.mounts import free_name
from floyd_tui.project.origin import remember
from floyd_tui.project.run import Stage, Tell, scan_code, send_code
from runner.models import Job, Launch, encode

if TYPE_CHECKING:
    from floyd_tui.project.large import Consider

# Of a group's made-up name: so many letters of what is launched, and of the names that vary.
_DIGEST, _NAMES = 6, 40


@dataclass(frozen=True, slots=True)
class Launched:
    """A group with its `jobs`, of which `before` had been launched when this was sent."""

    group: str
    jobs: tuple[Job, ...]
    before: int = 0


async def submit_sweep(
    link: Link, folder: Path | None, launches: Sequence[Launch], progress: Tell, consider: Consider | None = None
) -> Launched:
    """Send the code of `folder` once and launch all of `launches` as one group.

    Broken off half-way, the same again launches those that lack. A group that was asked for by name only gets what
    differs from all that it has; a made-up name is that of the last such sweep until it is whole, then a new one.
    Raises as `project.run.submit`.
    """
    client = link.client
    # What differs is what the command says: one stands for all.
    first = replace(launches[0], group=None, values={}, max_parallel=None)
    await client.check_launch(first if folder is None else replace(first, code=None, code_from=None))
    ready = list(launches)
    if folder is not None:
        snapshot = await scan_code(link, folder, progress, consider)
        sent = await send_code(link, snapshot, launches[0], progress)
        ready = [replace(launch, code=sent.code, code_from=sent.code_from) for launch in launches]
    group = launches[0].group or await _open_group(client, ready)
    known = {job.name for job in await client.jobs(ready[0].project, group=group)}
    progress(Stage("launching"))
    # One after the other: they wait in the order they are written.
    jobs = [await client.launch(keyed(replace(launch, group=group))) for launch in ready]
    if folder is not None:
        await asyncio.to_thread(remember, ready[0].project, folder)
    return Launched(group, tuple(jobs), sum(job.name in known for job in jobs))


def keyed(launch: Launch) -> Launch:
    """`launch` with a key that is made of all it says: the host makes it once, whoever sends it how often."""
    said = encode(replace(launch, key=None))
    return replace(launch, key=f"sweep-{hashlib.sha256(said).hexdigest()[:40]}")


async def _open_group(client: Client, launches: Sequence[Launch]) -> str:
    """The name of the group that these are to be in: of one that lacks some of them, or of none yet."""
    names = "-".join(launches[0].values)[:_NAMES].strip(".-_")
    said = hashlib.sha256(b"".join(map(encode, launches))).hexdigest()[:_DIGEST]
    wished, full = f"{names}-{said}", set[str]()
    while True:
        group = free_name(wished, full)
        if len(await client.jobs(launches[0].project, group=group)) < len(launches):
            return group
        full.add(group)
