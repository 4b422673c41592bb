"""``floyd-runner fsck`` as a person sees it: a count while it reads, then what is damaged and what that touches."""

from __future__ import annotations

import asyncio
import sys

import click

from runner.errors import Unavailable
from runner.models import FsckReport, encode
from runner.settings import Settings
from runner.store.db import Database
from runner.store.fsck import check

_EVERY = 500


def run(settings: Settings, as_json: bool) -> int:
    """Check and say what was found; returns the exit code. Raises `Unavailable` where there is no store."""
    if not settings.database.exists():
        raise Unavailable(f"There is no runner's data in {settings.data_dir}.", "Choose another with --data-dir.")
    db = Database(settings.database)
    try:
        report = asyncio.run(check(settings.data_dir, db, _progress))
    finally:
        db.close()
    if as_json:
        click.echo(encode(report))
    else:
        _say(report)
    return 1 if report.damage else 0


def _progress(done: int, whole: int) -> None:
    if sys.stderr.isatty() and (done % _EVERY == 0 or done == whole):
        end = "\n" if done == whole else ""
        click.echo(f"\rread {done:,} of {whole:,} files{end}", err=True, nl=False)


def _say(report: FsckReport) -> None:
    for damage in report.damage:
        touched = ", ".join(damage.touches) or "nothing that is in use"
        click.echo(f"{damage.digest[:12]} is {damage.what}; it touches {touched}")
    if report.damage:
        click.echo("Upload the same content again: that heals what it touches.", err=True)
    else:
        click.echo(f"{report.checked:,} files read, none is damaged.")
