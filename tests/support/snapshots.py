"""SVG snapshots of screens, compared as text in a few lines of our own.

A picture is `tests/tui/snapshots/NAME-80x24.svg`, and that in the colours of a light theme `NAME-80x24-paper.svg`.
`UPDATE_SNAPSHOTS=1` writes them; otherwise a difference that stays fails the test and leaves what was drawn in
`tests/tui/snapshots-failed/`. Rich names its CSS classes by a hash of the
content: these are replaced, so that a picture changes only where the screen does.
"""

from __future__ import annotations

import difflib
import os
import re
import time
from html import unescape
from pathlib import Path
from typing import Any

from textual.app import App
from textual.pilot import Pilot
from textual.widgets import Input

# For how long a screen may still differ: what comes from a host may come after all that the test waited for.
_SECONDS = 5.0
FOLDER = Path(__file__).parents[1] / "tui" / "snapshots"
FAILED = FOLDER.with_name("snapshots-failed")
SIZES = ((80, 24), (160, 48))
SECOND_THEME = "paper"
_GENERATED_ID = re.compile(r"terminal-\d+")


def picture(app: App[Any]) -> str:
    """What `app` shows now, as SVG without generated names and without fonts from the net, a text element a line."""
    svg = _GENERATED_ID.sub("terminal", app.export_screenshot(title="floyd-tui"))
    svg = re.sub(r"@font-face\s*{[^}]*}", "", svg)
    return "\n".join(line.rstrip() for line in svg.splitlines() if line.strip()) + "\n"


async def settle(pilot: Pilot[Any]) -> None:
    """Wait until nothing more is to be drawn: no messages, no cursor blinking, no toast sliding in."""
    await pilot.wait_for_scheduled_animations()
    if isinstance(pilot.app.focused, Input):
        pilot.app.focused._pause_blink(visible=True)
    await pilot.pause()


async def check_snapshot(pilot: Pilot[Any], name: str) -> None:
    """Compare the screen with the pictures `name` in both themes; raises AssertionError naming where to look."""
    width, height = pilot.app.size
    await _check(pilot, FOLDER / f"{name}-{width}x{height}.svg")
    first = pilot.app.theme
    pilot.app.theme = SECOND_THEME
    await _check(pilot, FOLDER / f"{name}-{width}x{height}-{SECOND_THEME}.svg")
    pilot.app.theme = first
    await settle(pilot)


async def _check(pilot: Pilot[Any], path: Path) -> None:
    await settle(pilot)
    if os.environ.get("UPDATE_SNAPSHOTS") == "1":
        _write(path, picture(pilot.app))
        return
    expected = _known(path)
    deadline = time.monotonic() + _SECONDS
    while (actual := picture(pilot.app)) != expected:
        if not expected or time.monotonic() > deadline:
            raise AssertionError(_report(path, expected, actual))
        await settle(pilot)


def _write(path: Path, svg: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(svg, encoding="utf-8")


def _known(path: Path) -> str:
    """The picture as it should be; empty where there is none."""
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _report(path: Path, expected: str, actual: str) -> str:
    failed = FAILED / path.name
    _write(failed, actual)
    changes = [line for line in difflib.ndiff(words(expected), words(actual)) if line[0] in "+-"]
    shown = "\n".join(changes[:20]) or "(only colours or places)"
    return f"{path.name} differs; look at {failed}, then UPDATE_SNAPSHOTS=1 if it is meant.\n{shown}"


def words(svg: str) -> list[str]:
    """The texts of a picture, for a readable difference."""
    return [unescape(text).replace("\xa0", " ").strip() for text in re.findall(r"<text[^>]*>([^<]*)</text>", svg)]
