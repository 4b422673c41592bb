"""``floyd-runner fsck`` as a person sees it: how far it is while it reads, then what is damaged and what it touches."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import Iterator

import click

from runner.errand import Course
from runner.errors import Unavailable
from runner.models import Damage, FsckReport, FsckStep, encode
from runner.settings import Settings
from runner.store.db import Database
from runner.store.disk import format_size
from runner.store.fsck import Check

# A terminal is told this often, in seconds.
_EVERY = 0.2
DAMAGED, INTERRUPTED = 1, 130


def run(settings: Settings, as_json: bool) -> int:
    """Check and say what was found; returns the exit code. Raises `Unavailable` where there is no store."""
    if not settings.database.exists():
        raise Unavailable(f"There is no runner's data in {settings.data_dir}.", "Choose another with --data-dir.")
    db = Database(settings.database)
    try:
        report = asyncio.run(_check(settings, db))
    finally:
        db.close()
    if as_json:
        click.echo(encode(report))
    else:
        _say(report)
    return INTERRUPTED if report.stopped else DAMAGED if report.damage else 0


async def _check(settings: Settings, db: Database) -> FsckReport:
    course = Course(FsckStep())
    checking = asyncio.create_task(Check(settings.data_dir, db, course).run())
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, course.stopping.set)
    with _line() as shows:
        while not (await asyncio.wait((checking,), timeout=_EVERY))[0]:
            if shows:
                click.echo(f"\r\033[K{_how_far(course)}", err=True, nl=False)
    return await checking


@contextlib.contextmanager
def _line() -> Iterator[bool]:
    """Whether there is a terminal to draw a line on, which is gone afterwards."""
    shows = sys.stderr.isatty()
    try:
        yield shows
    finally:
        if shows:
            click.echo("\r\033[K", err=True, nl=False)


def _how_far(course: Course[FsckStep]) -> str:
    if course.stopping.is_set():
        return "stopping …"
    step = course.step
    if not step.total_files:
        return "looking …"
    files = f"{step.done_files:,} of {step.total_files:,} files"
    return f"read {files}, {format_size(step.done_bytes)} of {format_size(step.total_bytes)}"


def _say(report: FsckReport) -> None:
    for damage in report.damage:
        click.echo(_sentence(damage))
    read = f"{report.checked:,} files, {format_size(report.size)} read"
    if any(damage.what != "repaired" for damage in report.damage):
        click.echo("Upload the same content again: that heals what it touches.", err=True)
    if report.stopped:
        click.echo(f"Interrupted: {read}. Nothing that was not read is judged.", err=True)
    elif not report.damage:
        click.echo(f"{read}, none is damaged.")


def _sentence(damage: Damage) -> str:
    name = f"{'manifest ' if damage.part == 'manifest' else ''}{damage.digest[:12]}"
    if damage.what == "repaired":
        return f"{name} was damaged, and is repaired from a good copy"
    return f"{name} is {damage.what}; it touches {', '.join(damage.touches) or 'nothing that is in use'}"
