"""``logs``: a job's log, whole, its end, or as it comes."""

from __future__ import annotations

import sys

import click

from floyd_tui.cli.follow import follow
from floyd_tui.cli.hosted import on_host
from floyd_tui.cli.options import NumberOption, host_option, job_reference
from floyd_tui.client.protocol import Client, Link
from floyd_tui.errors import FloydError
from floyd_tui.sizes import human_count
from runner.models import Job

# First guess at how many bytes hold the lines asked for; doubled until they do.
_LINE = 200


@click.command()
@click.argument("job", required=False)
@click.option(
    "-f",
    "--follow",
    "-t",
    "--tail",
    "follow_it",
    is_flag=True,
    help="Go on until the job ends, and exit with its code.",
)
@click.option(
    "-n", "--lines", cls=NumberOption, type=click.IntRange(0), metavar="N", help="Begin N lines before the end."
)
@click.option(
    "--attempt",
    cls=NumberOption,
    type=click.IntRange(1),
    metavar="K",
    help="Only what attempt K of a job with a retry wrote.",
)
@host_option
def logs(job: str | None, follow_it: bool, lines: int | None, attempt: int | None, host: str | None) -> int:
    """Print JOB's log, byte for byte; the latest job's if left out."""
    name = job_reference(job)
    if attempt is not None and (follow_it or lines is not None):
        raise click.UsageError("--attempt prints one attempt whole: leave out --follow and --lines.")

    async def work(link: Link) -> int:
        client = link.client
        found = await client.job(name)
        if attempt is not None:
            await _one_attempt(client, found, attempt)
            return 0
        offset = 0 if lines is None else await _lines_before_end(client, found.name, lines)
        if follow_it:
            return await follow(client, found, offset)
        async for chunk in client.logs(found.name, offset):
            sys.stdout.buffer.write(chunk.data)
        sys.stdout.buffer.flush()
        return 0

    return on_host(host, work)


async def _one_attempt(client: Client, job: Job, attempt: int) -> None:
    """Print what one attempt wrote; raises `FloydError` where the job had no such one."""
    if attempt > job.attempt:
        raise FloydError(f"{job.short} had {human_count(job.attempt, 'attempt')}.", "Look at `floyd-tui info`.")
    ends = [0, *(one.log_end for one in job.attempts), job.log_size]
    left = ends[attempt] - ends[attempt - 1]
    async for chunk in client.logs(job.name, ends[attempt - 1]):
        sys.stdout.buffer.write(chunk.data[:left])
        left -= len(chunk.data[:left])
        if not left:
            break
    sys.stdout.buffer.flush()


async def _lines_before_end(client: Client, job: str, lines: int) -> int:
    """The offset at which the last `lines` lines of the log begin."""
    size = (await client.job(job)).log_size
    wanted = _LINE * (lines + 1)
    while True:
        start = max(0, size - wanted)
        data = b"".join([chunk.data async for chunk in client.logs(job, start)])
        ends = [at for at, byte in enumerate(data) if byte == 10]
        # A last line without a newline is a line too.
        surplus = len(ends) + (not data.endswith(b"\n") and bool(data)) - lines
        if surplus > 0:
            return start + ends[surplus - 1] + 1
        if start == 0:
            return 0
        wanted *= 2
