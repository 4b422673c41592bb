"""The terminal UI: how soon it is there, how it answers keys, and what it takes.

The rows of `benchmarks.ui_start` and `ui_idle` look at it as a person does, at a terminal. Those made
here have the list of jobs with many of them beside the same list with few, in one process: from a key to its painting.
The app runs with Textual's own pilot over played hosts, so that what is timed is the app: key, layout, drawing.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from textual.pilot import Pilot

from benchmarks import ui_idle, ui_logs, ui_start
from benchmarks.harness import Row, chosen
from floyd_tui.app import FloydApp
from floyd_tui.client.fake import NOW, FakeLinks
from floyd_tui.config import Config
from floyd_tui.screens.home import JobTable

MANY, FEW = 10_000, 10
SIZE = (160, 48)
PRESSED = 60
ROUNDS = 3


def run(only: str = "") -> Iterator[Row]:
    """The rows whose names have `only` in them."""
    rows: dict[str, Callable[[str], Row]] = {
        "ui: a key in a list of 10,000 jobs": partial(key_row, ("j", "k")),
        "ui: a page in a list of 10,000 jobs": partial(key_row, ("pagedown", "pageup")),
        "ui: to the end of 10,000 jobs and back": partial(key_row, ("G", "g")),
    }
    yield from chosen(ui_start.rows() | ui_logs.rows() | ui_idle.rows() | rows, only)


def key_row(keys: tuple[str, ...], name: str) -> Row:
    """Medians of the time from a key to its painting, many jobs to few; runs of the two alternate."""
    many, few = asyncio.run(_measured(keys))
    detail: dict[str, object] = {"many_s": many, "few_s": few, "jobs": [MANY, FEW], "keys": keys}
    return Row(name, many / few, 1.2, detail=detail)


async def _measured(keys: tuple[str, ...]) -> tuple[float, float]:
    times: dict[int, list[float]] = {MANY: [], FEW: []}
    for _ in range(ROUNDS):
        for count, taken in times.items():
            async with _listed(count) as pilot:
                taken.append(await _key_to_painted(pilot, keys))
    return statistics.median(times[MANY]), statistics.median(times[FEW])


@asynccontextmanager
async def _listed(count: int) -> AsyncIterator[Pilot[None]]:
    """The app on its first page, with so many jobs known."""
    links = FakeLinks(FakeLinks.demo()["gauss"])
    host = links["gauss"].host
    like = host.find_job("digits/6")
    host.jobs = {job.name: job for n in range(1, count + 1) if (job := replace(like, number=n, created_at=NOW - n))}
    host.projects.clear()
    host.add_job(replace(like, number=count, created_at=NOW - count))
    with tempfile.TemporaryDirectory() as folder:
        app = FloydApp(links, Config(Path(folder)), lambda: NOW, lambda: 0.0)
        async with app.run_test(size=SIZE) as pilot:
            while not app.screen.query(JobTable) or app.screen.query_one(JobTable).row_count < count:
                await pilot.pause(0.05)
            yield pilot


async def _key_to_painted(pilot: Pilot[None], keys: tuple[str, ...]) -> float:
    """Seconds a key, over many of them, until all that it changed is drawn."""
    start = time.perf_counter()
    for at in range(PRESSED):
        await pilot.press(keys[at % len(keys)])
        pilot.app.screen._compositor.render_update(full=False)
    return (time.perf_counter() - start) / PRESSED
