"""The Code tab by keys: the tree with its colours, what differs here and in another job."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from textual.widgets import OptionList, Static

from floyd_tui.client.fake import NOW, FakeFile
from floyd_tui.errors import HostUnreachable
from floyd_tui.project.link import write_link
from floyd_tui.screens.code_diff import CodeDiffScreen
from floyd_tui.screens.compare_code import CodePane
from floyd_tui.screens.download import DownloadScreen
from floyd_tui.screens.file_view import FileView
from floyd_tui.screens.folder_dialog import FolderDialog
from floyd_tui.screens.job_code import JobCode
from floyd_tui.screens.job_files import JobFiles
from floyd_tui.screens.job_picker import JobPicker
from floyd_tui.screens.job_tree import JobTree
from floyd_tui.widgets.log_view import LogView
from floyd_tui.widgets.note import Note
from floyd_tui.widgets.tab_row import TabLabel, TabRow
from tests.support.job_ui import JobUi, job_ui
from tests.support.snapshots import SIZES, check_snapshot


async def opened(ui: JobUi) -> JobCode:
    """The Code tab, listed, the cursor on its first file."""
    await ui.press("C")
    pane = ui.screen.query_one(JobCode)
    await ui.until(lambda: pane.table.known and pane.table.has_focus, "the code's files")
    return pane


def work_in(folder: Path, ui: JobUi) -> None:
    """Fill `folder` with what digits/6 ran, but for a file changed, one added, one removed and one ignored."""
    for file in ui.host.sources[f"{ui.screen.job.name}/code"]:
        place = folder / file.path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(b"".join(file.chunks()))
    (folder / "train.py").write_text((folder / "train.py").read_text() + "print('more')\n")
    (folder / "README.md").unlink(missing_ok=True)
    (folder / "new.py").write_text("new = True\n")
    (folder / "big.bin").write_text("stays")
    (folder / ".floydignore").write_text("big.bin\n.floydexpt\n.floydignore\n")


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_the_code_in_colours_beside_its_tree(tmp_path: Path, size: tuple[int, int]) -> None:
    async with job_ui(tmp_path, "digits/6", size) as ui:
        pane = await opened(ui)
        while pane.table.cursor_key != "train.py":
            await ui.press("j")
        view = pane.query_one(FileView)
        await ui.until(lambda: view.look and "\x1b[" in view.look.text and view.query(LogView), "the coloured text")
        await check_snapshot(ui.pilot, "job-code")
        await ui.press("tab")
        await ui.until(lambda: view.has_focus_within, "the keys in the file")
        await ui.press("escape")
        assert pane.table.has_focus, "Esc goes back to the tree"
        await ui.press("D")
        await ui.until(lambda: isinstance(ui.pilot.app.screen, DownloadScreen), "the dialog")
        assert "code/digits-6" in str(ui.pilot.app.screen.query_one("#to").value)  # type: ignore[attr-defined]


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_what_differs_in_the_folder_of_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: Path, size: tuple[int, int]
) -> None:
    work = home / "digits"
    work.mkdir()
    write_link(work, "digits")
    monkeypatch.chdir(work)
    async with job_ui(tmp_path, "digits/6", size) as ui:
        await opened(ui)
        code = f"{ui.screen.job.name}/code"
        ui.host.sources[code] = [*ui.host.sources[code], FakeFile("README.md", b"Digits.\n", 0, NOW)]
        work_in(work, ui)
        await ui.press("w")
        await ui.until(lambda: isinstance(ui.pilot.app.screen, CodeDiffScreen), "what differs")
        screen = ui.pilot.app.screen
        pane = screen.query_one(CodePane)
        await ui.until(lambda: pane.differing, "the files")
        assert [(one.words, one.path) for one in pane.differing] == [
            ("removed", "README.md"),
            ("added", "new.py"),
            ("changed", "train.py"),
        ]
        await ui.press("j", "j")
        diff = pane.query_one(".diff", Static)
        await ui.until(lambda: "+print('more')" in str(diff.render()), "the diff")
        assert "~/digits" in str(screen.query_one("#sides", Static).render())
        await check_snapshot(ui.pilot, "code-diff")
        (work / "train.py").unlink()
        await ui.press("a")
        await ui.until(lambda: [one.words for one in pane.differing] == ["removed", "added", "removed"], "a new look")
        await ui.press("escape")
        await ui.until(lambda: ui.pilot.app.screen is ui.screen, "the job")


async def test_a_folder_is_asked_for_where_none_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    async with job_ui(tmp_path, "digits/6") as ui:
        await opened(ui)
        work_in(tmp_path / "here", ui)
        await ui.press("w")
        await ui.until(lambda: isinstance(ui.pilot.app.screen, FolderDialog), "the question")
        dialog = ui.pilot.app.screen
        field = dialog.query_one("#folder")
        field.value = str(tmp_path / "nowhere")  # type: ignore[attr-defined]
        await ui.press("enter")
        assert "no such folder" in str(dialog.query_one("#field-folder .field-wrong").render())
        field.value = str(tmp_path / "here")  # type: ignore[attr-defined]
        await ui.press("enter")
        await ui.until(lambda: isinstance(ui.pilot.app.screen, CodeDiffScreen), "what differs")
        await ui.until(lambda: ui.pilot.app.screen.query_one(CodePane).differing, "the files")
        await ui.press("w")
        await ui.until(lambda: isinstance(ui.pilot.app.screen, FolderDialog), "the question, again")


async def test_what_another_job_ran_otherwise(tmp_path: Path) -> None:
    async with job_ui(tmp_path, "digits/6") as ui:
        await opened(ui)
        other = ui.host.find_job("digits/5")
        code = ui.host.sources[f"{other.name}/code"]
        ui.host.sources[f"{other.name}/code"] = [replace(code[0], text=b"\0\1"), *code[1:]]
        await ui.press("c")
        await ui.until(lambda: isinstance(ui.pilot.app.screen, JobPicker), "the jobs")
        options = ui.pilot.app.screen.query_one(OptionList)
        options.highlighted = options.get_option_index(other.name)
        await ui.press("enter")
        await ui.until(lambda: isinstance(ui.pilot.app.screen, CodeDiffScreen), "what differs")
        screen = ui.pilot.app.screen
        await ui.until(lambda: "Not text" in str(screen.query_one(".diff", Static).render()), "that it is binary")
        assert "digits/5   + digits/6" in str(screen.query_one("#sides", Static).render()), "the older one first"
        assert screen.check_action("again", ()) is False
        await ui.press("escape")
        ui.host.sources[f"{other.name}/code"] = list(ui.host.sources[f"{ui.screen.job.name}/code"])
        await ui.press("c")
        await ui.until(lambda: isinstance(ui.pilot.app.screen, JobPicker), "the jobs")
        options = ui.pilot.app.screen.query_one(OptionList)
        options.highlighted = options.get_option_index(other.name)
        await ui.press("enter")
        await ui.until(lambda: isinstance(ui.pilot.app.screen, CodeDiffScreen), "the comparison")
        note = ui.pilot.app.screen.query_one(Note)
        await ui.until(lambda: "the same" in str(note.render()), "that nothing differs")


async def test_a_tab_opened_before_its_files_came_gets_the_keys(tmp_path: Path) -> None:
    async with job_ui(tmp_path, "digits/6") as ui:
        for key, kind in (("O", JobFiles), ("C", JobCode)):
            await wakes(ui, key, ui.screen.query_one("#files" if key == "O" else "#code", kind))


async def wakes(ui: JobUi, key: str, pane: JobTree) -> None:
    """Open a tab while the host is slow, and wait until its tree has the keys."""
    gate = ui.host.hold("files")
    await ui.press(key)
    await ui.until(lambda: "Asking" in str(pane.query_one(Note).render()), "what is awaited")
    assert not pane.table.has_focus
    gate.set()
    await ui.until(lambda: pane.table.has_focus, "the keys")
    del ui.host.gates["files"]


async def test_a_lost_host_is_said_in_the_tab_and_in_the_comparison(tmp_path: Path, home: Path) -> None:
    async with job_ui(tmp_path, "digits/6") as ui:
        pane = await opened(ui)
        ui.host.fail("jobs", HostUnreachable("gauss does not answer.", "Try again."))
        await ui.press("c")
        await ui.until(lambda: any("does not answer" in str(n.message) for n in ui.pilot.app._notifications), "a toast")
        ui.host.fail("files", HostUnreachable("gauss does not answer.", "Try again."))
        pane._against(tmp_path)
        await ui.until(lambda: isinstance(ui.pilot.app.screen, CodeDiffScreen), "the comparison")
        note = ui.pilot.app.screen.query_one(Note)
        await ui.until(lambda: "does not answer" in str(note.render()), "the sentence")


async def test_at_40_columns_the_present_tab_is_named_and_the_others_are_their_keys(tmp_path: Path) -> None:
    async with job_ui(tmp_path, "digits/6", (40, 12)) as ui:
        await opened(ui)
        row = ui.screen.query_one(TabRow)
        shown = "".join(str(label.render()) for label in row.query(TabLabel))
        assert "C Code" in shown
        assert "Logs" not in shown
        assert all(label.region.right <= 40 for label in row.query(TabLabel))
        await ui.press("L")
        await ui.until(lambda: "L Logs" in str(row.query(TabLabel).first().render()), "the other title")
