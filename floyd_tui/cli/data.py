"""``data init|upload|ls|clone``: datasets and their versions.

What manages them is in `floyd_tui.cli.shelf`, what makes versions without an upload in `floyd_tui.cli.adding`.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click

from floyd_tui.cli import adding, look, shelf, trash
from floyd_tui.cli.adding import say_added, say_origin
from floyd_tui.cli.files import fetch, show_files
from floyd_tui.cli.hosted import on_host
from floyd_tui.cli.lazy import Clauses
from floyd_tui.cli.options import dataset_name, host_option, json_option
from floyd_tui.cli.sending import progress_shown
from floyd_tui.cli.show import age, show_json, show_table
from floyd_tui.client.protocol import Link
from floyd_tui.errors import ProjectError
from floyd_tui.project.link import find_link, write_link
from floyd_tui.project.run import upload_dataset
from floyd_tui.sizes import human_size
from runner.models import AddedVersion, Dataset, DatasetUse, DatasetVersion, FileInfo, Ref


@click.group(cls=Clauses)
def data() -> None:
    """Upload, list, fetch and manage datasets."""


for command in (
    *(look.show_data, look.cat_data),
    *(adding.add, adding.fetches, adding.cancel),
    *(shelf.rm, shelf.rename, shelf.describe, shelf.share, shelf.unshare, shelf.files, shelf.get, shelf.diff),
    trash.restore_data,
):
    data.add_command(command)


@data.command("init")
@click.argument("name", required=False)
def init(name: str | None) -> None:
    """Tie this folder to the dataset NAME; the folder's own name if left out."""
    link = write_link(Path.cwd(), name or Path.cwd().name, "dataset")
    click.echo(f"This folder is the dataset {link.name}. Send it: floyd-tui data upload")


@data.command("upload")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=".")
@click.option("--name", metavar="DATASET", help="Its name, where the folder is tied to none (data init).")
@click.option("-m", "--message", metavar="TEXT", default="", help="What is new in this version.")
@click.option("-r", "--resume", is_flag=True, hidden=True, help="FloydHub's; an upload is always resumed here.")
@host_option
@json_option
def upload(folder: Path, name: str | None, message: str, resume: bool, host: str | None, as_json: bool) -> None:
    """Make the next version of a dataset from FOLDER, the current one if left out.

    Only what the host lacks is sent, and an upload that broke off goes on. Unchanged content makes no new version.
    """
    if not folder.is_dir():
        raise ProjectError(f"There is no folder {folder}.", "Name the folder that holds the data.")
    root, dataset = _dataset_of(folder, name)

    async def work(link: Link) -> AddedVersion:
        with progress_shown("floyd-tui data ls") as progress:
            return await upload_dataset(link, root, dataset, message, progress)

    say_added(on_host(host, work), as_json)


def _dataset_of(folder: Path, name: str | None) -> tuple[Path, str]:
    if name is not None:
        return folder, name
    tied = find_link(folder, "dataset")
    if tied is None:
        raise ProjectError(f"{folder.resolve()} is tied to no dataset.", "Say --name DATASET.")
    return tied.folder, tied.name


@data.command("ls")
@click.argument("name", metavar="[DATASET[/VERSION]]", required=False)
@host_option
@json_option
def ls(name: str | None, host: str | None, as_json: bool) -> None:
    """List datasets; the versions of DATASET; or the files of DATASET/VERSION."""
    ref = Ref.parse(name) if name else None

    async def work(link: Link) -> tuple[list[Dataset], list[DatasetUse], list[FileInfo]]:
        if ref is None:
            return await link.client.datasets(), [], []
        name = dataset_name(ref)
        if ref.number is None:
            uses = [] if as_json else await link.client.dataset_uses(name)
            return [await link.client.dataset(name)], uses, []
        datasets = [] if as_json or ref.path else [await link.client.dataset(name)]
        return datasets, [], await link.client.files(name, ref.path, recursive=True)

    datasets, uses, files = on_host(host, work)
    if as_json:
        show_json(datasets if ref is None else datasets[0] if datasets else files)
    elif ref is None:
        _show_datasets(datasets)
    elif ref.number is None:
        _show_versions(datasets[0])
        shelf.show_uses(datasets[0].name, uses)
    else:
        show_files(files, "It is empty.")
        for version in datasets[0].versions if datasets else ():
            if version.version == ref.number and version.origin is not None:
                say_origin(version.origin)


@data.command("clone")
@click.argument("name", metavar="DATASET[/VERSION]")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), required=False)
@click.option("--overwrite", is_flag=True, help="Replace files that are there with other content.")
@host_option
def clone(name: str, folder: Path | None, overwrite: bool, host: str | None) -> None:
    """Fetch a dataset into FOLDER; a new one with its name if left out. The latest version unless one is named."""
    ref = Ref.parse(name)

    async def work(link: Link) -> None:
        await fetch(link, dataset_name(ref), ref.path, folder or Path(ref.name), overwrite)

    on_host(host, work)


def _show_datasets(found: Iterable[Dataset]) -> None:
    rows: list[tuple[str, ...]] = []
    for dataset in found:
        latest = dataset.versions[0] if dataset.versions else None
        figures = (
            (latest.short, f"{latest.files:,}", human_size(latest.size), age(latest.created_at))
            if latest
            else ("",) * 4
        )
        rows.append((f"{dataset.owner}/datasets/{dataset.name}", *figures, "public" if dataset.public else ""))
    columns = ("DATASET", "LATEST", "FILES", "SIZE", "AGE", "")
    show_table(
        columns,
        rows,
        right=("FILES", "SIZE", "AGE"),
        empty="No datasets yet. Send one: floyd-tui data upload FOLDER --name NAME",
    )


def _show_versions(dataset: Dataset) -> None:
    rows = [
        (v.short, f"{v.files:,}", human_size(v.size), age(v.created_at), _from(v), v.message) for v in dataset.versions
    ]
    columns = ("VERSION", "FILES", "SIZE", "AGE", "FROM", "MESSAGE")
    show_table(columns, rows, right=("FILES", "SIZE", "AGE"), cut=("FROM", "MESSAGE"), empty="It has no version yet.")


def _from(version: DatasetVersion) -> str:
    return version.source or (version.origin.url if version.origin else "")
