"""The queue of downloads by keys, and what is told of it elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Static

from floyd_tui.client.fake import FakeLinks
from floyd_tui.client.transfers import Transfer
from floyd_tui.screens.confirm import Confirm
from floyd_tui.screens.download import DownloadScreen
from floyd_tui.screens.home import HomeScreen
from floyd_tui.screens.transfers import TransfersScreen
from floyd_tui.widgets.top_bar import TopBar
from tests.support.shell_ui import ShellUi, shell_ui
from tests.support.snapshots import SIZES, check_snapshot

SOURCE = "ada/projects/digits/6/output"


def states(ui: ShellUi) -> list[str]:
    return [one.state for one in ui.app.transfers.all]


async def opened(ui: ShellUi) -> TransfersScreen:
    await ui.press("ctrl+t")
    await ui.until(lambda: isinstance(ui.app.screen, TransfersScreen), "the queue")
    screen = ui.app.screen
    assert isinstance(screen, TransfersScreen)
    await ui.until(lambda: screen.query("#transfer"), "its widgets")
    return screen


def add(ui: ShellUi, to: Path, *paths: str) -> Transfer:
    return ui.app.transfers.add(ui.link, SOURCE, paths, to)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_the_queue_by_keys(home: Path, tmp_path: Path, size: tuple[int, int]) -> None:
    here, mine = home / "here", home / "mine"
    mine.mkdir()
    (mine / "notes.md").write_text("mine")
    async with shell_ui(tmp_path, size) as ui:
        screen = await opened(ui)
        await ui.sees("Nothing is on its way")
        gate = ui.host.hold("content.piece")
        add(ui, here, "checkpoints")
        add(ui, mine, "notes.md")
        await ui.until(lambda: states(ui) == ["running", "clash"], "both")
        add(ui, home / "three", "history.csv")
        add(ui, home / "four", "")
        await ui.press("escape")
        await ui.until(lambda: isinstance(ui.app.screen, HomeScreen), "the jobs")
        bar = ui.app.screen.query_one(TopBar)
        await ui.until(lambda: "down 3" in str(bar.query_one("#syncs", Static).render()), "the sign")
        screen = await opened(ui)
        await ui.until(lambda: screen.table.row_count == 4, "the rows")
        assert screen.check_action("retry", ()) is None
        await ui.press("p")
        await ui.until(lambda: states(ui) == ["paused", "clash", "running", "running"], "the pause")
        await ui.press("j")
        await ui.sees("in the way")
        for one in ui.app.transfers.all:
            ui.app.transfers._set(one.id, progress=one.progress.__class__(3 << 20, 12 << 20, 2, 5, 4e6, 3))
        await ui.press("k")
        screen.draw()
        await check_snapshot(ui.pilot, "transfers")
        await ui.press("j")
        await ui.press("r")
        await ui.until(lambda: isinstance(ui.app.screen, Confirm), "the question")
        await ui.press("y")
        gate.set()
        await ui.until(lambda: states(ui) == ["paused", "done", "done", "done"], "the ends")
        assert (mine / "notes.md").read_text() != "mine"
        await ui.press("y")
        assert ui.app.clipboard == str(mine / "notes.md")
        await ui.press("x", "c")
        await ui.until(lambda: states(ui) == ["paused"], "the rest")
        await ui.press("p")
        await ui.until(lambda: states(ui) == ["done"], "the end")
        assert (here / "checkpoints/best.pt").exists()


async def test_what_goes_on_in_the_background_is_told_and_asked_about_at_the_end(home: Path, tmp_path: Path) -> None:
    async with shell_ui(tmp_path, (80, 24)) as ui:
        gate = ui.host.hold("content.piece")
        await ui.app.push_screen(DownloadScreen(ui.link, SOURCE, ["notes.md"]))
        await ui.until(lambda: ui.app.screen.query("#to") and ui.app.screen.query_one("#to").has_focus, "the field")
        ui.app.screen.query_one("#to").value = str(home / "here")  # type: ignore[attr-defined]
        await ui.press("enter")
        await ui.until(lambda: states(ui) == ["running"], "the download")
        await ui.press("escape")
        await ui.sees("ctrl+t shows it")
        await ui.press("q")
        await ui.sees("Quit while a download goes on?")
        await ui.press("n")
        await ui.until(lambda: isinstance(ui.app.screen, HomeScreen), "the jobs")
        gate.set()
        await ui.sees("Fetched: digits/6: notes.md")
        await ui.press("q")
        await ui.until(lambda: ui.app._exit, "the end: nothing goes on")


async def test_what_was_left_is_offered_again(home: Path, tmp_path: Path) -> None:
    links = FakeLinks.demo()
    async with shell_ui(tmp_path, (80, 24), links) as ui:
        ui.host.hold("content.piece")
        add(ui, home / "here", "notes.md")
        await ui.until(lambda: states(ui) == ["running"], "the download")
        await ui.press("q")
        await ui.sees("Quit while")
        await ui.press("y")
        await ui.until(lambda: ui.app._exit, "the end")
    async with shell_ui(tmp_path, (40, 12)) as ui:
        said = "1 download of last time is not done"
        await ui.until(lambda: any(said in str(note.message) for note in ui.app._notifications), "the offer")
        screen = await opened(ui)
        await ui.until(lambda: screen.table.row_count == 1, "the row")
        assert states(ui) == ["paused"]
        await ui.press("p")
        await ui.until(lambda: (home / "here/notes.md").exists(), "the file")
