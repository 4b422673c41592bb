"""The app on a stage: keys are pressed, and what they bring is waited for."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from textual.pilot import Pilot
from textual.widgets import Input

from floyd_tui.app import FloydApp
from floyd_tui.client.fake import FakeHost, FakeLinks
from floyd_tui.errors import FloydError

SECONDS = 60.0


class NotDrawn(FloydError):
    """A screen did not become what its picture should show."""

    title = "Screenshots"


class Stage:
    """`pilot` over the app of `frozen_app`, for the scenes."""

    def __init__(self, pilot: Pilot[Any]) -> None:
        assert isinstance(pilot.app, FloydApp)
        self.pilot, self.app = pilot, pilot.app

    @property
    def host(self) -> FakeHost:
        """The GPU host that is played."""
        assert isinstance(self.app.links, FakeLinks)
        return self.app.links["gauss"].host

    @property
    def text(self) -> str:
        """All that can be read, line by line."""
        return "\n".join(strip.text for strip in self.app.screen._compositor.render_strips())

    async def press(self, *keys: str) -> None:
        """Press keys."""
        await self.pilot.press(*keys)

    async def sees(self, text: str) -> None:
        """Wait until `text` is on screen; raises `NotDrawn` where it does not come."""
        await self.until(lambda: text in self.text, repr(text))

    async def until(self, condition: Callable[[], object], what: str) -> None:
        """Wait until `condition` holds; raises `NotDrawn`, which names `what`, where it never does."""
        deadline = time.monotonic() + SECONDS
        while not condition():
            if time.monotonic() > deadline:
                raise NotDrawn(f"Waited {SECONDS:.0f} s in vain for {what}.", "Free some processor time; try again.")
            await self.pilot.pause(0.01)

    async def settle(self) -> None:
        """Wait until nothing more is to be drawn: no messages, no blinking cursor, nothing that slides."""
        await self.pilot.wait_for_scheduled_animations()
        if isinstance(self.app.focused, Input):
            self.app.focused._pause_blink(visible=True)
        await self.pilot.pause()


def set_up_project(home: Path) -> Path:
    """Make the project folder ``~/digits`` that some scenes stand in; returns it."""
    folder = home / "digits"
    folder.mkdir()
    (folder / "train.py").write_text("from sklearn import datasets\n\nprint(datasets.load_digits().DESCR)\n")
    (folder / "floyd.yml").write_text("command: python train.py --epochs 30\ngpus: 1\n")
    return folder
