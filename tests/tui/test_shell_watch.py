"""Watch mode in the UI: a real folder, real changes, the fake host."""

from __future__ import annotations

from pathlib import Path

import pytest

from floyd_tui.errors import HostUnreachable
from floyd_tui.screens.home import HomeScreen
from floyd_tui.screens.job import JobScreen
from floyd_tui.screens.watch import WatchScreen
from runner.models import JobState
from tests.support.shell_ui import ShellUi, shell_ui


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to watch, and to stand in."""
    folder = tmp_path / "net"
    folder.mkdir()
    (folder / "train.py").write_text("print('one')\n")
    (folder / "floyd.yml").write_text("command: python train.py\n")
    monkeypatch.chdir(folder)
    return folder


async def opened(ui: ShellUi) -> None:
    """Press `w` and wait for the screen to know what would run."""
    await ui.press("w")
    await ui.until(lambda: isinstance(ui.app.screen, WatchScreen), "the screen")
    await ui.sees("python train.py")


async def test_nothing_runs_until_it_is_asked_for(tmp_path: Path, project: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        await opened(ui)
        await ui.sees("Enter starts it")
        await ui.press("escape")
        await ui.until(lambda: isinstance(ui.app.screen, HomeScreen), "the list")
        assert "launch" not in ui.host.calls


async def test_a_change_stops_the_run_and_runs_again(tmp_path: Path, project: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        await opened(ui)
        await ui.press("enter")
        await ui.sees("◌ net/1 queued")
        ui.host.write_log("net/1", b"hello from the first\n")
        await ui.sees("hello from the first")
        (project / "train.py").write_text("print('two')\n")
        await ui.sees("◌ net/2 queued")
        assert ui.host.find_job("net/1").state is JobState.STOPPED
        assert "train.py" in ui.text
        assert ui.host.find_job("net/1").code != ui.host.find_job("net/2").code
        await ui.misses("hello from the first")
        ui.host.write_log("net/2", b"hello from the second\n")
        ui.host.finish("net/2", JobState.SUCCEEDED)
        await ui.sees("✔ net/2 succeeded")
        assert "hello from the second" in ui.text


async def test_leaving_lets_the_run_go_on(tmp_path: Path, project: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        await opened(ui)
        await ui.press("enter")
        await ui.sees("◌ net/1 queued")
        await ui.press("i")
        await ui.until(lambda: isinstance(ui.app.screen, JobScreen), "the job's screen")
        await ui.press("escape", "escape")
        await ui.sees("net/1 goes on.")
        assert not ui.host.find_job("net/1").state.ended


async def test_a_run_that_cannot_be_is_said_and_the_next_change_tried(tmp_path: Path, project: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        ui.host.failures["launch"].append(HostUnreachable("gauss went away.", "Wait a moment."))
        await opened(ui)
        await ui.press("enter")
        await ui.sees("gauss went away.")
        (project / "train.py").write_text("print('two')\n")
        await ui.sees("◌ net/1 queued")


async def test_a_folder_that_says_nothing_runs_as_last_time(tmp_path: Path, project: Path) -> None:
    (project / "floyd.yml").unlink()
    (project / ".floydexpt").write_text('{"name": "digits"}')
    async with shell_ui(tmp_path) as ui:
        await ui.press("w")
        last = ui.host.find_job("digits/7")
        await ui.sees(last.command.split(" --resume")[0])
        await ui.press("enter")
        await ui.until(lambda: "ada/projects/digits/8" in ui.host.jobs, "the run")
        new = ui.host.find_job("digits/8")
        assert (new.command, new.environment, new.gpus) == (last.command, last.environment, last.gpus)
        assert new.code in ui.host.trees


async def test_a_folder_that_never_ran_says_what_to_do(tmp_path: Path, project: Path) -> None:
    (project / "floyd.yml").unlink()
    async with shell_ui(tmp_path) as ui:
        await ui.press("w")
        await ui.sees("Nothing says what to run.")
        await ui.press("enter")
        await ui.press("escape")
        await ui.until(lambda: isinstance(ui.app.screen, HomeScreen), "the list")


async def test_pausing_waiting_and_patterns_by_keys(tmp_path: Path, project: Path) -> None:
    async with shell_ui(tmp_path, (80, 24)) as ui:
        await opened(ui)
        screen = ui.app.screen
        assert isinstance(screen, WatchScreen)
        await ui.press("o")
        await ui.sees("Which changes start a run?")
        await ui.type("[a")
        await ui.press("ctrl+l")
        await ui.sees("matches nothing")
        await ui.press("backspace", "backspace", *"*.py", "ctrl+l")
        await ui.sees("changes of *.py")
        await ui.press("w")
        await ui.sees("is let end")
        await ui.press("enter")
        await ui.sees("net/1")
        ui.host.write_log("net/1", b"hello\n")
        await ui.until(lambda: screen._runs and screen._runs[0].first_line is not None, "its first line")
        await ui.sees("after the save")
        (project / "notes.txt").write_text("starts nothing")
        (project / "train.py").write_text("print('two')\n")
        await ui.sees("waits for net/1 to end")
        await ui.press("p")
        await ui.sees("‖ paused")
        ui.host.finish("net/1", JobState.SUCCEEDED)
        assert "ada/projects/net/2" not in ui.host.jobs
        await ui.press("p")
        await ui.sees("run 2 of this watch")
        await ui.press("tab", "G", "enter")
        await ui.until(lambda: isinstance(ui.app.screen, JobScreen) and ui.app.screen.job.number == 1, "the first run")
        await ui.press("escape", "tab")
        (project / "floyd.yml").write_text("command: [wrong\n")
        (project / "train.py").write_text("print('four')\n")
        ui.host.finish("net/2", JobState.SUCCEEDED)
        await ui.sees("floyd.yml")
        (project / "floyd.yml").write_text("command: python other.py\n")
        (project / "train.py").write_text("print('five')\n")
        await ui.until(lambda: screen._runs[0].job.command == "python other.py", "the settings that are right again")
