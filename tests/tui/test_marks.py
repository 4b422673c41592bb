"""Marks in the list of jobs, and what is done with many at once: asked once, with progress, what failed told."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from textual.widgets import Input

from floyd_tui.errors import HostUnreachable
from floyd_tui.screens.batch import BatchDialog
from floyd_tui.screens.home import HomeScreen, JobTable
from runner.models import JobState
from tests.support.shell_ui import ShellUi, shell_ui

GONE = HostUnreachable("The line broke.", "Try again.")


def home(ui: ShellUi) -> HomeScreen:
    """The page of jobs."""
    assert isinstance(ui.app.screen, HomeScreen)
    return ui.app.screen


def on(ui: ShellUi, short: str) -> bool:
    """Whether the cursor is on a job."""
    job = home(ui).job
    return job is not None and job.short == short


async def marked(ui: ShellUi, *shorts: str) -> None:
    """Mark jobs by keys."""
    await ui.sees("protein-fold")
    table = home(ui).query_one(JobTable)
    for short in shorts:
        table.move_to(("gauss", f"ada/projects/{short}"))
        await ui.until(partial(on, ui, short), short)
        await ui.press("space")
    await ui.sees(f"✓ {len(shorts)} marked")


async def asked(ui: ShellUi, key: str) -> BatchDialog:
    """What a key asks."""
    await ui.press(key)
    await ui.until(lambda: isinstance(ui.app.screen, BatchDialog), "the question")
    assert isinstance(ui.app.screen, BatchDialog)
    return ui.app.screen


async def test_marks_are_set_shown_counted_and_taken_back(tmp_path: Path) -> None:
    async with shell_ui(tmp_path, (80, 24)) as ui:
        await marked(ui, "digits/6", "digits/4")
        assert [line[0] for line in ui.text.splitlines() if "digits/" in line[:20]] == [
            " ", "✓", " ", "✓", " ", " ", " ",
        ]  # fmt: skip
        assert home(ui).job == ui.host.find_job("digits/3")
        await ui.press("k", "space")
        await ui.sees("✓ 1 marked")
        await ui.press("asterisk")
        await ui.sees("✓ 12 marked")
        await ui.press("asterisk")
        await ui.misses("marked")
        await ui.press("asterisk", "escape")
        await ui.misses("marked")
        assert not home(ui).marked


async def test_what_a_filter_hides_stays_marked_and_is_said(tmp_path: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        await marked(ui, "digits/6")
        await ui.press("slash")
        await ui.type("state:failed")
        await ui.press("enter", "asterisk")
        await ui.sees("✓ 3 marked, 1 not shown")
        ui.host.tell()
        await ui.link.client.delete_job("digits/2")
        await ui.sees("✓ 2 marked")


async def told(ui: ShellUi, text: str) -> None:
    """Wait until a toast says `text`, in however many lines."""
    await ui.until(lambda: any(text in note.message for note in ui.app._notifications), text)


async def test_marked_jobs_are_deleted_after_one_question_with_their_number(tmp_path: Path) -> None:
    async with shell_ui(tmp_path, (80, 24)) as ui:
        await marked(ui, "digits/7", "digits/6", "digits/4")
        await asked(ui, "x")
        await ui.sees("Delete 2 jobs?")
        await ui.sees("Left out: 1 job that did not end yet")
        await ui.press("enter")  # No is at hand
        await ui.sees("✓ 3 marked")
        assert ui.host.find_job("digits/6")
        await asked(ui, "x")
        await ui.press("y")
        await ui.sees("2 jobs are deleted. u undoes it.")
        assert {"digits/6", "digits/4"}.isdisjoint(job.short for job in ui.host.jobs.values())
        await ui.misses("marked")
        ui.host.fail("restore", HostUnreachable("gauss does not answer.", "Is it on?"), times=2)
        await ui.press("u")
        await told(ui, "2 things did not come back: gauss does not answer.")
        await ui.press("u")
        await told(ui, "are there again.")
        assert {"digits/6", "digits/4"} <= {job.short for job in ui.host.jobs.values()}
        await ui.press("u")
        await told(ui, "Nothing was deleted here since.")


async def test_one_job_is_deleted_without_a_mark_and_one_that_runs_is_not(tmp_path: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        await ui.sees("protein-fold")
        home(ui).query_one(JobTable).move_to(("gauss", "ada/projects/digits/7"))
        await ui.press("x")
        await ui.sees("Left out: 1 job that did not end yet")
        home(ui).query_one(JobTable).move_to(("gauss", "ada/projects/digits/6"))
        await asked(ui, "x")
        await ui.sees("Delete 1 job?")
        await ui.press("y")
        await ui.sees("1 job is deleted.")


async def test_what_failed_is_told_once_and_the_rest_is_done(tmp_path: Path) -> None:
    async with shell_ui(tmp_path, (80, 24)) as ui:
        await marked(ui, "whisper-nl/13", "digits/7", "whisper-nl/14")
        ui.host.fail("stop", GONE)
        await asked(ui, "s")
        await ui.press("y")
        await ui.sees("2 jobs are stopped. 1 of 3 failed:")
        await ui.sees("The line broke.")
        states = [ui.host.find_job(name).state for name in ("whisper-nl/13", "digits/7", "whisper-nl/14")]
        assert states.count(JobState.STOPPED) == 2
        await ui.press("escape")
        await ui.until(lambda: isinstance(ui.app.screen, HomeScreen), "the list")


async def test_many_are_tagged_and_what_is_no_tag_is_said(tmp_path: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        before = ui.host.find_job("digits/6").tags
        await marked(ui, "digits/6", "digits/4")
        await asked(ui, "T")
        await ui.type("two/words")
        await ui.press("enter")
        await ui.sees("cannot be a tag")
        field = ui.app.screen.query_one("#typed", Input)
        field.value = f"paper -{before[0]}" if before else "paper"
        await ui.press("enter")
        await ui.sees("2 jobs are tagged.")
        assert ui.host.find_job("digits/6").tags == (*before[1:], "paper")
        assert "paper" in ui.host.find_job("digits/4").tags


async def test_outputs_of_many_come_each_into_its_folder_with_progress(tmp_path: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        await marked(ui, "digits/6", "digits/4", "whisper-nl/14")
        dialog = await asked(ui, "d")
        await ui.sees("Left out: 1 job that left no output.")
        dialog.query_one("#typed", Input).value = str(tmp_path / "got")
        held = ui.host.hold("files")
        await ui.press("enter")
        await ui.sees("0 of 2")
        held.set()
        await ui.sees("2 outputs are in")
        assert {path.name for path in (tmp_path / "got").iterdir()} == {"digits-6", "digits-4"}


async def test_what_is_left_is_not_done_after_escape(tmp_path: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        await marked(ui, "digits/6", "digits/4")
        held = ui.host.hold("delete_job")
        await asked(ui, "x")
        await ui.press("y")
        await ui.sees("0 of 2")
        await ui.press("escape")
        await ui.sees("Left as they were: 2 jobs.")
        held.set()
        await ui.pilot.pause()
        assert ui.host.find_job("digits/6")
