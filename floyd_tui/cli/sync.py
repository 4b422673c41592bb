"""``output sync``: what is new in a job's output, once or for as long as the job runs."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

from floyd_tui.cli.asking import can_ask, confirm
from floyd_tui.cli.bar import Bar, bar_shown
from floyd_tui.cli.hosted import on_host
from floyd_tui.cli.options import host_option, output_reference
from floyd_tui.cli.show import ending, printable
from floyd_tui.client.progress import Progress
from floyd_tui.client.protocol import Link
from floyd_tui.errors import FloydError
from floyd_tui.sizes import human_count, human_size

if TYPE_CHECKING:
    from floyd_tui.client.sync import Round, Sync

# A file that was closed a moment ago is still by then.
_MOMENT = 2.5
_NAMED = 5


@click.command()
@click.argument("job")
@click.argument("path", default="")
@click.option(
    "-o", "--to", "folder", type=click.Path(path_type=Path, file_okay=False), metavar="FOLDER", help="Where to."
)
@click.option(
    "-f",
    "--live",
    "--follow",
    "live",
    is_flag=True,
    help="Go on until the job ends; each new file comes once it is whole.",
)
@click.option("--overwrite", is_flag=True, help="Replace files that were changed here, and fetch those deleted here.")
@host_option
def sync(job: str, path: str, folder: Path | None, live: bool, overwrite: bool, host: str | None) -> int:
    """Fetch of JOB's output, or the file or folder PATH of it, what is new since last time.

    Files keep their paths, in a folder named after the job unless --to names another. A newer version replaces one that
    is as it came; what was changed here is left alone, and nothing is ever deleted. Prints what came, a path a line.
    """
    name, area, inside = output_reference(job, path)
    if area != "output":
        raise FloydError(f"{job} changes no more.", f"Fetch it: floyd-tui output get {job}")

    async def work(link: Link) -> int:
        from floyd_tui.client.sync import Sync

        found = await link.client.job(name)
        place = folder or Path(f"{found.project}-{found.number}")
        async with Sync(link, found, place, inside, overwrite) as one:
            with bar_shown() as bar:
                teller = _Teller(bar, one)
                await (_follow(teller) if live else _once(teller))
            if teller.clashes and can_ask() and await _may_overwrite(teller.clashes):
                with bar_shown() as bar:
                    teller.bar = bar
                    one.allow(teller.clashes)
                    await _once(teller)
            return teller.summary(live)

    return on_host(host, work)


@dataclass
class _Teller:
    """Prints what comes, and keeps count for the words at the end."""

    bar: Bar
    sync: Sync
    files: int = 0
    size: int = 0
    last: Round | None = None
    said: set[str] = field(default_factory=set)

    @property
    def clashes(self) -> tuple[str, ...]:
        """What is in the way."""
        return self.last.clashes if self.last else ()

    def tell(self, now: Round) -> None:
        """Print the paths that came; say what is in the way, each once."""
        self.bar.close()  # until there is something to fetch again
        for path in now.came:
            click.echo(os.fsencode(os.path.relpath(path) if path.is_relative_to(Path.cwd()) else path))
        self.files, self.size, self.last = self.files + len(now.came), self.size + now.size, now
        for clash in now.clashes:
            self._once(f"changed here, and newer on the host: {clash}", "yellow")
        for name in now.left_out:
            self._once(f"left out: {name}, which leads out of the folder or is the sync's own")

    def _once(self, words: str, style: str = "dim") -> None:
        if words not in self.said:
            self.said.add(words)
            self.bar.say(words, style)

    def progress(self, now: Progress) -> None:
        """Draw how far it is."""
        if now.done_bytes:  # what is still being written is asked for in vain
            self.bar.show("Fetching", now)

    def summary(self, live: bool) -> int:
        """Say how it stands; returns the exit code."""
        now = self.last
        assert now is not None  # a first round always finds something to tell
        words = [f"{human_count(self.files, 'file')}, {human_size(self.size)}"]
        words += [f"{now.here:,} here already"] if now.here and not live else []
        words += [f"{now.changed:,} changed here"] if now.changed else []
        words += [f"{now.gone:,} deleted here"] if now.gone else []
        self.bar.say(", ".join(words) + (f"; {self.sync.job.short} {ending(self.sync.job)}" if live else ""))
        if now.waiting:
            self.bar.say(f"still being written: {_named(now.waiting)}. It comes with the next sync, or with --live.")
        if now.clashes:
            them = "it" if len(now.clashes) == 1 else "them"
            self.bar.say(f"not written over: {_named(now.clashes)}. Replace {them} with --overwrite.", "yellow")
        return 1 if now.clashes else 0


async def _once(teller: _Teller) -> None:
    """What is there now; where files are being written, once more after a moment."""
    for _ in range(2):
        now = await teller.sync.round(teller.progress)
        if now is not None:
            teller.tell(now)
        if now is None or not now.waiting:
            return
        await asyncio.sleep(_MOMENT)


async def _follow(teller: _Teller) -> None:
    job = teller.sync.job
    if not job.state.ended:
        teller.bar.say(f"Waiting for what {job.short} writes, until it ends. Ctrl-C stops the sync, not the job.")
    await teller.sync.follow(teller.tell, teller.progress)


async def _may_overwrite(clashes: Sequence[str]) -> bool:
    what = "This file was" if len(clashes) == 1 else f"These {len(clashes):,} files were"
    click.echo(f"{what} changed here, and newer on the host:", err=True)
    for clash in clashes:
        click.echo(f"  {printable(clash)}", err=True)
    return await confirm("Replace with the host's?")


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
