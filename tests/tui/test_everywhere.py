"""What holds on every screen: 40x12 is enough, the way out is seen, the mouse does what keys do."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets._footer import FooterKey

from floyd_tui.app import FloydApp
from floyd_tui.screens.home import HomeScreen, JobTable
from floyd_tui.screens.hosts import HostsScreen
from floyd_tui.screens.job import JobScreen
from floyd_tui.screens.messages import MessagesScreen
from floyd_tui.screens.pickers import HostPicker
from floyd_tui.widgets.tab_row import TabRow
from tests.support.shell_ui import ShellUi, shell_ui

DIGITS_6 = ("j", "j", "j", "enter")
# By what one presses from the first page: every page, dialog and tab, a few to a run.
WALKS: dict[str, list[tuple[str, ...]]] = {
    "lists": [("t",), ("h",), ("S",), ("C",), ("p",), ("T",), ("s",), ("slash",), ("colon",), ("ctrl+o",), ("Q",)],
    "launch": [("n",), ("w",), ("r",), ("question_mark",), ("ctrl+p",), ("ctrl+e",)],
    "pages": [("2", "u"), ("2", "a"), ("2", "e"), ("2", "x"), ("3",), ("4", "a"), ("4", "d")],
    "job": [(*DIGITS_6, tab) for tab in ("L", "M", "U", "O", "C", "I", "A")],
}


def sees_focus(ui: ShellUi) -> bool:
    """Whether what has the keys is on screen, if anything has."""
    focused = ui.app.focused
    return focused is None or bool(focused.region.overlaps(ui.app.screen.region))


async def leave(ui: ShellUi) -> None:
    """Back to the first page by Esc and 1."""
    for _ in range(8):
        if isinstance(ui.app.screen, HomeScreen):
            break
        await ui.press("escape" if len(ui.app.screen_stack) > 1 else "1")
        await ui.pilot.pause()
    assert isinstance(ui.app.screen, HomeScreen), "Esc leads out"
    await ui.press("escape")
    await ui.pilot.pause()


@pytest.mark.parametrize("walk", WALKS)
async def test_everything_stands_40x12_and_a_terminal_that_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, walk: str
) -> None:
    monkeypatch.chdir(tmp_path)
    async with shell_ui(tmp_path, (40, 12)) as ui:
        await ui.until(lambda: ui.app.screen.query_one(JobTable).row_count, "the jobs")
        for keys in WALKS[walk]:
            await ui.press(*keys)
            for size in ((40, 12), (80, 24)):
                if ui.app.size != size:
                    await ui.pilot.resize_terminal(*size)
                await ui.pilot.pause()
                assert sees_focus(ui), f"{keys} at {size}: {ui.app.focused}"
            assert ui.text.strip(), keys
            await leave(ui)
            await ui.pilot.resize_terminal(40, 12)


async def test_the_mouse_does_what_keys_do(tmp_path: Path) -> None:
    async with shell_ui(tmp_path, (120, 30)) as ui:
        await ui.sees("protein-fold")
        await ui.pilot.click(next(key for key in ui.app.screen.query(FooterKey) if key.description == "Help"))
        await ui.until(lambda: not isinstance(ui.app.screen, HomeScreen), "help")
        await ui.press("escape")
        table = ui.app.screen.query_one(JobTable)
        await ui.pilot.click(table, offset=(10, 4))
        await ui.until(lambda: "digits/6" in str(table.cursor_key), "the row under the mouse")
        await ui.pilot.click(table, offset=(10, 4), times=2)
        await ui.until(lambda: isinstance(ui.app.screen, JobScreen), "its job")
        assert len(ui.app.screen_stack) == 2, "a double click opens it once"
        await ui.pilot.click([*ui.app.screen.query("TabLabel")][1])
        await ui.until(lambda: ui.app.screen.query_one(TabRow).current == "metrics", "its metrics")
        await ui.pilot.click(offset=(10, 0))  # floyd > gauss > digits > 6
        await ui.until(lambda: isinstance(ui.app.screen, HostPicker), "the hosts to choose from")
        await ui.press("escape")
        await ui.until(lambda: isinstance(ui.app.screen, JobScreen), "the job again")
        await ui.pilot.click(offset=(18, 0))
        await ui.until(lambda: isinstance(ui.app.screen, HomeScreen), "the level above")
        await ui.press("4")
        await ui.until(lambda: isinstance(ui.app.screen, HostsScreen), "the hosts")
        await ui.pilot.click(offset=(2, 0))
        await ui.until(lambda: isinstance(ui.app.screen, HomeScreen), "the jobs")


async def test_what_was_said_can_be_read_again(tmp_path: Path) -> None:
    async with shell_ui(tmp_path, (80, 24)) as ui:
        app: FloydApp = ui.app
        await ui.press("ctrl+e")
        await ui.sees("Nothing was said yet.")
        await ui.press("ctrl+e")
        app.notify("It [b]ended[/b]\nat last", title="digits/7", severity="error")
        app.notify("plain [words", markup=False)
        await ui.press("ctrl+e")
        await ui.until(lambda: isinstance(app.screen, MessagesScreen), "the messages")
        await ui.sees("digits/7  It ended at last")
        await ui.sees("plain [words")
        await ui.press("escape")
