"""The main job pressed through with keys on a real runner: launch, log, output, go on from it, download, stop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Input

from floyd_tui.app import FloydApp
from floyd_tui.client.links import Links
from floyd_tui.config import Config, HostConfig
from floyd_tui.screens.confirm import Confirm
from floyd_tui.screens.download import DownloadScreen
from floyd_tui.screens.home import HomeScreen
from floyd_tui.screens.job import JobScreen
from floyd_tui.screens.launch import LaunchScreen
from floyd_tui.widgets.log_view import LogView
from floyd_tui.widgets.row_table import RowTable
from runner.models import JobState
from tests.support.job_ui import wait_until
from tests.support.runner import RunnerProcess

FIRST = "echo first run; mkdir out; echo weights > out/model.txt"
SECOND = 'echo goes on from; cat "${FLOYD_INPUT:-/floyd/input}/previous/out/model.txt"; sleep 300'


class Life:
    """The app on a real runner."""

    def __init__(self, pilot: Pilot[Any]) -> None:
        self.pilot = pilot

    async def until(self, condition: Any, what: str) -> None:
        await wait_until(self.pilot, condition, what)

    async def on(self, kind: type[Screen[Any]], *keys: str) -> Any:
        """Press keys and wait for a screen of a kind."""
        await self.pilot.press(*keys)
        await self.until(lambda: isinstance(self.pilot.app.screen, kind), kind.__name__)
        return self.pilot.app.screen

    async def job_is(self, state: JobState) -> JobScreen:
        """Wait until the job on screen is in `state`."""
        screen: JobScreen = await self.on(JobScreen)
        await self.until(lambda: screen.job.state is state, state.value)
        return screen


def log_of(screen: JobScreen) -> str:
    """The log on screen."""
    buffer = screen.query_one(LogView).buffer
    return "\n".join(buffer.line(number).data.decode() for number in range(buffer.lines))


async def test_the_whole_life_by_keys(tmp_path: Path, runner: RunnerProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    project = tmp_path / "net"
    project.mkdir()
    (project / "floyd.yml").write_text(f"command: '{FIRST}'\n")
    monkeypatch.chdir(project)
    config = Config(tmp_path, {"local": HostConfig("local", data_dir=str(runner.data_dir))})
    app = FloydApp(Links(config), config)
    async with app.run_test(size=(100, 30)) as pilot:
        life = Life(pilot)
        form = await life.on(LaunchScreen, "n")
        await life.until(lambda: form.query_one("#go").has_focus, "the form, with nothing missing")
        await life.on(JobScreen, "enter")
        first = await life.job_is(JobState.SUCCEEDED)
        await life.until(lambda: "first run" in log_of(first), "the log")

        form = await life.on(LaunchScreen, "o")
        await life.until(lambda: form.query_one("#go").has_focus, "the form")
        assert form.values().mounts == ((f"{first.job.name}/output", "previous"),)
        form.query_one("#command", Input).value = SECOND
        await pilot.press("ctrl+l")
        await life.until(lambda: app.screen is not form and isinstance(app.screen, JobScreen), "the second job")
        await life.until(lambda: app.screen is not first, "its own screen")
        second = await life.job_is(JobState.RUNNING)
        await life.until(lambda: "weights" in log_of(second), "the first job's output in the second one's log")

        await life.on(Confirm, "s")
        await life.on(JobScreen, "y")
        await life.job_is(JobState.STOPPED)
        await pilot.press("escape")  # back to the job it was launched from
        await life.until(lambda: app.screen is first, "the first job")
        home = await life.on(HomeScreen, "escape")
        table = home.query_one("#jobs", RowTable)
        await life.until(lambda: table.row_count == 2, "both jobs in the list")

        table.move_to(first.job.name)
        await life.until(lambda: home.job and home.job.number == 1, "the first job under the cursor")
        download = await life.on(DownloadScreen, "d")
        download.query_one("#to", Input).value = str(tmp_path / "got")
        await pilot.press("enter")
        await life.until(lambda: list((tmp_path / "got").rglob("model.txt")), "the file")
    (file,) = (tmp_path / "got").rglob("model.txt")
    assert file.read_text() == "weights\n"
