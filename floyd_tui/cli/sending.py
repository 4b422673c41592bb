"""What people see, and are asked, while code or data goes up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from floyd_tui.cli.asking import ask, can_ask
from floyd_tui.cli.bar import Bar, bar_shown
from floyd_tui.cli.show import note, show_table
from floyd_tui.config import Config
from floyd_tui.project.ignore_file import line_for
from floyd_tui.project.large import Answer, Ask, Consider, Declined, Large
from floyd_tui.project.link import LINK_FILES
from floyd_tui.project.run import Phase, Stage
from floyd_tui.project.snapshot import Snapshot
from floyd_tui.sizes import human_count, human_size

_LABELS: dict[Phase, str] = {
    "scanning": "Reading",
    "comparing": "Comparing",
    "uploading": "Sending",
    "launching": "Finishing",
}


class Sending:
    """Says once what goes up and what stays, and shows how far it is. To be called with each stage."""

    def __init__(self, bar: Bar) -> None:
        self._bar = bar
        self._told = ""
        self._said_there = False
        self.phase: Phase = "scanning"

    def __call__(self, stage: Stage) -> None:
        self.phase = stage.phase
        if stage.snapshot is not None and stage.snapshot.digest != self._told:
            self._told = stage.snapshot.digest
            say_snapshot(stage.snapshot, self._bar.say)
        if stage.there_bytes and not self._said_there:
            self._said_there = True
            self._bar.say(f"  {human_size(stage.there_bytes)} of it need not be sent")
        self._bar.show(_LABELS[stage.phase], stage)

    async def ask(self, large: Large) -> Answer:
        """As `ask_about`, with the bar out of the way."""
        self._bar.close()
        return await ask_about(large)


@contextmanager
def progress_shown(listing: str = "floyd-tui status") -> Iterator[Sending]:
    """What shows stages while they come; `listing` is the command that shows what came of an interrupted end."""
    with bar_shown() as bar:
        shown = Sending(bar)
        try:
            yield shown
        except asyncio.CancelledError:
            if shown.phase == "launching":
                bar.say(f"It may be there all the same: look at `{listing}`.")
            elif shown.phase == "uploading":
                bar.say("What has arrived on the host is kept: the next upload goes on from there.")
            raise


def say_snapshot(snapshot: Snapshot, say: Callable[[str, str], None]) -> None:
    """What goes up, what stays here by which rule, and what is worth a warning; `say` takes a line and a style."""
    say(f"{snapshot.root.name}: {human_count(snapshot.files, 'file')}, {human_size(snapshot.size)}", "dim")
    for one in snapshot.left_out:
        if one.example in LINK_FILES.values():  # floyd-tui's own, and of no interest to its writer
            continue
        more = "+" if one.more else ""
        figures = f"{human_count(one.files, 'file')}{more}, {human_size(one.size)}{more}"
        say(f"  left out {figures}: {one.rule}", "dim")
    for warning in snapshot.warnings:
        say(f"  {warning}", "yellow")


def consider(yes: bool, ask: Ask) -> Consider | None:
    """Who decides before much goes up as code: nobody with ``--yes``, or where the settings say so."""
    limit = Config.load().large_code
    return None if yes or limit is None else Consider(limit, ask)


async def ask_about(large: Large) -> Answer:
    """Show what makes it large and ask what to do; in a script only say it. Raises `Declined`."""
    note(f"{human_size(large.size)} in {human_count(large.files, 'file')} would go up as code. Most of it:")
    rows = [(str(n), one.path, human_size(one.size), line_for(one.path)) for n, one in enumerate(large.paths, 1)]
    show_table(("", "PATH", "SIZE", "LEFT OUT BY THE LINE"), rows, right=("SIZE",), cut=("PATH",), stderr=True)
    note("What jobs only read is better a dataset: floyd-tui data upload FOLDER --name NAME")
    note(f"(Asked above {human_size(large.limit)}; large_code in config.yaml says how much.)")
    if not can_ask():
        return Answer.SEND
    while True:
        said = await ask("Send all (y), leave some out by their numbers (1 2 …), or stop (n)? [n]:")
        if said.lower() in ("y", "yes"):
            return Answer.SEND
        if said.lower() in ("", "n", "no"):
            raise Declined("Nothing went up, and nothing was launched.")
        numbers = said.replace(",", " ").split()
        if all(n.isdecimal() and 0 < int(n) <= len(rows) for n in numbers):
            return large.without([large.paths[int(n) - 1] for n in numbers])
        click.echo(f"Please answer y, n, or numbers from 1 to {len(rows)}.", err=True)
