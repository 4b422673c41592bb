"""``gc`` and ``fsck``: what takes a host's disk, freeing what nothing refers to, and checking what is stored."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from floyd_tui import disk_words
from floyd_tui.cli.asking import agree
from floyd_tui.cli.bar import Bar, bar_shown
from floyd_tui.cli.hosted import on_host
from floyd_tui.cli.options import host_option, json_option, yes_option
from floyd_tui.cli.show import note, printable, show_json, show_table
from floyd_tui.client.protocol import Link
from floyd_tui.sizes import human_count, human_size
from runner.models import FsckReport, FsckStep, GcKind, GcReport, GcStep

T = TypeVar("T")


@click.command()
@click.option("-n", "--dry-run", is_flag=True, help="Only say what would go.")
@yes_option
@host_option
@json_option
def gc(dry_run: bool, yes: bool, host: str | None, as_json: bool) -> None:
    """Free what nothing refers to: of deleted jobs and datasets, of uploads never used.

    What takes the disk, and what of it would go, is shown first. The trash goes, too: nothing of it is restored after
    that. Jobs, datasets and uploads under way are safe. Ctrl-C ends it early: what went is gone, the next one goes on.
    """

    async def work(link: Link) -> GcReport:
        with bar_shown() as bar:
            told = await link.client.gc(dry_run=True, tell=_teller(bar))
        if dry_run:
            return told
        if not as_json:
            _show(told)
        if told.free_count and not yes:
            if warning := disk_words.for_good(told):
                note(warning)
            what = f"Free {human_size(told.free_size)} ({human_count(told.free_count, 'thing')})?"
            await agree(what, "Say --yes to free it without asking.")
        if not told.free_count:
            return told
        with bar_shown() as bar:
            return await _until_stopped(link.client.gc(tell=_teller(bar)), link.client.cancel_gc)

    report = on_host(host, work)
    if as_json:
        show_json(report)
    elif dry_run:
        _show(report)
    else:
        note("Nothing is to be freed." if report.dry_run else disk_words.freed(report))
    if report.damaged and not as_json:
        note(disk_words.spared(report))
    if report.stopped:
        raise click.Abort


@click.command()
@host_option
@json_option
def fsck(host: str | None, as_json: bool) -> None:
    """Read all that a host stores again, and name what is damaged and what that touches.

    It may take hours, and others work meanwhile. Uploading the same content again heals what is damaged. Exit code 1 if
    anything is; Ctrl-C ends it early.
    """

    async def work(link: Link) -> FsckReport:
        with bar_shown() as bar:
            began = time.monotonic()

            def tell(step: FsckStep) -> None:
                bar.show("Reading" if step.total_files else "Looking", _Reading(step, time.monotonic() - began))

            return await _until_stopped(link.client.fsck(tell), link.client.cancel_fsck)

    report = on_host(host, work)
    if as_json:
        show_json(report)
    else:
        _show_damage(report)
    if report.stopped:
        raise click.Abort
    raise click.exceptions.Exit(1 if report.damage else 0)


async def _until_stopped(doing: Coroutine[Any, Any, T], cancel: Callable[[], Awaitable[None]]) -> T:
    """The result of `doing`; Ctrl-C asks the host to end it early, and then the result tells what was done."""
    task = asyncio.ensure_future(doing)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await cancel()
        note("Stopping …")
        return await task


@dataclass(frozen=True, slots=True)
class _Reading:
    """How far a check is, as a bar draws it."""

    step: FsckStep
    seconds: float
    there_bytes: int = 0

    @property
    def done_files(self) -> int:
        return self.step.done_files

    @property
    def total_files(self) -> int:
        return self.step.total_files

    @property
    def done_bytes(self) -> int:
        return self.step.done_bytes

    @property
    def total_bytes(self) -> int:
        return self.step.total_bytes

    @property
    def rate(self) -> float:
        return self.step.done_bytes / self.seconds if self.seconds else 0.0

    @property
    def eta_seconds(self) -> float | None:
        return (self.step.total_bytes - self.step.done_bytes) / self.rate if self.rate else None


def _teller(bar: Bar) -> Callable[[GcStep], None]:
    return lambda step: bar.show_share(disk_words.phase(step), step.done, step.total, _so_far(step))


def _so_far(step: GcStep) -> str:
    return f"{human_size(step.freed)} freed" if step.freed else ""


def _show_damage(report: FsckReport) -> None:
    for damage in report.damage:
        click.echo(printable(disk_words.damaged(damage)))
    if report.lasting:
        note(disk_words.HEAL)
    note(disk_words.checked(report))


def _room(kind: GcKind) -> str:
    return human_size(kind.free_size) if kind.free_count else ""


def _show(report: GcReport) -> None:
    rows = [
        (disk_words.WHAT[kind.kind], f"{kind.count:,}", human_size(kind.size), _room(kind))
        for kind in report.kinds
        if kind.count
    ]
    columns = ("WHAT", "COUNT", "SIZE", "TO FREE")
    show_table(columns, rows, right=("COUNT", "SIZE", "TO FREE"), empty="Nothing is stored here yet.")
    note(disk_words.disk(report))
