"""The README's pictures: the real screens over the fake hosts, written to docs/images.

`make screenshots` writes them all as SVG. To look at some as PNG: `python -m scripts.screenshots --png home launch`
(needs `rsvg-convert`; Debian: librsvg2-bin and fonts-dejavu-core).
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from html import escape, unescape
from pathlib import Path
from typing import Any

from textual.pilot import Pilot
from textual.widgets import DataTable

from floyd_tui.app import FloydApp
from floyd_tui.client.fake import NOW, FakeLinks
from floyd_tui.config import Config
from floyd_tui.screens.home import JobTable

FOLDER = Path(__file__).parents[1] / "docs" / "images"
SIZE = (112, 32)
SECONDS = 20.0
FONTS = "Fira Code, JetBrains Mono, DejaVu Sans Mono, Menlo, Consolas, monospace"
_TEXT = re.compile(r'<text class="([^"]*)" x="([\d.]+)" y="([\d.]+)" textLength="([\d.]+)"([^>]*)>([^<]*)</text>')
Scene = Callable[[Pilot[Any]], Awaitable[None]]


async def home(pilot: Pilot[Any]) -> None:
    """Projects and jobs."""
    await _until(pilot, lambda: pilot.app.screen.query_one(JobTable).row_count)


async def job_logs(pilot: Pilot[Any]) -> None:
    """The log of a running job, searched."""
    await _open_job(pilot)
    await pilot.press("T", "slash", *"warning", "enter")


async def job_metrics(pilot: Pilot[Any]) -> None:
    """Its curves."""
    await _open_job(pilot)
    await pilot.press("M")
    await _until(pilot, lambda: len(pilot.app.screen.query("Chart")) == 3)
    await pilot.press("left", "shift+left")


async def job_output(pilot: Pilot[Any]) -> None:
    """Its files."""
    await _open_job(pilot)
    await pilot.press("O")
    await _until(pilot, lambda: pilot.app.screen.query_one("#files-tree", DataTable).row_count)
    await pilot.press("enter", "j")


async def launch(pilot: Pilot[Any]) -> None:
    """The form that goes on from a job's output."""
    await _open_job(pilot)
    await pilot.press("o")
    await _until(pilot, lambda: type(pilot.app.screen).__name__ == "LaunchScreen")


async def datasets(pilot: Pilot[Any]) -> None:
    """Datasets and their versions."""
    await pilot.press("2")
    await _until(pilot, lambda: type(pilot.app.screen).__name__ == "DatasetsScreen")


async def hosts(pilot: Pilot[Any]) -> None:
    """Hosts and their gauges."""
    await pilot.press("4")
    await _until(pilot, lambda: type(pilot.app.screen).__name__ == "HostsScreen")


SCENES: dict[str, Scene] = {
    "home": home,
    "job-logs": job_logs,
    "job-metrics": job_metrics,
    "job-output": job_output,
    "launch": launch,
    "datasets": datasets,
    "hosts": hosts,
}


async def _open_job(pilot: Pilot[Any]) -> None:
    from floyd_tui.screens.job import JobScreen
    from floyd_tui.widgets.tab_row import TabRow

    assert isinstance(pilot.app, FloydApp)
    link = pilot.app.link
    screen = JobScreen(link, await link.client.job("digits/7"))
    await pilot.app.push_screen(screen)
    view = screen.query_one("#log")
    await _until(pilot, lambda: view.virtual_size.height > SIZE[1])
    await _until(pilot, lambda: "GPU" in screen.query_one(TabRow).summary.plain)


async def _until(pilot: Pilot[Any], condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit("A screen did not become what its picture should show; run the tests to see why.")
        await pilot.pause(0.02)


async def take(scene: Scene, settings: Path) -> str:
    """The SVG of one scene."""
    app = FloydApp(FakeLinks.demo(), Config(settings), lambda: NOW, lambda: 0.0)
    async with app.run_test(size=SIZE) as pilot:
        await scene(pilot)
        await pilot.pause(0.3)
        await pilot.wait_for_scheduled_animations()
        return tidy(app.export_screenshot(title="floyd-tui"))


def tidy(svg: str) -> str:
    """Without fonts from the net and without names that change each time."""
    svg = re.sub(r"@font-face\s*{[^}]*}", "", svg)
    svg = re.sub(r"terminal-\d+", "terminal", svg).replace("font-family: Fira Code", f"font-family: {FONTS}")
    return "\n".join(line.rstrip() for line in svg.splitlines() if line.strip()) + "\n"


def on_grid(svg: str) -> str:
    """Each character at its own place: rsvg-convert knows no `textLength`, and fonts differ in width."""

    def place(match: re.Match[str]) -> str:
        style, x, y, length, rest, content = match.groups()
        text = unescape(content)
        step = float(length) / max(1, len(text))
        return "".join(
            f'<text class="{style}" x="{float(x) + i * step:.1f}" y="{y}"{rest}>{escape(char)}</text>'
            for i, char in enumerate(text)
            if not char.isspace()
        )

    return _TEXT.sub(place, svg)


def main() -> None:
    """Write all pictures, or those named on the command line; with ``--png`` as PNG too."""
    os.environ["TZ"] = "UTC"
    time.tzset()
    FOLDER.mkdir(parents=True, exist_ok=True)
    names = [name for name in sys.argv[1:] if name != "--png"]
    if unknown := set(names) - set(SCENES):
        raise SystemExit(f"There is no picture {min(unknown)!r}. There are: {', '.join(SCENES)}.")
    converter = shutil.which("rsvg-convert") if "--png" in sys.argv else None
    if "--png" in sys.argv and not converter:
        raise SystemExit("rsvg-convert is not here (Debian: apt install librsvg2-bin fonts-dejavu-core).")
    with tempfile.TemporaryDirectory() as settings:
        for name in names or SCENES:
            svg = asyncio.run(take(SCENES[name], Path(settings)))
            (FOLDER / f"{name}.svg").write_text(svg, encoding="utf-8")
            if converter:
                command = [converter, "--zoom", "1.5", "--output", str(FOLDER / f"{name}.png")]
                subprocess.run(command, input=on_grid(svg).encode(), check=True)
            print(f"docs/images/{name}.svg" + (" and .png" if converter else ""))


if __name__ == "__main__":
    main()
