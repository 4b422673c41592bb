"""``output|data show`` and ``output|data cat``: looking into files without fetching them."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from floyd_tui.cli.hosted import on_host
from floyd_tui.cli.options import NumberOption, dataset_name, host_option, output_reference
from floyd_tui.cli.show import note, printable, show_pairs, show_table
from floyd_tui.client.protocol import Link
from floyd_tui.errors import FloydError
from floyd_tui.sizes import human_count
from runner.models import FileInfo, Ref

if TYPE_CHECKING:
    from floyd_tui.peek.look import Look
    from floyd_tui.peek.pictures import Picture

lines_option = click.option(
    "-n",
    "--lines",
    cls=NumberOption,
    type=click.IntRange(1),
    default=40,
    show_default=True,
    metavar="N",
    help="How many lines or rows.",
)
tail_option = click.option("--tail", is_flag=True, help="The last ones instead of the first.")


@click.command("show")
@click.argument("job")
@click.argument("path")
@lines_option
@tail_option
@host_option
def show_output(job: str, path: str, lines: int, tail: bool, host: str | None) -> None:
    """Show a file of JOB's output as it is best read, also while the job runs.

    Code comes in colours, JSON and tables laid out, pictures in cells of the terminal, and of binary files what their
    header says. Of a large file only the part that is shown travels.
    """
    name, area, inside = output_reference(job, path)
    on_host(host, lambda link: _show(link, f"{name}/{area}", inside, lines, tail))


@click.command("cat")
@click.argument("job")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@host_option
def cat_output(job: str, paths: tuple[str, ...], host: str | None) -> None:
    """Print files of JOB's output byte for byte."""
    name, area, inside = output_reference(job)
    on_host(host, lambda link: _cat(link, f"{name}/{area}", [_join(inside, path) for path in paths]))


@click.command("show")
@click.argument("name", metavar="DATASET[/VERSION]")
@click.argument("path")
@lines_option
@tail_option
@host_option
def show_data(name: str, path: str, lines: int, tail: bool, host: str | None) -> None:
    """Show a file of a dataset as it is best read, without fetching it."""
    ref = Ref.parse(name)
    on_host(host, lambda link: _show(link, dataset_name(ref), _join(ref.path, path), lines, tail))


@click.command("cat")
@click.argument("name", metavar="DATASET[/VERSION]")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@host_option
def cat_data(name: str, paths: tuple[str, ...], host: str | None) -> None:
    """Print files of a dataset byte for byte."""
    ref = Ref.parse(name)
    on_host(host, lambda link: _cat(link, dataset_name(ref), [_join(ref.path, path) for path in paths]))


def _join(folder: str, path: str) -> str:
    return "/".join(part for part in (folder, path.strip("/")) if part)


async def _file(link: Link, source: str, path: str) -> FileInfo:
    """The file at `path`; raises where there is none, or a folder."""
    found = await link.client.files(source, path)
    for file in found:
        if file.path == path and file.kind == "file":
            return file
    raise FloydError(f"{path or source} is not a file.", "Name one of those that `output ls` or `data files` lists.")


async def _cat(link: Link, source: str, paths: Sequence[str]) -> None:
    from floyd_tui.client.ahead import closing

    for path in paths:
        await _file(link, source, path)
        async with closing(link.client.content(source, path)) as pieces:
            async for piece in pieces:
                await asyncio.to_thread(sys.stdout.buffer.write, piece)
    sys.stdout.buffer.flush()


async def _show(link: Link, source: str, path: str, lines: int, tail: bool) -> None:
    from floyd_tui.peek.look import look
    from floyd_tui.peek.parts import PART

    file = await _file(link, source, path)
    first = await look(link.client, source, file)
    found = first
    if tail and not first.part.last:
        found = await look(link.client, source, file, max(0, file.size - PART), first)
    if found.trouble:
        note(f"{path}: {found.trouble}")
    if found.picture:
        await _show_picture(found.picture)
    elif found.table:
        from rich.markup import escape

        rows, names = found.table.rows, [escape(printable(name)) for name in found.table.names]
        numeric = [name for name, is_numeric in zip(names, found.table.numeric, strict=True) if is_numeric]
        show_table(names, rows[-lines:] if tail else rows[:lines], right=numeric)
        _say_more(found, len(rows) - lines, "row")
    else:
        _show_text(found, lines, tail)


def _show_text(found: Look, lines: int, tail: bool) -> None:
    from rich.console import Console

    from floyd_tui.widgets.log_text import plain, styled

    show_pairs((printable(word), said) for word, said in found.facts)
    every = found.text.encode("utf-8", "replace").removesuffix(b"\n").split(b"\n")
    people = sys.stdout.isatty()
    console = Console(highlight=False, soft_wrap=True)
    for line in every[-lines:] if tail else every[:lines]:
        # What a job wrote must not steer this terminal; a script gets no colours.
        console.print(styled(line), end="\n") if people else click.echo(plain(line))
    _say_more(found, len(every) - lines, "line")


def _say_more(found: Look, more: int, noun: str) -> None:
    if not (found.part.first and found.part.last):
        note(f"… and more: {human_count(found.part.size, 'byte')} in all. -n and --tail show others, `cat` prints all.")
    elif more > 0:
        note(f"… and {human_count(more, noun)} more. -n and --tail show them.")


async def _show_picture(picture: Picture) -> None:
    note(picture.words)
    if not sys.stdout.isatty():
        raise FloydError("A picture is shown on a terminal only.", "Fetch it, or print its bytes with `cat`.")
    from rich.console import Console

    size = shutil.get_terminal_size()
    cells = await asyncio.to_thread(picture.in_cells, size.columns, max(4, size.lines - 3), "#000000")
    Console().print(cells)
