"""What ``watch`` prints: a line for each thing that happens, and the runs' logs if asked."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import click

from floyd_tui.cli.main import say_error
from floyd_tui.cli.sending import say_snapshot
from floyd_tui.cli.show import ending, note
from floyd_tui.client.protocol import Link
from floyd_tui.errors import FloydError
from floyd_tui.project.rerun import Changed, Failed, Launched, Sending, Stopping, Unchanged, WatchEvent
from runner.models import Job

_NAMES_SHOWN = 3


class Watcher:
    """Prints the events of one watch loop; follows the log of the run that is on, one at a time."""

    def __init__(self, link: Link, follow_runs: bool) -> None:
        self._link = link
        self._follow_runs = follow_runs
        self._job: Job | None = None
        self._told = ""
        self._following: asyncio.Task[None] | None = None

    async def run(self, events: AsyncGenerator[WatchEvent, None]) -> None:
        """Print until interrupted, then say which run goes on."""
        try:
            async with aclosing(events):
                async for event in events:
                    await self._show(event)
        except asyncio.CancelledError:
            click.echo(err=True)
            note(self._goodbye())
        finally:
            await self._unfollow()

    async def _show(self, event: WatchEvent) -> None:
        match event:
            case Changed(paths):
                note(f"changed: {_listed(paths)}")
            case Unchanged():
                note("nothing in it differs from the last run")
            case Stopping(job):
                note(f"stopping {job.short}")
            case Sending(stage) if stage.snapshot is not None and stage.snapshot.digest != self._told:
                self._told = stage.snapshot.digest
                say_snapshot(stage.snapshot, lambda text, style: note(text))
            case Launched(job):
                await self._launched(job)
            case Failed(error):
                say_error(error.message, error.hint)
            case _:
                pass

    async def _launched(self, job: Job) -> None:
        self._job = job
        click.echo(job.short)
        if self._follow_runs:
            await self._unfollow()
            self._following = asyncio.create_task(self._follow(job))

    async def _follow(self, job: Job) -> None:
        client = self._link.client
        try:
            async for chunk in client.logs(job.name, follow=True):
                sys.stdout.buffer.write(chunk.data)
                sys.stdout.buffer.flush()
            note(f"{job.short} {ending(await client.job(job.name))}")
        except FloydError as error:
            say_error(error.message, error.hint)

    async def _unfollow(self) -> None:
        if self._following is not None:
            self._following.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._following
            self._following = None

    def _goodbye(self) -> str:
        if self._job is None:
            return "No longer watching."
        return f"No longer watching. {self._job.short} goes on: floyd-tui logs -f {self._job.short}"


def _listed(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - _NAMES_SHOWN} more" if len(paths) > _NAMES_SHOWN else ""
    return ", ".join(paths[:_NAMES_SHOWN]) + more
