"""Before much goes up as code: how much would travel, what it is, and who decides.

Datasets and checkpoints end up in a project's folder unnoticed, and would go up with every run that changes them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from floyd_tui.client.protocol import Link
from floyd_tui.client.upload import lacking
from floyd_tui.errors import ProjectError
from floyd_tui.project.ignore_file import leave_out
from floyd_tui.project.listing import Goes, largest
from floyd_tui.project.snapshot import Snapshot
from runner.models import TreeStatus


class Answer(Enum):
    """What is to become of a large upload."""

    SEND = "send"
    """Send it as it is."""
    AGAIN = "again"
    """The ignore rules were changed: look again at what goes up."""


class Declined(ProjectError):
    title = "Nothing went up"


@dataclass(frozen=True, slots=True)
class Large:
    """`size` bytes in `files` files of `root` that the host lacks, which is more than `limit`.

    `paths` are those that make up most of it, the largest first.
    """

    root: Path
    limit: int
    size: int
    files: int
    paths: tuple[Goes, ...]

    def without(self, paths: list[Goes]) -> Answer:
        """Leave `paths` out from now on, by lines in `.floydignore`; raises `ProjectError`."""
        leave_out(self.root, [one.path for one in paths])
        return Answer.AGAIN


Ask = Callable[[Large], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Consider:
    """Asks `ask` before more than `limit` bytes go up as code; that raises `Declined` where they shall not."""

    limit: int
    ask: Ask

    async def agrees(self, link: Link, snapshot: Snapshot) -> bool:
        """Whether `snapshot` may be sent; where not, another is to be taken. Raises `Declined`, or as `upload`."""
        large = await too_large(link, snapshot, self.limit)
        return large is None or await self.ask(large) is Answer.SEND


async def too_large(link: Link, snapshot: Snapshot, limit: int) -> Large | None:
    """What of `snapshot` the host lacks, where that is more than `limit` bytes; raises as `upload`.

    What is there already costs nothing, so a large folder is asked about once and not on every run.
    """
    if snapshot.size <= limit:
        return None
    status = await lacking(link, snapshot)
    if status.lacking_bytes <= limit:
        return None
    files = await asyncio.to_thread(_files, snapshot, status)
    return Large(snapshot.root, limit, status.lacking_bytes, status.lacking, tuple(largest(files)))


def _files(snapshot: Snapshot, status: TreeStatus) -> list[Goes]:
    """The files that `status` lists as missing; the same content in two files travels once."""
    have = {blob.digest: blob.have for blob in status.missing}
    return [
        Goes(entry.path, 1, entry.size - have.pop(entry.digest))
        for entry in snapshot.entries
        if entry.kind == "file" and entry.digest in have
    ]
