"""Syncing a job's output by keys: it goes on while one looks at other things, asks before it writes over anything."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from textual.widgets import Input, Static

from floyd_tui.client import sync as syncing
from floyd_tui.client.fake import NOW, FakeFile
from floyd_tui.client.syncs import SyncState
from floyd_tui.errors import RunnerProblem
from floyd_tui.screens.sync import SyncDialog, headline
from floyd_tui.widgets.file_tree import FileTree
from floyd_tui.widgets.top_bar import sync_words
from runner.models import JobState, Problem
from tests.support.job_ui import JobUi, job_ui, use_shown
from tests.support.snapshots import SIZES, check_snapshot

JOB = "digits/7"


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(syncing, "POLL_SECONDS", 0.02)


def state(ui: JobUi) -> SyncState | None:
    app = ui.pilot.app
    syncs = app.syncs  # type: ignore[attr-defined]
    found: SyncState | None = syncs.of(ui.link, ui.host.find_job(JOB))
    return found


def text(ui: JobUi, selector: str) -> str:
    return str(ui.pilot.app.screen.query(selector).first(Static).render())


def told(ui: JobUi, words: str) -> bool:
    """Whether a toast says `words`."""
    return any(words in toast.message for toast in ui.pilot.app._notifications)


def job_writes(ui: JobUi, *files: FakeFile) -> None:
    ui.host.sources[f"{ui.host.find_job(JOB).name}/output"] = list(files)


async def opened(ui: JobUi) -> SyncDialog:
    """The dialog, from the job's files."""
    if not ui.screen.query_one(FileTree).known:
        await ui.press("O")
        await ui.until(lambda: ui.screen.query_one(FileTree).known, "the files")
    await ui.press("S")
    await ui.until(lambda: isinstance(ui.pilot.app.screen, SyncDialog), "the dialog")
    screen = ui.pilot.app.screen
    assert isinstance(screen, SyncDialog)
    return screen


async def begun(ui: JobUi, to: Path) -> None:
    """Begin to sync into `to`, and close the dialog."""
    screen = await opened(ui)
    screen.query_one("#to", Input).value = str(to)
    await ui.press("enter")
    await ui.until(lambda: state(ui), "the sync")
    await ui.press("escape")
    await ui.until(lambda: ui.pilot.app.screen is ui.screen, "the files again")


async def test_it_goes_on_while_one_looks_at_other_things(tmp_path: Path) -> None:
    async with job_ui(tmp_path, JOB) as ui:
        job_writes(ui, FakeFile("ckpt/1.pt", b"one", 0, NOW))
        await begun(ui, tmp_path / "to")
        await ui.until((tmp_path / "to/ckpt/1.pt").exists, "the first file")
        await ui.press("escape", "2")
        await ui.until(lambda: type(ui.pilot.app.screen).__name__ == "DatasetsScreen", "another page")
        job_writes(ui, FakeFile("ckpt/1.pt", b"one", 0, NOW), FakeFile("ckpt/2.pt", b"two", 0, NOW))
        await ui.until((tmp_path / "to/ckpt/2.pt").exists, "the second file")
        await ui.until(lambda: "⇣ digits/7 2 files" in text(ui, "#syncs"), "the word on top")
        ui.host.finish(JOB, JobState.SUCCEEDED)
        await ui.until(lambda: told(ui, "all is here: 2 files"), "the word at its end")
        await ui.until(lambda: text(ui, "#syncs") == "", "no word on top any more")


async def test_stopping_keeps_what_came(tmp_path: Path) -> None:
    async with job_ui(tmp_path, JOB) as ui:
        job_writes(ui, FakeFile("1.pt", b"one", 0, NOW))
        await begun(ui, tmp_path / "to")
        await ui.until((tmp_path / "to/1.pt").exists, "the first file")
        screen = await opened(ui)
        await ui.until(lambda: "1 file, 3 B came so far" in text(ui, "#words"), "how it stands")
        assert screen.query_one("#close").has_focus
        await ui.pilot.click("#stop")
        await ui.until(lambda: state(ui) is None, "its end")
        await ui.until(lambda: ui.pilot.app.screen is ui.screen, "the files again")
        job_writes(ui, FakeFile("2.pt", b"two", 0, NOW))
        await ui.until(lambda: "files" in ui.host.calls, "another look of the files' pane")
        assert not (tmp_path / "to/2.pt").exists()
        assert (tmp_path / "to/1.pt").read_bytes() == b"one"


async def test_what_was_changed_here_is_asked_about(tmp_path: Path) -> None:
    async with job_ui(tmp_path, JOB) as ui:
        job_writes(ui, FakeFile("log", b"one", 0, NOW))
        await begun(ui, tmp_path / "to")
        log = tmp_path / "to/log"
        await ui.until(log.exists, "the file")
        log.write_bytes(b"mine")
        job_writes(ui, FakeFile("log", b"newer", 0, NOW + 1))
        await ui.until(lambda: told(ui, "1 file changed here"), "the word of it")
        assert log.read_bytes() == b"mine"
        await opened(ui)
        await ui.until(lambda: str(log) in text(ui, "#clashes"), "its name")
        await ui.pilot.click("#replace")
        await ui.until(lambda: log.read_bytes() == b"newer", "the newer one")


async def test_after_the_end_too_a_clash_is_asked_about(tmp_path: Path) -> None:
    (tmp_path / "to").mkdir()
    (tmp_path / "to/log").write_bytes(b"mine")
    async with job_ui(tmp_path, JOB) as ui:
        job_writes(ui, FakeFile("log", b"one", 0, NOW))
        ui.host.finish(JOB, JobState.FAILED, 1)
        await begun(ui, tmp_path / "to")
        await ui.until(lambda: (found := state(ui)) and found.over, "the end")
        await opened(ui)
        await ui.until(lambda: "not all of it" in text(ui, "#words"), "that it is not all")
        await ui.pilot.click("#replace")
        await ui.until(lambda: (tmp_path / "to/log").read_bytes() == b"one", "the host's")


async def test_an_error_ends_it_and_is_said(tmp_path: Path) -> None:
    async with job_ui(tmp_path, JOB) as ui:
        job_writes(ui, FakeFile("log", b"one", 0, NOW))
        await begun(ui, tmp_path / "to")
        await ui.until((tmp_path / "to/log").exists, "the file")
        ui.host.fail("files", RunnerProblem(Problem("gone", "Gone", 404, "There is no such job.", "Look again.")))
        await ui.until(lambda: (found := state(ui)) and found.error, "the error")
        await opened(ui)
        await ui.until(lambda: "There is no such job." in text(ui, "#words"), "the sentence")


@pytest.mark.parametrize("size", SIZES)
async def test_how_it_looks(tmp_path: Path, home: Path, size: tuple[int, int]) -> None:
    to = home / "outputs/digits-7"
    async with job_ui(tmp_path, JOB, size) as ui:
        job_writes(ui, FakeFile("ckpt/1.pt", b"one", 0, NOW), FakeFile("log", b"1", 0, NOW))
        screen = await opened(ui)
        screen.set_focus(None)  # a cursor blinks
        await use_shown(ui)
        await check_snapshot(ui.pilot, "sync-asks")
        await ui.press("escape")
        await begun(ui, to)
        await ui.until((to / "log").exists, "the file")
        (to / "log").write_bytes(b"mine")
        job_writes(ui, FakeFile("ckpt/1.pt", b"one", 0, NOW), FakeFile("log", b"2", 0, NOW + 1))
        await ui.until(lambda: (found := state(ui)) and found.last.clashes, "the clash")
        await ui.until(lambda: told(ui, "1 file changed here"), "the word of it")
        ui.pilot.app.clear_notifications()
        below = ui.screen.query_one("#files .tree-status", Static)
        await ui.until(lambda: "warn" in below.render().markup, "its colour below")  # type: ignore[union-attr]
        await opened(ui)
        on_top = ui.screen.query_one("#syncs", Static)
        await ui.until(lambda: "2 files" in str(on_top.render()), "the word on top")
        await check_snapshot(ui.pilot, "sync-stands")
        await ui.press("escape")
        await ui.until(lambda: ui.pilot.app.screen is ui.screen, "the files again")
        await check_snapshot(ui.pilot, "sync-files")


def test_the_words_for_it(tmp_path: Path) -> None:
    from floyd_tui.client.fake import FakeLinks

    link = FakeLinks.demo()["gauss"]
    one = SyncState(link, link.host.find_job(JOB), tmp_path)
    assert headline(one) == "● waiting for the first whole file"
    assert headline(replace(one, files=1, size=10)) == "● 1 file, 10 B came so far"
    assert sync_words([one, one]) == "⇣ 2 syncs"
