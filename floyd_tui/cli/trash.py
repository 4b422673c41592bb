"""``trash``, ``restore`` and ``data restore``: what was deleted, and having it back until a collection."""

from __future__ import annotations

import click

from floyd_tui.cli.hosted import on_host
from floyd_tui.cli.options import dataset_name, host_option, job_reference, json_option
from floyd_tui.cli.show import age, note, show_json, show_table
from floyd_tui.client.protocol import Link
from floyd_tui.errors import FloydError
from floyd_tui.sizes import human_size
from runner.models import Ref, Trashed

_EMPTY = "The trash is empty."


@click.command()
@host_option
@json_option
def trash(host: str | None, as_json: bool) -> None:
    """List what was deleted and can be restored, the last first; `floyd-tui gc` empties the trash."""

    async def work(link: Link) -> list[Trashed]:
        return await link.client.trash()

    found = on_host(host, work)
    if as_json:
        show_json(found)
        return
    rows = [(one.short, _kind(one), (age(one.deleted_at), "dim"), human_size(one.size), one.about) for one in found]
    columns = ("NAME", "WHAT", "DELETED", "SIZE", "ABOUT")
    show_table(columns, rows, right=("DELETED", "SIZE"), cut=("ABOUT",), empty=_EMPTY)
    if found:
        note("Have one back: floyd-tui restore JOB, or floyd-tui data restore DATASET")


def _kind(one: Trashed) -> str:
    ref = Ref.parse(one.name)
    return "job" if ref.kind == "projects" else "dataset" if ref.number is None else "version"


@click.command()
@click.argument("jobs", nargs=-1)
@host_option
def restore(jobs: tuple[str, ...], host: str | None) -> None:
    """Bring deleted JOBS back with their logs, metrics and outputs; what was deleted last if left out."""
    _restore([job_reference(job) for job in jobs], host)


@click.command("restore")
@click.argument("name", metavar="DATASET[/VERSION]")
@host_option
def restore_data(name: str, host: str | None) -> None:
    """Bring back a dataset that was removed, or one version of it."""
    _restore([dataset_name(Ref.parse(name))], host)


def _restore(names: list[str], host: str | None) -> None:
    async def work(link: Link) -> None:
        for name in names or [await _last(link)]:
            found = await link.client.restore(name)
            note(f"{found.short} is there again")

    on_host(host, work)


async def _last(link: Link) -> str:
    found = await link.client.trash()
    if not found:
        raise FloydError(_EMPTY, "What is deleted stays in it until a collection: floyd-tui gc")
    return found[0].name
