"""Fetching files by keys: the folder, progress, cancelling, files in the way, the end."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Input, Static

from floyd_tui.errors import HostUnreachable
from floyd_tui.project.link import write_link
from floyd_tui.screens.download import DownloadScreen, suggested_folder
from floyd_tui.widgets.path_input import complete_folder
from floyd_tui.widgets.progress_line import ProgressLine
from tests.support.job_ui import JobUi, job_ui

SOURCE = "ada/projects/digits/6/output"


async def opened(ui: JobUi, to: Path, *paths: str) -> DownloadScreen:
    screen = DownloadScreen(ui.link, SOURCE, paths or ("checkpoints",))
    await ui.pilot.app.push_screen(screen)
    await ui.until(lambda: screen.query_one("#to").has_focus, "the folder's field")
    screen.query_one("#to", Input).value = str(to)
    return screen


def text(screen: DownloadScreen, selector: str) -> str:
    return str(screen.query_one(selector, Static).render())


def content(ui: JobUi, path: str) -> bytes:
    return b"".join(next(f for f in ui.host.sources[SOURCE] if f.path == path).chunks())


async def test_a_folder_comes_whole(tmp_path: Path) -> None:
    async with job_ui(tmp_path, "digits/6") as ui:
        screen = await opened(ui, tmp_path / "here")
        await ui.until(lambda: "5 files, 7.1 MiB" in text(screen, "#what"), "how much it is")
        await ui.press("enter")
        await ui.until(lambda: screen.state == "done", "the end")
        assert "✔ 5 files, 7.1 MiB" in text(screen, "#outcome")
        assert str(tmp_path / "here" / "checkpoints") in text(screen, "#outcome")
        for file in ("checkpoints/best.pt", "checkpoints/epoch-008.pt"):
            assert (tmp_path / "here" / file).read_bytes() == content(ui, file)
        await ui.press("y")
        assert ui.pilot.app.clipboard == str(tmp_path / "here" / "checkpoints")
        await ui.press("escape")
        await ui.until(lambda: ui.pilot.app.screen is ui.screen, "the job")


async def test_progress_pausing_and_cancelling(tmp_path: Path) -> None:
    async with job_ui(tmp_path, "digits/6") as ui:
        gate = ui.host.hold("content.piece")
        screen = await opened(ui, tmp_path / "here")
        await ui.press("enter")
        await ui.until(lambda: "of 7.1 MiB" in text(screen, "#rate"), "progress")
        assert screen.query_one(ProgressLine).share is not None
        await ui.press("p")
        await ui.until(lambda: "‖ paused" in text(screen, "#rate"), "the pause")
        await ui.press("p", "x")
        await ui.until(lambda: screen.query_one("#to").has_focus, "the question again")
        assert not (tmp_path / "here/checkpoints/best.pt").exists()
        assert not screen.transfers.all
        gate.set()
        await ui.press("enter")
        await ui.until(lambda: screen.state == "done", "the end")
        assert (tmp_path / "here/checkpoints/best.pt").read_bytes() == content(ui, "checkpoints/best.pt")


async def test_files_in_the_way_are_listed_and_kept_unless_told(tmp_path: Path) -> None:
    mine = tmp_path / "here/notes.md"
    mine.parent.mkdir()
    mine.write_text("mine")
    async with job_ui(tmp_path, "digits/6") as ui:
        screen = await opened(ui, tmp_path / "here", "notes.md")
        await ui.press("enter")
        await ui.until(lambda: screen.state == "clash", "the question")
        assert str(mine) in text(screen, "#clash-names")
        await ui.until(lambda: screen.query_one("#other").has_focus, "No in focus")
        await ui.press("enter")
        await ui.until(lambda: screen.query_one("#to").has_focus, "another folder")
        assert mine.read_text() == "mine"
        await ui.press("enter")
        await ui.until(lambda: screen.state == "clash", "the question")
        await ui.pilot.click("#overwrite")
        await ui.until(lambda: screen.state == "done", "the end")
        assert mine.read_bytes() == content(ui, "notes.md")


async def test_what_is_here_already_is_kept(tmp_path: Path) -> None:
    async with job_ui(tmp_path, "digits/6") as ui:
        screen = await opened(ui, tmp_path / "here")
        await ui.press("enter")
        await ui.until(lambda: screen.state == "done", "the end")
        screen.dismiss()
        screen = await opened(ui, tmp_path / "here")
        await ui.press("enter")
        await ui.until(lambda: screen.state == "done", "the end")
        assert "5 files more were here already" in text(screen, "#outcome")


async def test_an_error_is_a_sentence_and_the_form_stays(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    async with job_ui(tmp_path, "digits/6") as ui:
        screen = await opened(ui, tmp_path / "file")
        await ui.press("enter")
        await ui.until(lambda: screen.query_one("#wrong").has_class("-shown"), "the sentence")
        assert "Choose another place." in text(screen, "#wrong")
        await ui.until(lambda: screen.query_one("#to").has_focus, "the form")
        ui.host.fail("files", HostUnreachable("gauss does not answer."))
        screen.query_one("#to", Input).value = str(tmp_path / "here")
        await ui.press("enter")
        await ui.until(lambda: "does not answer" in text(screen, "#rate"), "what it waits for")
        await ui.until(lambda: screen.state == "done", "the end, once the host answers")


@pytest.mark.parametrize(
    ("source", "folder"),
    [
        ("ada/projects/digits/7/output", "outputs/digits-7"),
        ("ada/projects/digits/7/code", "code/digits-7"),
        ("ada/datasets/digits/2", "data/digits-2"),
    ],
)
def test_where_files_go_unless_told(source: str, folder: str) -> None:
    assert suggested_folder(source) == folder


def test_folders_are_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "outputs/deep").mkdir(parents=True)
    (tmp_path / "other.txt").write_text("")
    monkeypatch.chdir(tmp_path)
    assert complete_folder("ou") == "outputs/"
    assert complete_folder("outputs/d") == "outputs/deep/"
    assert complete_folder(f"{tmp_path}/out") == f"{tmp_path}/outputs/"
    assert complete_folder("oth") is None
    assert complete_folder("nowhere/x") is None
    assert complete_folder("") is None


async def test_tab_takes_the_completion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "results").mkdir()
    monkeypatch.chdir(tmp_path)
    async with job_ui(tmp_path, "digits/6") as ui:
        screen = await opened(ui, Path())
        field = screen.query_one("#to", Input)
        field.value = ""
        await ui.press("r", "e")
        await ui.until(lambda: field._suggestion, "the completion")
        await ui.press("tab")
        assert field.value == "results/"


@pytest.mark.parametrize("ignored", [False, True])
async def test_what_would_go_up_with_the_next_run_is_said(tmp_path: Path, ignored: bool) -> None:
    write_link(tmp_path, "digits")
    (tmp_path / ".floydignore").write_text("outputs\n" if ignored else "")
    async with job_ui(tmp_path, "digits/6") as ui:
        screen = await opened(ui, tmp_path / "outputs/digits-6", "notes.md")
        await ui.press("enter")
        await ui.until(lambda: screen.state == "done", "the end")
        assert (".floydignore" in text(screen, "#outcome")) is not ignored
