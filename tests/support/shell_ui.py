"""The app's pages under test: the real app over the fake hosts, keys to press, and what can be read on screen."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from floyd_tui.app import FloydApp
from floyd_tui.client.fake import FakeLinks
from floyd_tui.screens.errors import FAULT
from tests.support.job_ui import Ui, floyd, wait_until


class ShellUi(Ui):
    """The app under test."""

    def __init__(self, pilot: Pilot[Any], app: FloydApp, links: FakeLinks) -> None:
        super().__init__(pilot, links)
        self.app = app

    @property
    def text(self) -> str:
        """All that can be read on the top screen, line by line."""
        return "\n".join(strip.text for strip in self.app.screen._compositor.render_strips())

    async def type(self, text: str) -> None:
        """Press the keys of `text`."""
        await self.pilot.press(*(_KEYS.get(letter, letter) for letter in text))

    async def sees(self, text: str) -> None:
        """Wait until `text` is on screen."""
        await self.until(lambda: text in self.text, repr(text))

    async def misses(self, text: str) -> None:
        """Wait until `text` is no longer on screen."""
        await self.until(lambda: text not in self.text, f"{text!r} to go")


_KEYS = {" ": "space", "/": "slash", ":": "colon", ".": "full_stop", "-": "minus", "_": "underscore", "@": "at"}


@asynccontextmanager
async def shell_ui(
    folder: Path, size: tuple[int, int] = (120, 40), links: FakeLinks | None = None, resume: bool = True
) -> AsyncIterator[ShellUi]:
    """The app on its first page, over `links` or the demo's."""
    links = links or FakeLinks.demo()
    app = floyd(folder, links, resume)
    async with app.run_test(size=size, notifications=True) as pilot:
        await wait_until(pilot, lambda: app.screen.is_mounted, "the first page")
        yield ShellUi(pilot, app, links)
        faults = [note.message for note in app._notifications if note.title == FAULT]
        assert not faults, faults
