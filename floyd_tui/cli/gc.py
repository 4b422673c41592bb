"""``gc``: what takes a host's disk, and freeing what nothing refers to."""

from __future__ import annotations

import click

from floyd_tui.cli.asking import agree
from floyd_tui.cli.hosted import on_host
from floyd_tui.cli.options import host_option, json_option, yes_option
from floyd_tui.cli.show import note, show_json, show_table
from floyd_tui.client.protocol import Link
from floyd_tui.sizes import human_count, human_size
from runner.models import GcKind, GcReport

_WHAT = {
    "datasets": "datasets",
    "outputs": "outputs of jobs",
    "code": "code of jobs",
    "uploads": "uploads not used yet, or broken off",
    "unused": "content that nothing refers to",
    "jobs": "folders of jobs that are gone",
    "containers": "containers of jobs that have ended",
}


@click.command()
@click.option("-n", "--dry-run", is_flag=True, help="Only say what would go.")
@yes_option
@host_option
@json_option
def gc(dry_run: bool, yes: bool, host: str | None, as_json: bool) -> None:
    """Free what nothing refers to: of deleted jobs and datasets, of uploads never used.

    What takes the disk, and what of it would go, is shown first. Jobs, datasets and uploads under way are safe.
    """

    async def work(link: Link) -> GcReport:
        told = await link.client.gc(dry_run=True)
        if dry_run:
            return told
        if not as_json:
            _show(told)
        if told.free_count and not yes:
            what = f"Free {human_size(told.free_size)} ({human_count(told.free_count, 'thing')})?"
            await agree(what, "Say --yes to free it without asking.")
        return await link.client.gc() if told.free_count else told

    report = on_host(host, work)
    if as_json:
        show_json(report)
    elif dry_run:
        _show(report)
    elif report.dry_run:
        note("Nothing is to be freed.")
    else:
        note(f"{human_size(report.free_size)} freed; {human_size(report.disk_free)} of the disk are free.")


def _room(kind: GcKind) -> str:
    return human_size(kind.free_size) if kind.free_count else ""


def _show(report: GcReport) -> None:
    rows = [
        (
            _WHAT[kind.kind],
            f"{kind.count:,}",
            human_size(kind.size),
            _room(kind),
        )
        for kind in report.kinds
        if kind.count
    ]
    columns = ("WHAT", "COUNT", "SIZE", "TO FREE")
    show_table(columns, rows, right=("COUNT", "SIZE", "TO FREE"), empty="Nothing is stored here yet.")
