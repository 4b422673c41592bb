"""``data add|fetches|cancel``: versions from a job's output, and from the net, which the host fetches itself."""

from __future__ import annotations

import asyncio
import contextlib

import click

from floyd_tui.cli.bar import Bar, bar_shown
from floyd_tui.cli.hosted import on_host
from floyd_tui.cli.options import host_option, job_reference, json_option
from floyd_tui.cli.show import age, note, show_json, show_table
from floyd_tui.client.progress import Progress
from floyd_tui.client.protocol import Link
from floyd_tui.errors import FloydError, RunnerProblem
from floyd_tui.sizes import human_count, human_size
from runner.models import AddedVersion, Fetch, NewFetch, NewVersion, Origin

_LABELS = {"waiting": "Waiting for its turn", "fetching": "Fetching", "unpacking": "Unpacking"}
_STYLES = {"done": "green", "failed": "red", "cancelled": "magenta"}


@click.command()
@click.argument("source", metavar="JOB[/PATH]|URL")
@click.option("--name", metavar="DATASET", required=True, help="The dataset that gets a new version.")
@click.option("-m", "--message", metavar="TEXT", default="", help="What is new in this version.")
@click.option("--sha256", metavar="HEX", help="What the bytes at URL must have; else nothing is kept.")
@click.option("--unpack/--no-unpack", default=None, help="Unpack what URL brings; by its name if left out.")
@click.option("-d", "--detach", is_flag=True, help="Do not wait for what URL brings.")
@host_option
@json_option
def add(
    source: str, name: str, message: str, sha256: str | None, unpack: bool | None, detach: bool,
    host: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Make the next version of a dataset from a job's output, or from the net.

    Of a job's output, or a folder of it, nothing is copied. What is at an http or https URL the host fetches itself,
    and goes on by itself when a line breaks; tar and zip archives are unpacked. Ctrl-C cancels it, and when this
    program or its connection ends otherwise the host goes on: `floyd-tui data fetches`.
    """
    if "://" in source:
        _add_url(NewFetch(source, sha256, unpack, message), name, detach, host, as_json)
        return
    if detach or sha256 is not None or unpack is not None:
        raise click.UsageError("--sha256, --unpack, --no-unpack and --detach are for a URL.")
    reference = job_reference(source)

    async def work(link: Link) -> AddedVersion:
        return await link.client.add_version(name, NewVersion(source=reference, message=message))

    say_added(on_host(host, work), as_json)


def _add_url(new: NewFetch, name: str, detach: bool, host: str | None, as_json: bool) -> None:
    async def work(link: Link) -> Fetch:
        fetch = await link.client.begin_fetch(name, new)
        return fetch if detach else await _watch(link, fetch)

    fetch = on_host(host, work)
    if fetch.problem is not None:
        raise RunnerProblem(fetch.problem)
    if fetch.added is not None:
        say_added(fetch.added, as_json, downloaded=not fetch.unchanged)
    elif not detach:
        raise FloydError("The fetch was cancelled.", "Type the same again to begin anew.")
    elif as_json:
        show_json(fetch)
    else:
        click.echo(fetch.id)
        note(f"Fetching {fetch.url}. Look: floyd-tui data fetches; break it off: floyd-tui data cancel {fetch.id}")


async def _watch(link: Link, fetch: Fetch) -> Fetch:
    """Show how it goes on, to its end; interrupted, it is cancelled on the host."""
    with bar_shown() as bar:
        try:
            async for now in link.client.follow_fetch(fetch.id):
                _show(bar, fetch, now)
                fetch = now
        except asyncio.CancelledError:
            bar.close()
            await _cancel_now(link, fetch)
            raise
    return fetch


def _show(bar: Bar, before: Fetch, now: Fetch) -> None:
    if now.ended:
        return
    if now.total_bytes is not None and before.total_bytes is None and now.state == "fetching":
        bar.say(f"{now.url}: {human_size(now.total_bytes)}")
    if now.note and now.note != before.note:
        bar.say(now.note, "yellow")
    unsure = f" {human_size(now.done_bytes)}" if now.done_bytes and not now.total_bytes else ""
    progress = Progress(
        now.done_bytes, now.total_bytes or 0, now.files, rate=now.rate, eta_seconds=now.eta_seconds
    )  # fmt: skip
    bar.show(_LABELS[now.state] + unsure, progress)


async def _cancel_now(link: Link, fetch: Fetch) -> None:
    with contextlib.suppress(FloydError):
        await link.client.cancel_fetch(fetch.id)
        note("Cancelled; no version was made, and nothing of it is kept.")
        return
    note(f"It may go on: floyd-tui data cancel {fetch.id}")


def say_added(added: AddedVersion, as_json: bool, downloaded: bool = True) -> None:
    """Print a version's name, and say whether it is new; what was not even `downloaded` is not."""
    version = added.version
    if as_json:
        show_json(added)
        return
    click.echo(version.short)
    files = f"{human_count(version.files, 'file')}, {human_size(version.size)}"
    if added.created:
        note(f"New version: {files}. Mount it: floyd-tui run --data {version.short}:{version.dataset}")
    elif downloaded:
        note(f"Unchanged since version {version.version} ({files}); no new version was made.")
    else:
        note(f"Not changed there since version {version.version} ({files}): nothing was downloaded, no version made.")


def say_origin(origin: Origin) -> None:
    """Say on stderr where on the net a version is from."""
    note(f"From {origin.url}, {age(origin.fetched_at)} ago: {human_size(origin.size)}, SHA-256 {origin.sha256}")
    said = [f"ETag {origin.etag}" if origin.etag else "", f"last changed {origin.modified}" if origin.modified else ""]
    if any(said):
        note(f"  {', '.join(filter(None, said))}")


@click.command()
@host_option
@json_option
def fetches(host: str | None, as_json: bool) -> None:
    """List what the host fetches from the net, and how it ended in the last week."""

    async def work(link: Link) -> list[Fetch]:
        return await link.client.fetches()

    found = on_host(host, work)
    if as_json:
        show_json(found)
        return
    rows = [
        (one.id, one.dataset, (one.state, _STYLES.get(one.state, "cyan")), _far(one), age(one.created_at), _said(one))
        for one in found
    ]
    columns = ("ID", "DATASET", "STATE", "SIZE", "AGE", "FROM")
    empty = "Nothing is being fetched. Begin: floyd-tui data add URL --name NAME"
    show_table(columns, rows, right=("SIZE", "AGE"), cut=("FROM",), empty=empty)


def _far(fetch: Fetch) -> str:
    if fetch.ended or fetch.total_bytes is None:
        return human_size(fetch.done_bytes) if fetch.done_bytes else ""
    return f"{human_size(fetch.done_bytes)} of {human_size(fetch.total_bytes)}"


def _said(fetch: Fetch) -> str:
    if fetch.problem is not None:
        return fetch.problem.detail
    return f"{fetch.url} ({fetch.note})" if fetch.note else fetch.url


@click.command()
@click.argument("fetch", metavar="ID")
@host_option
@json_option
def cancel(fetch: str, host: str | None, as_json: bool) -> None:
    """Break off what the host fetches; `data fetches` lists the IDs. One that has ended is forgotten."""

    async def work(link: Link) -> Fetch:
        return await link.client.cancel_fetch(fetch)

    found = on_host(host, work)
    if as_json:
        show_json(found)
    elif found.state == "cancelled":
        note(f"{found.dataset}: cancelled; nothing of it is kept.")
    else:
        note(f"{found.dataset}: {found.state}, and forgotten.")
