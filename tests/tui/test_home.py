"""The first page: projects and jobs, true by events, filtered, acted on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from floyd_tui.client.fake import NOW, FakeLinks
from floyd_tui.client.protocol import LinkState
from floyd_tui.errors import HostKeyUnknown, HostUnreachable, LoginRefused, RunnerMissing
from floyd_tui.screens.confirm import Confirm
from floyd_tui.screens.home import HomeScreen, JobTable
from floyd_tui.screens.hostkey import HostKeyDialog, InstallDialog
from floyd_tui.screens.job import JobScreen
from floyd_tui.screens.launch import LaunchScreen
from floyd_tui.widgets.filter_bar import FilterBar
from runner.models import Event, JobState
from tests.support.shell_ui import ShellUi, shell_ui

GONE = HostUnreachable("gauss does not answer.", "Is it on?")


def jobs(ui: ShellUi) -> JobTable:
    """The table of jobs."""
    return ui.app.screen.query_one(JobTable)


def names(ui: ShellUi) -> list[str]:
    """The short names of the jobs that are shown, from the top."""
    return [name.partition("/projects/")[2] for _, name in jobs(ui).keys]


async def loaded(ui: ShellUi) -> None:
    """Wait for the jobs, then put the cursor on the running one."""
    await ui.until(lambda: jobs(ui).row_count == 12, "the jobs")


async def on_job(ui: ShellUi, short: str) -> None:
    """Put the cursor on a job."""
    await loaded(ui)
    jobs(ui).move_to(("gauss", f"ada/projects/{short}"))
    screen = ui.app.screen
    assert isinstance(screen, HomeScreen)
    await ui.until(lambda: screen.job and screen.job.short == short, short)


async def test_jobs_are_shown_newest_first_with_what_matters(tmp_path: Path) -> None:
    async with shell_ui(tmp_path, (160, 48)) as ui:
        await loaded(ui)
        assert names(ui)[:4] == ["whisper-nl/14", "whisper-nl/13", "digits/7", "digits/6"]
        for text in ("● running", "◐ preparing", "◌ queued", "✔ succeeded", "✘ failed", "26m 00s", "protein-fold"):
            assert text in ui.text


async def test_a_new_job_appears_and_the_cursor_stays_on_its_job(tmp_path: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        await on_job(ui, "digits/6")
        ui.host.update(replace(ui.host.find_job("digits/7"), number=8, created_at=NOW, state=JobState.QUEUED))
        await ui.until(lambda: names(ui)[0] == "digits/8", "the new job on top")
        assert jobs(ui).cursor_key == ("gauss", "ada/projects/digits/6")


async def test_a_job_that_ends_is_shown_ended(tmp_path: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        await loaded(ui)
        ui.host.finish("digits/7", JobState.FAILED, 1, "Epoch nine broke.")
        await ui.sees("Epoch nine broke.")
        await ui.misses("● running")


async def test_a_deleted_job_goes(tmp_path: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        await loaded(ui)
        await ui.link.client.delete_job("digits/6")
        await ui.until(lambda: "digits/6" not in names(ui), "the job to go")
        assert jobs(ui).row_count == 11


async def test_a_project_is_chosen_and_left(tmp_path: Path) -> None:
    async with shell_ui(tmp_path, (80, 24)) as ui:
        await loaded(ui)
        await ui.press("p", "down", "down", "enter")
        await ui.until(lambda: set(names(ui)) == {f"digits/{n}" for n in range(1, 8)}, "the project's jobs")
        assert jobs(ui).has_focus
        await ui.press("escape")
        await ui.until(lambda: jobs(ui).row_count == 12, "all jobs again")


async def test_a_filter_narrows_the_list_and_goes(tmp_path: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        await loaded(ui)
        await ui.press("slash")
        await ui.type("state:failed")
        await ui.until(lambda: names(ui) == ["whisper-nl/11", "digits/2"], "the failed ones")
        await ui.sees("2 of 12")
        await ui.press("enter")
        assert jobs(ui).has_focus
        await ui.press("slash")
        await ui.type(" nothing")
        await ui.sees("No job passes this filter")
        await ui.press("escape")
        await ui.until(lambda: jobs(ui).row_count == 12, "all jobs again")
        assert not ui.app.screen.query_one(FilterBar).has_class("-open")


async def test_enter_opens_the_job_and_escape_comes_back(tmp_path: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        await on_job(ui, "digits/6")
        await ui.press("enter")
        await ui.until(lambda: isinstance(ui.app.screen, JobScreen), "the job's screen")
        await ui.press("escape")
        await ui.until(lambda: isinstance(ui.app.screen, HomeScreen), "the list")
        assert jobs(ui).cursor_key == ("gauss", "ada/projects/digits/6")


async def test_a_job_that_ended_while_one_was_asked_is_not_said_to_be_stopped(tmp_path: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        await on_job(ui, "digits/7")
        await ui.press("s")
        await ui.until(lambda: isinstance(ui.app.screen, Confirm), "the question")
        ui.host.finish("digits/7", JobState.SUCCEEDED)
        await ui.press("y")
        await ui.sees("digits/7 had ended before: succeeded.")


async def test_stop_asks_first_and_no_is_the_answer_at_hand(tmp_path: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        await on_job(ui, "digits/7")
        await ui.press("s")
        await ui.until(lambda: isinstance(ui.app.screen, Confirm), "the question")
        await ui.press("enter")
        await ui.until(lambda: isinstance(ui.app.screen, HomeScreen), "the list")
        assert ui.host.find_job("digits/7").state is JobState.RUNNING
        await ui.press("s")
        await ui.until(lambda: isinstance(ui.app.screen, Confirm), "the question again")
        await ui.press("y")
        await ui.sees("digits/7 is stopped.")
        assert ui.host.find_job("digits/7").state is JobState.STOPPED


async def test_what_ended_cannot_be_stopped(tmp_path: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        await on_job(ui, "digits/6")
        await ui.press("s")
        await ui.pilot.pause()
        assert isinstance(ui.app.screen, HomeScreen)


@pytest.mark.parametrize("key", ["r", "o"])
async def test_launching_again_opens_the_form_with_the_jobs_settings(tmp_path: Path, key: str) -> None:
    async with shell_ui(tmp_path) as ui:
        await on_job(ui, "digits/6")
        await ui.press(key)
        await ui.until(lambda: isinstance(ui.app.screen, LaunchScreen), "the form")
        screen = ui.app.screen
        assert isinstance(screen, LaunchScreen)
        await ui.until(lambda: screen.values().project == "digits", "the project")
        assert screen.values().folder is None
        mounted = ("ada/projects/digits/6/output", "previous") in screen.values().mounts
        assert mounted is (key == "o")


async def test_loading_is_said_until_the_answer_is_there(tmp_path: Path) -> None:
    links = FakeLinks.demo()
    held = links["gauss"].host.hold("jobs")
    async with shell_ui(tmp_path, links=links) as ui:
        await ui.sees("Asking gauss for your jobs")
        held.set()
        await loaded(ui)
        await ui.misses("Asking gauss")


async def test_an_empty_host_teaches_the_next_key(tmp_path: Path) -> None:
    links = FakeLinks.demo()
    links["gauss"].host.jobs.clear()
    async with shell_ui(tmp_path, links=links) as ui:
        await ui.sees("Press n to launch")


async def test_a_host_that_goes_leaves_the_last_jobs_dimmed(tmp_path: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        await loaded(ui)
        ui.host.failures["events"] += [GONE]
        ui.link.set_status(LinkState.RETRYING, GONE, retry_at=4.0)
        await ui.sees("↻ retry in 4 s")
        assert jobs(ui).row_count == 12


async def test_a_host_that_never_answered_says_why(tmp_path: Path) -> None:
    links = FakeLinks.demo()
    refused = LoginRefused("gauss accepts none of your keys.", "Add one with ssh-copy-id.")
    links["gauss"].set_status(LinkState.FAILED, refused)
    async with shell_ui(tmp_path, links=links) as ui:
        await ui.sees("Add one with ssh-copy-id.")
        await ui.press("ctrl+r")
        await loaded(ui)
        assert "retry" in ui.link.asked


async def test_an_unknown_host_key_is_shown_and_asked_for_once(tmp_path: Path) -> None:
    links = FakeLinks.demo()
    unknown = HostKeyUnknown("New.", "", "gauss.lab", 2222, "ssh-ed25519 AAAA", "SHA256:abcdef")
    links["gauss"].set_status(LinkState.FAILED, unknown)
    async with shell_ui(tmp_path, links=links) as ui:
        await ui.until(lambda: isinstance(ui.app.screen, HostKeyDialog), "the question")
        assert "SHA256:abcdef" in ui.text
        assert "gauss.lab, port 2222" in ui.text
        await ui.press("enter")  # No is at hand
        await ui.until(lambda: isinstance(ui.app.screen, HomeScreen), "the page")
        assert "trust_host_key" not in ui.link.asked
        ui.link.set_status(LinkState.FAILED, HostKeyUnknown("New.", "", "gauss.lab", 22, "k", "SHA256:z"))
        await ui.until(lambda: isinstance(ui.app.screen, HostKeyDialog), "the question, for a new failure")
        await ui.press("y")
        await ui.until(lambda: "trust_host_key" in ui.link.asked, "the key to be trusted")
        await loaded(ui)


async def test_a_missing_runner_is_offered(tmp_path: Path) -> None:
    links = FakeLinks.demo()
    links["gauss"].set_status(LinkState.FAILED, RunnerMissing("gauss has no runner.", "Install it."))
    async with shell_ui(tmp_path, links=links) as ui:
        await ui.until(lambda: isinstance(ui.app.screen, InstallDialog), "the offer")
        await ui.press("enter")  # it harms nothing, so Yes is at hand
        await ui.until(lambda: "install_runner" in ui.link.asked, "the installation")
        await loaded(ui)


async def test_what_others_wrote_never_steers_the_terminal(tmp_path: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        await loaded(ui)
        ui.host.update(replace(ui.host.find_job("digits/7"), message="\x1b[2Jgone\n[b]x[/b]\u202e"))
        await ui.sees("[2Jgone [b]x[/b]")
        assert "\x1b" not in ui.text
        assert "\u202e" not in ui.text


async def test_an_event_of_nothing_is_a_sign_of_life(tmp_path: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        await loaded(ui)
        ui.host.tell(Event())
        await ui.pilot.pause()
        assert jobs(ui).row_count == 12
