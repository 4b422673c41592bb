"""The main job pressed through with keys on real runners: launch, log, metrics, output, go on from it, watch, stop.

Once on plain processes of this machine, and once over a real sshd on a real Docker Engine.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
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
from floyd_tui.screens.home import HomeScreen, JobTable
from floyd_tui.screens.job import JobScreen
from floyd_tui.screens.launch import LaunchScreen
from floyd_tui.screens.watch import WatchScreen
from floyd_tui.widgets.file_tree import FileTree
from floyd_tui.widgets.log_view import LogView
from floyd_tui.widgets.metrics_pane import MetricsPane
from runner.models import JobState
from tests.support.job_ui import wait_until
from tests.support.road import settings
from tests.support.runner import RunnerProcess

WEIGHTS = bytes(range(256)) * 40
TRAIN = """\
echo first run
for step in 1 2 3; do echo '{"metric": "loss", "value": 0.'$((9 - step))', "step": '$step'}'; done
mkdir out; cp weights.bin out/model.bin
echo the last line
"""
SECOND = 'echo goes on from; ls "${FLOYD_INPUT:-/floyd/input}/previous/out"; sleep 300'

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(
    params=[
        pytest.param("process", id="processes here"),
        pytest.param("docker", id="docker over ssh", marks=[pytest.mark.docker, pytest.mark.sshd]),
    ]
)
def config(request: pytest.FixtureRequest, tmp_path: Path) -> Config:
    """Settings whose one host is a real runner: of this machine, or behind sshd and with Docker."""
    if request.param == "process":
        runner: RunnerProcess = request.getfixturevalue("runner")
        return Config(tmp_path, {"local": HostConfig("local", data_dir=str(runner.data_dir))})
    return settings(tmp_path / "config", request.getfixturevalue("sshd"), request.getfixturevalue("docker_runner"))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project's folder, and the person stands in it."""
    folder = tmp_path / "net"
    folder.mkdir()
    (folder / "floyd.yml").write_text("command: sh train.sh\n")
    (folder / "train.sh").write_text(TRAIN)
    (folder / "weights.bin").write_bytes(WEIGHTS)
    monkeypatch.chdir(folder)
    return folder


class Life:
    """The app on a real runner."""

    def __init__(self, pilot: Pilot[Any]) -> None:
        self.pilot = pilot

    async def until(self, condition: Callable[[], object], what: str) -> None:
        """Let the app run until `condition` holds."""
        await wait_until(self.pilot, condition, what)

    async def on(self, kind: type[Screen[Any]], *keys: str) -> Any:
        """Press keys and wait for a screen of a kind."""
        await self.pilot.press(*keys)
        await self.until(lambda: isinstance(self.pilot.app.screen, kind), kind.__name__)
        return self.pilot.app.screen

    async def form(self, key: str) -> LaunchScreen:
        """The launch form with nothing missing, by a key."""
        form: LaunchScreen = await self.on(LaunchScreen, key)
        await self.until(lambda: form.query_one("#go").has_focus, "the form, with nothing missing")
        return form

    async def launched(self, key: str = "ctrl+l") -> JobScreen:
        """Send the form; the new job's screen."""
        form = self.pilot.app.screen
        others = list(self.pilot.app.screen_stack)
        await self.pilot.press(key)
        await self.until(lambda: self.pilot.app.screen not in [form, *others], "the job")
        screen: JobScreen = await self.on(JobScreen)
        return screen

    async def job_is(self, screen: JobScreen, state: JobState) -> None:
        """Wait until the job of `screen` is in `state`."""
        await self.until(lambda: screen.job.state is state, f"{screen.job.short} to be {state.value}")

    async def stop(self) -> None:
        """Stop the job on screen; the question has No in focus."""
        asked = await self.on(Confirm, "s")
        assert asked.focused is not None
        assert asked.focused.id == "no"
        await self.pilot.press("y")
        await self.until(lambda: self.pilot.app.screen is not asked, "the answer")


def log_of(screen: Screen[Any]) -> str:
    """The log on screen."""
    buffer = screen.query_one(LogView).buffer
    return "\n".join(buffer.line(number).data.decode() for number in range(buffer.lines))


async def test_the_whole_life_by_keys(tmp_path: Path, config: Config, project: Path) -> None:
    app = FloydApp(Links(config), config)
    async with app.run_test(size=(100, 30)) as pilot:
        life = Life(pilot)
        first = await the_first_job(life)
        await its_file(life, first, tmp_path / "one")
        await the_same_again(life, first)
        await going_on_from_its_output(life, first)
        home = await life.on(HomeScreen, "escape")
        await all_of_its_output(life, home, first, tmp_path / "all")


async def the_first_job(life: Life) -> JobScreen:
    """`n`: the folder's code, its log to the last line, its metrics."""
    await life.form("n")
    first = await life.launched("enter")
    await life.job_is(first, JobState.SUCCEEDED)
    await life.until(lambda: "the last line" in log_of(first), "the log's last line")
    assert log_of(first).startswith("first run")
    await life.pilot.press("M")
    await life.until(lambda: first.query_one(MetricsPane).count == 3, "the metrics")
    return first


async def its_file(life: Life, first: JobScreen, to: Path) -> None:
    """`d` on one output file: its bytes are here."""
    await life.pilot.press("O")
    tree = first.query_one(FileTree)
    await life.until(lambda: tree.cursor_key == "out", "the output's folder")
    await life.pilot.press("right")
    await life.until(lambda: tree.folder("out"), "what is in it")
    await life.pilot.press("j")
    await life.until(lambda: tree.cursor_key == "out/model.bin", "the file under the cursor")
    download = await life.on(DownloadScreen, "d")
    download.query_one("#to", Input).value = str(to)
    await life.pilot.press("enter")
    await life.until(lambda: fetched(to) == [WEIGHTS], "the file, byte for byte")
    await life.pilot.press("escape")
    await life.until(lambda: life.pilot.app.screen is first, "the job again")


async def the_same_again(life: Life, first: JobScreen) -> None:
    """`r`: the same code, nothing sent."""
    form = await life.form("r")
    assert form.values().folder is None
    again = await life.launched()
    await life.job_is(again, JobState.SUCCEEDED)
    assert (again.job.number, again.job.code) == (2, first.job.code)
    await life.until(lambda: "the last line" in log_of(again), "its log")
    await life.pilot.press("escape")
    await life.until(lambda: life.pilot.app.screen is first, "the job it was launched from")


async def going_on_from_its_output(life: Life, first: JobScreen) -> None:
    """`o`: the first job's output is there in the next one, which `s` stops."""
    form = await life.form("o")
    assert form.values().mounts == ((f"{first.job.name}/output", "previous"),)
    form.query_one("#command", Input).value = SECOND
    next_one = await life.launched()
    await life.job_is(next_one, JobState.RUNNING)
    await life.until(lambda: "model.bin" in log_of(next_one), "the first job's output in the next one's log")
    await life.stop()
    await life.job_is(next_one, JobState.STOPPED)
    await life.pilot.press("escape")
    await life.until(lambda: life.pilot.app.screen is first, "the first job")


async def all_of_its_output(life: Life, home: HomeScreen, first: JobScreen, to: Path) -> None:
    """`d` in the list fetches everything."""
    table = home.query_one(JobTable)
    await life.until(lambda: table.row_count == 3, "all jobs in the list")
    table.move_to((home.link.name, first.job.name))
    await life.until(lambda: home.job and home.job.number == 1, "the first job under the cursor")
    download = await life.on(DownloadScreen, "d")
    download.query_one("#to", Input).value = str(to)
    await life.pilot.press("enter")
    await life.until(lambda: fetched(to) == [WEIGHTS], "the file")


def fetched(folder: Path) -> list[bytes]:
    """What the model's files below `folder` hold."""
    return [path.read_bytes() for path in folder.rglob("model.bin")]


async def test_watching_by_keys(config: Config, project: Path) -> None:
    (project / "train.sh").write_text("echo version one; sleep 300\n")
    app = FloydApp(Links(config), config)
    async with app.run_test(size=(100, 30)) as pilot:
        life = Life(pilot)
        watch = await life.on(WatchScreen, "w")
        await life.until(lambda: watch.check_action("begin", ()), "what would run")
        await pilot.press("enter")
        await life.until(lambda: "version one" in log_of(watch), "the first run's log")
        await asyncio.to_thread((project / "train.sh").write_text, "echo version two\n")
        await life.until(lambda: "version two" in log_of(watch), "the second run's log")
        await pilot.press("escape")
        home = await life.on(HomeScreen)
        table = home.query_one(JobTable)
        await life.until(lambda: table.row_count == 2, "both runs in the list")
        table.move_to((app.host, f"{home.job.owner}/projects/net/2" if home.job else ""))
        await life.until(lambda: home.job and home.job.number == 2 and home.job.state.ended, "the second run's end")
        assert [job.state for job in await app.link.client.jobs()] == [JobState.SUCCEEDED, JobState.STOPPED]
