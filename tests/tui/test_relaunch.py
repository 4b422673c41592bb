"""From a job that has ended to its successor: `r`, `R` and `o`, then Enter; and what the form says of it first."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Input

from floyd_tui.project.origin import folder_of, remember
from floyd_tui.screens.home import HomeScreen, JobTable
from floyd_tui.screens.job import JobScreen
from floyd_tui.screens.launch import LaunchScreen
from floyd_tui.screens.launch_fields import paths
from runner.models import Mount, Retry, UtilizationPolicy
from tests.support.shell_ui import ShellUi, shell_ui


async def on_job(ui: ShellUi, name: str) -> None:
    """Put the cursor of the list on a job."""
    await ui.sees("protein-fold")
    home, key = ui.app.screen, ("gauss", ui.host.find_job(name).name)
    assert isinstance(home, HomeScreen)
    await ui.until(lambda: any(one.key == key for one in home.shown), f"{name} in the list")
    home.query_one(JobTable).move_to(key)
    await ui.until(lambda: home.job and home.job.short == name, name)


async def form(ui: ShellUi, key: str) -> LaunchScreen:
    """The form that a key opens, with the focus in its place."""
    await ui.press(key)
    await ui.until(lambda: isinstance(ui.app.screen, LaunchScreen) and ui.app.focused, "the form")
    screen = ui.app.screen
    assert isinstance(screen, LaunchScreen)
    return screen


async def launched(ui: ShellUi, *keys: str) -> JobScreen:
    """Press keys, and wait for the new job."""
    await ui.press(*keys)
    await ui.until(lambda: isinstance(ui.app.screen, JobScreen), "the new job")
    screen = ui.app.screen
    assert isinstance(screen, JobScreen)
    return screen


def test_a_path_that_nothing_is_mounted_at_gets_a_suggestion() -> None:
    mounts = (Mount("ada/projects/digits/6/output", "previous"), Mount("mnist/2", "mnist"))
    seen = "/floyd/input/previous ← digits/6/output\n/floyd/input/mnist ← mnist/2"
    assert paths("cat /floyd/input/mnist/a", mounts).plain == seen
    said = paths("cat /floyd/input/mnist/a /floyd/input/old/b.pt", mounts).plain
    assert said == f"{seen}\n! it names /floyd/input/old, which nothing is mounted at; is /floyd/input/previous meant?"
    assert not paths("true", ())


async def test_two_keys_lead_from_a_job_of_the_list_to_one_that_goes_on_from_it(tmp_path: Path) -> None:
    async with shell_ui(tmp_path, (120, 40)) as ui:
        await on_job(ui, "digits/6")
        await form(ui, "o")
        await ui.sees("/floyd/input/previous ← digits/6/output")
        job = (await launched(ui, "enter")).job
        assert job.relaunched_from == "ada/projects/digits/6"
        assert [(one.source, one.destination) for one in job.inputs] == [
            ("ada/datasets/digits/2", "digits"), ("ada/projects/digits/6/output", "previous"),
        ]  # fmt: skip


async def test_everything_can_be_changed_before_the_same_code_runs_again(tmp_path: Path) -> None:
    async with shell_ui(tmp_path, (160, 50)) as ui:
        await on_job(ui, "digits/6")
        old = ui.host.find_job("digits/6")
        screen = await form(ui, "r")
        for field, text in (
            ("command", "python train.py --data /floyd/input/old"), ("retry", "3 on [lost, exit 75]"),
            ("idle", "ten"), ("sweep", "lr"), ("together", "none"),
        ):  # fmt: skip
            screen.query_one(f"#{field}", Input).value = text
        await ui.sees("! it names /floyd/input/old,")
        await ui.press("ctrl+l")
        await ui.sees("'ten' is not PERCENT:TIME, such as 10:30m.")
        await ui.sees("'lr' is not NAME={A,B}.")
        screen.query_one("#sweep", Input).value = ""
        await ui.sees("'none' is not a number of jobs that run at once")
        screen.query_one("#together", Input).value = ""
        screen.query_one("#idle", Input).value = "5:1h"
        job = (await launched(ui, "ctrl+l")).job
        assert (job.code, job.relaunched_from) == (old.code, old.name)
        assert job.retry == Retry(3, ("lost", "exit 75"))
        assert job.utilization_policy == UtilizationPolicy(5, 3600)
        again = await form(ui, "r")
        assert (again.values().retry, again.values().idle) == ("3 on [lost, exit 75]", "5:1h")


async def test_todays_code_runs_with_the_old_settings_from_the_folder_it_came_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, elsewhere = tmp_path / "digits", tmp_path / "elsewhere"
    for made in (folder, elsewhere):
        made.mkdir()
    (folder / "train.py").write_text("print(2)\n")
    monkeypatch.chdir(elsewhere)
    async with shell_ui(tmp_path, (120, 40)) as ui:
        await on_job(ui, "digits/6")
        screen = await form(ui, "R")
        assert screen.query_one("#folder").has_focus, "nobody knows yet where its code is"
        assert "Say which folder holds the code of digits today." in [note.message for note in ui.app._notifications]
        await ui.press("escape")
        remember("digits", folder)
        assert folder_of("digits", elsewhere) == folder
        await ui.until(lambda: not isinstance(ui.app.screen, LaunchScreen), "the list")
        screen = await form(ui, "R")
        assert screen.query_one("#go").has_focus
        old = ui.host.find_job("digits/6")
        job = (await launched(ui, "enter")).job
        assert {entry.path for entry in ui.host.trees[job.code or ""]} == {"train.py"}
        assert (job.command, job.relaunched_from) == (old.command, old.name)


async def test_of_the_output_the_folder_under_the_cursor_is_mounted(tmp_path: Path) -> None:
    async with shell_ui(tmp_path, (120, 40)) as ui:
        await on_job(ui, "digits/6")
        await launched(ui, "enter")
        await ui.press("O")
        await ui.sees("checkpoints")
        screen = await form(ui, "o")
        assert ("ada/projects/digits/6/output/checkpoints", "previous") in screen.values().mounts
