"""The launch form pressed through: what goes up, what is wrong, launching, stopping half-way."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Input, Select

from floyd_tui.client.fake import FakeLinks
from floyd_tui.errors import HostUnreachable
from floyd_tui.screens.home import HomeScreen
from floyd_tui.screens.job import JobScreen
from floyd_tui.screens.launch import LaunchScreen
from floyd_tui.widgets.mounts_editor import MountLine
from runner.models import Launch, Mount
from tests.support.shell_ui import ShellUi, shell_ui


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to launch, and to stand in."""
    folder = tmp_path / "net"
    (folder / "data").mkdir(parents=True)
    (folder / "train.py").write_text("print('hello')\n")
    (folder / "data" / "big.bin").write_bytes(b"x" * 5000)
    (folder / ".floydignore").write_text("data/\n")
    (folder / "floyd.yml").write_text("command: python train.py\nenv: pytorch-2.8\n")
    monkeypatch.chdir(folder)
    return folder


async def form(ui: ShellUi) -> LaunchScreen:
    """Press `n` and wait for the form."""
    await ui.press("n")
    await ui.until(lambda: isinstance(ui.app.screen, LaunchScreen), "the form")
    screen = ui.app.screen
    assert isinstance(screen, LaunchScreen)
    return screen


def put(screen: LaunchScreen, field: str, text: str) -> None:
    """Write into a field."""
    screen.query_one(f"#{field}", Input).value = text


async def test_what_goes_up_and_what_stays_by_which_rule_is_shown_first(tmp_path: Path, project: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        await form(ui)
        await ui.sees("3 files")
        assert "data/" in ui.text
        assert ".floydignore:1" in ui.text
        assert not ui.host.trees


async def test_coming_back_the_cursor_is_on_what_was_launched(tmp_path: Path, project: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        home = ui.app.screen
        assert isinstance(home, HomeScreen)
        await ui.until(lambda: home.job, "the jobs")
        await form(ui)
        await ui.press("ctrl+l")
        await ui.until(lambda: isinstance(ui.app.screen, JobScreen), "the job's screen")
        await ui.press("escape")
        await ui.until(lambda: home.job and home.job.short == "net/1", "the cursor on it")


async def test_a_folder_that_says_nothing_begins_as_last_time(tmp_path: Path, project: Path) -> None:
    (project / "floyd.yml").unlink()
    (project / ".floydexpt").write_text('{"name": "digits"}')
    async with shell_ui(tmp_path) as ui:
        await ui.sees("protein-fold")
        screen = await form(ui)
        last, values = ui.host.find_job("digits/7"), screen.values()
        assert (values.command, values.environment, values.message) == (last.command, last.environment, "")
        assert values.folder is not None, "this folder's code goes up, not the last job's"
        await ui.press("ctrl+l")
        await ui.until(lambda: isinstance(ui.app.screen, JobScreen), "the job's screen")
        assert ui.host.find_job("digits/8").code in ui.host.trees
        assert ui.host.find_job("digits/8").code != last.code


async def test_a_launch_sends_the_code_and_opens_the_job(tmp_path: Path, project: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        screen = await form(ui)
        await ui.until(lambda: screen.query_one("#go").has_focus, "the button at hand, since nothing is missing")
        put(screen, "message", "from the form")
        await ui.press("enter")
        await ui.until(lambda: isinstance(ui.app.screen, JobScreen), "the job's screen")
        job = ui.host.find_job("net")
        assert (job.command, job.message, job.environment) == ("python train.py", "from the form", "pytorch-2.8")
        assert {entry.path for entry in ui.host.trees[job.code or ""]} == {".floydignore", "floyd.yml", "train.py"}
        await ui.press("escape")
        await ui.until(lambda: isinstance(ui.app.screen, HomeScreen), "the list, not the form")
        await ui.sees("from the form")


async def test_wrong_fields_say_so_and_nothing_is_launched(tmp_path: Path, project: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        screen = await form(ui)
        put(screen, "gpus", "many")
        put(screen, "command", "")
        await ui.press("ctrl+l")
        await ui.sees("'many' is not a number of GPUs.")
        assert "Say what to run" in ui.text
        assert screen.query_one("#command").has_focus
        put(screen, "command", "true")
        await ui.misses("Say what to run")
        assert "launch" not in ui.host.calls


async def test_inputs_are_completed_from_what_the_host_has(tmp_path: Path, project: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        screen = await form(ui)
        await ui.until(lambda: len(screen.query_one("#environment", Select)._options) > 3, "the host's answer")
        assert MountLine("digits/2", "digits").pair == ("digits/2", "digits"), "also before it is on screen"
        source = screen.query_one(MountLine).query_one(".source", Input)
        source.focus()
        await ui.type("digits/6/o")
        await ui.until(lambda: source._suggestion == "digits/6/output", "the suggestion")
        await ui.press("right", "tab")
        await ui.type("before")
        assert screen.values().mounts == (("digits/6/output", "before"),)
        await ui.until(lambda: len(screen.query(MountLine)) == 2, "a line for the next")
        await ui.press("ctrl+l")
        await ui.until(lambda: isinstance(ui.app.screen, JobScreen), "the job's screen")
        assert [(i.source, i.destination) for i in ui.host.find_job("net").inputs] == [("digits/6/output", "before")]


async def test_an_unknown_folder_is_said(tmp_path: Path, project: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        screen = await form(ui)
        put(screen, "folder", "/nowhere")
        await ui.sees("/nowhere is not a folder here.")


async def test_escape_stops_the_sending_and_launches_nothing(tmp_path: Path, project: Path) -> None:
    links = FakeLinks.demo()
    links["gauss"].host.hold("send_blobs")
    async with shell_ui(tmp_path, links=links) as ui:
        screen = await form(ui)
        await ui.press("ctrl+l")
        await ui.until(lambda: "send_blobs" in ui.host.calls, "the sending to begin")
        await ui.sees("Sending what the host lacks")
        await ui.press("escape")
        await ui.sees("Nothing was launched.")
        assert "launch" not in ui.host.calls
        await ui.until(lambda: not screen.query_one("#form").disabled, "the form again")
        await ui.press("escape")
        await ui.until(lambda: isinstance(ui.app.screen, HomeScreen), "the list")


async def test_a_refusal_is_shown_and_the_form_stays(tmp_path: Path, project: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        screen = await form(ui)
        ui.host.failures["launch"].append(HostUnreachable("gauss went away.", "Try again soon."))
        await ui.press("ctrl+l")
        await ui.sees("gauss went away.")
        assert ui.app.screen is screen
        await ui.press("ctrl+l")
        await ui.until(lambda: isinstance(ui.app.screen, JobScreen), "the job, at the second try")


async def test_a_relaunch_sends_nothing(tmp_path: Path) -> None:
    draft = Launch("digits", "true", code_from="ada/projects/digits/6", mounts=(Mount("digits/2", "digits"),))
    async with shell_ui(tmp_path) as ui:
        done: list[object] = []
        ui.app.push_screen(LaunchScreen(ui.link, draft, None), done.append)
        await ui.sees("Nothing goes up:")
        await ui.press("enter")
        await ui.until(lambda: done, "the job")
        new, six = ui.host.find_job("digits"), ui.host.find_job("digits/6")
        assert done == [new]
        assert new.code == six.code
        assert not {"put_tree", "send_blobs"} & set(ui.host.calls)
