"""``data rm|rename|describe|share|unshare|files|get|diff``: looking after datasets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from floyd_tui.cli.asking import agree
from floyd_tui.cli.files import fetch, show_files
from floyd_tui.cli.hosted import on_host
from floyd_tui.cli.options import dataset_name, host_option, json_option, yes_option
from floyd_tui.cli.show import note, show_json, show_table, state_cell
from floyd_tui.client.protocol import Link
from floyd_tui.errors import FloydError
from floyd_tui.sizes import human_count, human_size
from runner.models import Dataset, DatasetChange, DatasetUse, FileChange, FileInfo, Ref

# More uses than this are counted and not listed.
_SHOWN = 10
_SIGNS = {"added": ("+", "green"), "removed": ("-", "red"), "changed": ("~", "yellow")}


@click.command()
@click.argument("name", metavar="DATASET[/VERSION]")
@yes_option
@host_option
def rm(name: str, yes: bool, host: str | None) -> None:
    """Remove a dataset, or one version of it; refused while a job that has not ended uses it.

    The jobs that used it stay, but cannot run again with it. `data restore` brings it back until `floyd-tui gc` frees
    its room.
    """
    ref = _whole(name)

    async def work(link: Link) -> None:
        dataset = await link.client.dataset(dataset_name(ref))
        await _confirm(ref, dataset, await link.client.dataset_uses(dataset_name(ref)), yes)
        await link.client.delete_dataset(dataset_name(ref))
        name = _short(ref)
        note(f"{name} is removed. Free its room: floyd-tui gc; or have it back: floyd-tui data restore {name}")

    on_host(host, work)


async def _confirm(ref: Ref, dataset: Dataset, uses: Sequence[DatasetUse], yes: bool) -> None:
    versions = [version for version in dataset.versions if ref.number in (None, version.version)]
    if ref.number is not None and not versions:
        raise FloydError(f"Dataset {dataset.name} has no version {ref.number}.", f"floyd-tui data ls {dataset.name}")
    show_uses(_short(ref), uses)
    if yes:
        return
    size = human_size(sum(version.size for version in versions))
    what = f"Remove {_short(ref)} ({human_count(len(versions), 'version')}, {size})?"
    await agree(what, "Say --yes to remove it without asking.")


def show_uses(name: str, uses: Sequence[DatasetUse]) -> None:
    """Say on stderr which jobs use the dataset or version `name`."""
    if not uses:
        note(f"No job has used {name}.")
        return
    note(f"Used by {human_count(len(uses), 'job')}:")
    for use in uses[:_SHOWN]:
        note(f"  {use.job or f'a job of {use.owner}'} (version {use.version}, {state_cell(use.state)[0]})")
    if len(uses) > _SHOWN:
        note(f"  and {len(uses) - _SHOWN:,} more")


def _whole(name: str) -> Ref:
    ref = Ref.parse(name)
    if ref.path:
        raise FloydError(f"{name!r} is a path inside a dataset.", "Name a dataset or a version: digits or digits/2.")
    return ref


def _short(ref: Ref) -> str:
    return ref.name if ref.number is None else f"{ref.name}/{ref.number}"


@click.command()
@click.argument("name", metavar="DATASET")
@click.argument("new", metavar="NEW-NAME")
@host_option
@json_option
def rename(name: str, new: str, host: str | None, as_json: bool) -> None:
    """Give a dataset another name; refused while a job that has not ended uses it."""
    _change(name, DatasetChange(name=new), host, as_json, f"{name} is {new} now")


@click.command()
@click.argument("name", metavar="DATASET")
@click.argument("text")
@host_option
@json_option
def describe(name: str, text: str, host: str | None, as_json: bool) -> None:
    """Say in a sentence what a dataset holds; an empty TEXT takes that away."""
    _change(name, DatasetChange(description=text), host, as_json, f"{name} is described")


@click.command()
@click.argument("name", metavar="DATASET")
@host_option
@json_option
def share(name: str, host: str | None, as_json: bool) -> None:
    """Let everybody who uses this runner see and mount a dataset."""
    _change(name, DatasetChange(public=True), host, as_json, f"{name} is shared with everybody on the host")


@click.command()
@click.argument("name", metavar="DATASET")
@host_option
@json_option
def unshare(name: str, host: str | None, as_json: bool) -> None:
    """Make a dataset yours alone again; jobs that mounted it go on."""
    _change(name, DatasetChange(public=False), host, as_json, f"{name} is yours alone")


def _change(name: str, change: DatasetChange, host: str | None, as_json: bool, done: str) -> None:
    reference = dataset_name(_whole(name))

    async def work(link: Link) -> Dataset:
        return await link.client.change_dataset(reference, change)

    changed = on_host(host, work)
    if as_json:
        show_json(changed)
    else:
        note(done)


@click.command()
@click.argument("name", metavar="DATASET[/VERSION]")
@click.argument("path", default="")
@click.option("-r", "--recursive", is_flag=True, help="With all that is in the folders.")
@host_option
@json_option
def files(name: str, path: str, recursive: bool, host: str | None, as_json: bool) -> None:
    """List the files of a dataset, or of the folder PATH of it; the latest version unless one is named."""
    ref = Ref.parse(name)
    inside = _join(ref.path, path)

    async def work(link: Link) -> list[FileInfo]:
        return await link.client.files(dataset_name(ref), inside, recursive)

    found = on_host(host, work)
    if as_json:
        show_json(found)
    else:
        show_files(found, "It is empty.")


@click.command()
@click.argument("name", metavar="DATASET[/VERSION]")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--to", "folder", type=click.Path(path_type=Path, file_okay=False), metavar="FOLDER", help="Where to.")
@click.option("--overwrite", is_flag=True, help="Replace files that are there with other content.")
@host_option
def get(name: str, paths: tuple[str, ...], folder: Path | None, overwrite: bool, host: str | None) -> None:
    """Fetch the files and folders PATH of a dataset, each under its own name; `data clone` fetches all of it."""
    ref = Ref.parse(name)

    async def work(link: Link) -> None:
        for path in paths:
            await fetch(link, dataset_name(ref), _join(ref.path, path), folder or Path("."), overwrite)

    on_host(host, work)


@click.command()
@click.argument("old", metavar="DATASET/VERSION")
@click.argument("new", metavar="DATASET[/VERSION]")
@host_option
@json_option
def diff(old: str, new: str, host: str | None, as_json: bool) -> None:
    """Say which files were added (+), removed (-) or changed (~) from one version to another."""
    names = [str(Ref.parse(name).with_defaults("", "datasets")) for name in (old, new)]

    async def work(link: Link) -> list[FileChange]:
        return await link.client.diff(*names)

    found = on_host(host, work)
    if as_json:
        show_json(found)
        return
    rows = [(_SIGNS[one.change], one.path, _size(one.old_size), _size(one.new_size)) for one in found]
    columns = ("", "FILE", "BEFORE", "AFTER")
    show_table(columns, rows, right=("BEFORE", "AFTER"), cut=("FILE",), empty="They hold the same files.")


def _size(size: int | None) -> str:
    return "" if size is None else human_size(size)


def _join(*parts: str) -> str:
    return "/".join(part.strip("/") for part in parts if part.strip("/"))
