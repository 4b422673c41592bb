"""``ignored``: what of a folder stays here and by which rule, and what goes up, by size."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

import click

from floyd_tui.cli.bar import bar_shown
from floyd_tui.cli.show import note, show_table
from floyd_tui.errors import ProjectError
from floyd_tui.project.listing import Goes, Kind, Listing, Stays, by_size, folder_and_kind, list_folder
from floyd_tui.project.run import Stage
from floyd_tui.sizes import human_count, human_size

SHOWN = 20
T = TypeVar("T", Goes, Stays)


@click.command()
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.Path(path_type=Path))
@click.option("--data", "kind", flag_value="data", help="By the rules of a dataset, also in a project.")
@click.option("--code", "kind", flag_value="code", help="By the rules of code, also in a dataset's folder.")
@click.option("-a", "--all", "everything", is_flag=True, help=f"Every path, not only the {SHOWN} largest.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with every file.")
def ignored(paths: tuple[Path, ...], kind: Kind | None, everything: bool, as_json: bool) -> None:
    """List what stays here and what goes up of this project or dataset, the largest first.

    What stays is named with the line that says so and where that stands; a folder is named once, with all that is in
    it. With PATHs only these are looked at: of a folder what is in it. Nothing is sent.
    """
    root, kind = folder_and_kind(Path.cwd(), kind)
    listing = asyncio.run(_listed(root, kind))
    wanted = [_inside(root, path) for path in paths]
    stays = _of(wanted, listing.stays)
    if as_json:
        goes = _of(wanted, listing.goes)
        told = {"folder": str(root), "kind": kind, "goes": goes, "stays": stays}
        click.echo(json.dumps(told, default=asdict, indent=2))
        return
    _show(listing, _going(listing, wanted), stays, None if everything else SHOWN)


async def _listed(root: Path, kind: Kind) -> Listing:
    with bar_shown() as bar:
        return await list_folder(root, kind, lambda files: bar.show("Looking", Stage("scanning", files)))


def _inside(root: Path, path: Path) -> str:
    """`path` from the root, a folder with a slash at its end and the root itself empty; raises `ProjectError`."""
    place = path.absolute().parent.resolve() / path.name if path.name not in ("", "..") else path.resolve()
    if not place.is_relative_to(root):
        raise ProjectError(f"{path} does not lie in {root}.", "Go into its own project, or name a path in this one.")
    if not os.path.lexists(place):
        raise ProjectError(f"There is no {path} here.", "Name a file or folder that is there.")
    inside = place.relative_to(root).as_posix()
    is_dir = place.is_dir() and not place.is_symlink()
    return "" if inside == "." else inside + "/" * is_dir


def _of(wanted: Sequence[str], rows: Iterable[T]) -> list[T]:
    """Those of `rows` that are one of the paths `wanted`, lie in one, or hold one; all where none is named."""
    return [row for row in rows if not wanted or any(_in(path, row.path) or _in(row.path, path) for path in wanted)]


def _in(folder: str, path: str) -> bool:
    return folder in ("", path) or (folder.endswith("/") and path.startswith(folder))


def _going(listing: Listing, wanted: Sequence[str]) -> list[Goes]:
    folders = [path for path in wanted if not path or path.endswith("/")] if wanted else [""]
    files = [one for one in listing.goes if one.path in wanted]
    found = {one.path: one for one in (*files, *(one for folder in folders for one in listing.going(folder)))}
    return by_size(found.values())


def _show(listing: Listing, goes: Sequence[Goes], stays: Sequence[Stays], at_most: int | None) -> None:
    show_table(
        ("STAYS HERE", "SIZE", "FILES", "BY THE RULE", "OF"),
        [(one.path, human_size(one.size), f"{one.files:,}", one.rule, (one.source, "dim")) for one in stays[:at_most]],
        right=("SIZE", "FILES"),
        cut=("STAYS HERE", "BY THE RULE", "OF"),
        empty="Nothing stays here.",
    )
    _say_more(stays, at_most)
    click.echo()
    show_table(
        ("GOES UP", "SIZE", "FILES"),
        [(one.path, human_size(one.size), f"{one.files:,}") for one in goes[:at_most]],
        right=("SIZE", "FILES"),
        cut=("GOES UP",),
        empty="Nothing goes up.",
    )
    _say_more(goes, at_most)
    what = "a dataset" if listing.kind == "data" else "code"
    click.echo(err=True)
    note(f"{listing.root.name} as {what}: going up {_sum(goes)}; staying here {_sum(stays)}.")


def _say_more(rows: Sequence[T], at_most: int | None) -> None:
    if at_most is not None and len(rows) > at_most:
        note(f"and {len(rows) - at_most:,} more, {_sum(rows[at_most:])}: --all lists them")


def _sum(rows: Iterable[Goes | Stays]) -> str:
    rows = list(rows)
    return f"{human_count(sum(one.files for one in rows), 'file')} ({human_size(sum(one.size for one in rows))})"
