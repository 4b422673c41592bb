"""Following a job: its log to stdout as it is, words about it to stderr, its exit code to the shell."""

from __future__ import annotations

import asyncio
import contextlib
import sys

import click

from floyd_tui.cli.show import ending, note
from floyd_tui.client.protocol import Client, LogChunk
from floyd_tui.errors import FloydError, HostError
from runner.models import Job, JobState, LogEnd

# What `timeout` and a shell say for the same.
TIMED_OUT, STOPPED = 124, 128 + 15
INTERRUPTED = 130
_PATIENCE = 1.0


async def follow(client: Client, job: Job, offset: int = 0) -> int:
    """Print the job's log from byte `offset` to its end; returns the exit code for the shell.

    On Ctrl-C says how to come back, and returns 130; the job goes on.
    """
    waiting = asyncio.create_task(_say_progress(client, job))
    end: LogEnd | None = None
    try:
        async for chunk in client.logs(job.name, offset, follow=True):
            _print(chunk)
            if chunk.data:
                waiting.cancel()
            end = chunk.end or end
    except asyncio.CancelledError:
        _say_goes_on(job)
        return INTERRUPTED
    finally:
        waiting.cancel()
        with contextlib.suppress(asyncio.CancelledError, FloydError):
            await waiting
    if end is None:
        raise HostError(f"The log of {job.short} broke off.", f"Go on: floyd-tui logs -f {job.short}")
    note(f"{job.short} {await _ending(client, job, end)}")
    return exit_code(end.state, end.exit_code)


async def _ending(client: Client, job: Job, end: LogEnd) -> str:
    with contextlib.suppress(FloydError):  # the line may be gone by now, and the end is known without it
        return ending(await client.job(job.name))
    return str(end.state)


def _print(chunk: LogChunk) -> None:
    sys.stdout.buffer.write(chunk.data)
    sys.stdout.buffer.flush()


def _say_goes_on(job: Job) -> None:
    click.echo(err=True)
    note(f"{job.short} goes on. Follow it again: floyd-tui logs -f {job.short}   Stop it: floyd-tui stop {job.short}")


async def _say_progress(client: Client, job: Job) -> None:
    """Until the job runs, say what it waits for, each thing once; that it was queued has been said."""
    said = f"{job.short} is {JobState.QUEUED}"
    while job.state in (JobState.QUEUED, JobState.PREPARING):
        now = f"{job.short} is {job.state}" + (f": {job.progress}" if job.progress else "")
        if now != said:
            note(now)
            said = now
        await asyncio.sleep(_PATIENCE)
        job = await client.job(job.name)


def exit_code(state: JobState, code: int | None) -> int:
    """What a script should see of a job that ended in `state` with `code`."""
    match state:
        case JobState.SUCCEEDED:
            return 0
        case JobState.TIMED_OUT:
            return TIMED_OUT
        case JobState.STOPPED:
            return STOPPED
        case _:
            return code if code and 0 < code < 256 else 1
