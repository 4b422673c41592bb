"""``output ls|get`` and ``clone``: what jobs wrote, and the code they ran."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from floyd_tui.cli import look
from floyd_tui.cli.bar import bar_shown
from floyd_tui.cli.hosted import on_host
from floyd_tui.cli.lazy import Clauses
from floyd_tui.cli.options import host_option, job_reference, json_option, output_reference
from floyd_tui.cli.show import age, note, show_json, show_table
from floyd_tui.cli.sync import sync
from floyd_tui.client.protocol import Link
from floyd_tui.errors import FilesInTheWay, FloydError
from floyd_tui.project.link import LINK_FILES, write_link
from floyd_tui.sizes import human_count, human_size
from runner.models import FileInfo, Job


@click.group(cls=Clauses)
def output() -> None:
    """List, look at, fetch or sync what jobs wrote, also while they run."""


for command in (sync, look.show_output, look.cat_output):
    output.add_command(command)


@output.command("ls")
@click.argument("job", required=False)
@click.argument("path", default="")
@click.option("-r", "--recursive", is_flag=True, help="With all that is in the folders.")
@host_option
@json_option
def ls(job: str | None, path: str, recursive: bool, host: str | None, as_json: bool) -> None:
    """List JOB's output, or the folder PATH of it; the latest job's if left out."""
    name, area, inside = output_reference(job, path)

    async def work(link: Link) -> list[FileInfo]:
        found = await link.client.job(name)
        return await link.client.files(f"{found.name}/{area}", inside, recursive)

    files = on_host(host, work)
    if as_json:
        show_json(files)
    else:
        show_files(files, "It has written nothing that was not in its code.")


def show_files(found: Sequence[FileInfo], empty: str) -> None:
    """Files with size and age; folders end in a slash, programs in a star, links show their target."""
    rows: list[tuple[Any, ...]] = []
    for file in found:
        sign = {"dir": "/", "link": f" -> {file.target}"}.get(file.kind, "*" * file.executable)
        when = age(file.modified_at) if file.modified_at else ""
        rows.append((human_size(file.size), (when, "dim"), file.path + sign))
    show_table(("SIZE", "AGE", "FILE"), rows, right=("SIZE", "AGE"), cut=("FILE",), empty=empty)


@output.command("get")
@click.argument("job")
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("--to", "folder", type=click.Path(path_type=Path, file_okay=False), metavar="FOLDER", help="Where to.")
@click.option("--overwrite", is_flag=True, help="Replace files that are there with other content.")
@host_option
def get(job: str, paths: tuple[str, ...], folder: Path | None, overwrite: bool, host: str | None) -> None:
    """Fetch JOB's output, or only the files and folders PATH of it.

    A PATH comes under its own name into the current folder, a whole output into a folder named after the job, unless
    --to names another. Every file is checked, and what is here already does not come again.
    """
    name, area, inside = output_reference(job)
    wanted = ["/".join(part for part in (inside, path.strip("/")) if part) for path in paths] or [inside]

    async def work(link: Link) -> None:
        found = await link.client.job(name)
        for path in wanted:
            place = folder or Path(".") if path else folder or Path(f"{found.project}-{found.number}")
            await fetch(link, f"{found.name}/{area}", path, place, overwrite)

    on_host(host, work)


async def fetch(link: Link, source: str, path: str, to: Path, overwrite: bool) -> None:
    """Fetch `path` of `source` into the folder `to`, with a bar, and say what came."""
    from floyd_tui.client.transfer import download

    with bar_shown() as bar:
        try:
            came = await download(
                link,
                source,
                path,
                to,
                overwrite=overwrite,
                progress=lambda now: bar.show("Comparing" if now.comparing else "Fetching", now),
            )
        except asyncio.CancelledError:
            bar.say("What came is kept: the same command goes on from there.")
            raise
        except FilesInTheWay as error:
            hint = "Choose another folder, or replace what is there with --overwrite."
            raise FilesInTheWay(error.message, hint, error.paths) from error
    kept = f", {came.kept:,} here already" if came.kept else ""
    click.echo(os.fsencode(came.path))  # bytes: a script must get the very name
    note(f"{human_count(came.files, 'file')}, {human_size(came.size)}{kept}")
    for name in came.left_out:
        note(f"  not made: the link {name}, which leads out of the folder")
    for name in came.unsteady:
        note(f"  written to while it came, so fetch it again: {name}")


@click.command()
@click.argument("job")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), required=False)
@click.option("--overwrite", is_flag=True, help="Replace files that are there with other content.")
@host_option
def clone(job: str, folder: Path | None, overwrite: bool, host: str | None) -> None:
    """Fetch JOB's code as it was into FOLDER; a new one named after the job if left out."""
    name = job_reference(job)

    async def work(link: Link) -> None:
        found = await link.client.job(name)
        if found.code is None:
            raise FloydError(f"{found.short} ran without code: there is nothing to fetch.")
        place = folder or Path(f"{found.project}-{found.number}-code")
        await fetch(link, f"{found.name}/code", "", place, overwrite)
        _tie(place, found)

    on_host(host, work)


def _tie(folder: Path, job: Job) -> None:
    """The code comes without its link file, which stays on the machine it was sent from."""
    if not (folder / LINK_FILES["project"]).exists():
        write_link(folder, job.project)
