"""The real app over the fake hosts, with a clock that stands still, and waiting for what a screen shows."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from floyd_tui.app import FloydApp
from floyd_tui.client.fake import NOW, FakeHost, FakeLink, FakeLinks
from floyd_tui.config import Config
from floyd_tui.screens.job import JobScreen
from floyd_tui.widgets.tab_row import TabRow

SECONDS = 60.0


class Ui:
    """The app under test: the pilot, and the fake hosts behind it."""

    def __init__(self, pilot: Pilot[Any], links: FakeLinks) -> None:
        self.pilot, self.links = pilot, links

    @property
    def link(self) -> FakeLink:
        """The link of the GPU host."""
        return self.links["gauss"]

    @property
    def host(self) -> FakeHost:
        """The GPU host."""
        return self.link.host

    async def until(self, condition: Callable[[], object], what: str) -> None:
        """Let the app run until `condition` holds; fails the test, naming `what`, where it never does."""
        await wait_until(self.pilot, condition, what)

    async def press(self, *keys: str) -> None:
        """Press keys."""
        await self.pilot.press(*keys)


class JobUi(Ui):
    """A job's screen under test."""

    def __init__(self, pilot: Pilot[Any], links: FakeLinks, screen: JobScreen) -> None:
        super().__init__(pilot, links)
        self.screen = screen


async def use_shown(ui: JobUi) -> None:
    """Of a running job: wait for the gauges' last word, which comes with the clock's next second."""
    row = ui.screen.query_one(TabRow)
    await ui.until(lambda: ui.screen.job.state.ended or "GPU 0 87%" in row.summary.plain, "what it uses")


async def wait_until(pilot: Pilot[Any], condition: Callable[[], object], what: str) -> None:
    """Let the app run until `condition` holds; fails the test, naming `what`, where it never does."""
    deadline = time.monotonic() + SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {SECONDS} s in vain for {what}")
        await asyncio.sleep(0.01)
    await pilot.pause()


def floyd(folder: Path, links: FakeLinks, resume: bool = True) -> FloydApp:
    """The app over `links`, settings in `folder`, all clocks frozen."""
    return FloydApp(links, Config(folder), lambda: NOW, lambda: 0.0, resume)


@asynccontextmanager
async def job_ui(folder: Path, job: str = "digits/7", size: tuple[int, int] = (80, 24)) -> AsyncIterator[JobUi]:
    """The screen of `job` on the GPU host, opened."""
    links = FakeLinks.demo()
    app = floyd(folder, links)
    async with app.run_test(size=size) as pilot:
        screen = JobScreen(links["gauss"], links["gauss"].host.find_job(job))
        await app.push_screen(screen)
        ui = JobUi(pilot, links, screen)
        await ui.until(lambda: screen.is_mounted, "the job's screen")
        yield ui
