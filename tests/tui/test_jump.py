"""Jump mode: a letter leads to each thing one can go to."""

from __future__ import annotations

from pathlib import Path

from textual.widget import Widget
from textual.widgets import Input

from floyd_tui.screens.add_host import AddHostDialog
from floyd_tui.screens.home import HomeScreen
from floyd_tui.screens.hosts import HostsScreen
from floyd_tui.screens.jump import JumpScreen
from tests.support.shell_ui import ShellUi, shell_ui


async def letter(ui: ShellUi, wanted: Widget) -> str:
    """Open jump mode, and the letter that leads to `wanted`."""
    await ui.press("ctrl+o")
    await ui.until(lambda: isinstance(ui.app.screen, JumpScreen), "jump mode")
    screen = ui.app.screen
    assert isinstance(screen, JumpScreen)
    found = next(key for key, widget in screen.targets.items() if widget is wanted)
    assert f" {found} " in ui.text
    return found


async def test_letters_lead_to_panes_pages_and_fields(tmp_path: Path) -> None:
    async with shell_ui(tmp_path, (120, 40)) as ui:
        await ui.sees("protein-fold")
        home = ui.app.screen
        await ui.press(await letter(ui, home.query_one("#projects")))
        await ui.until(lambda: home.query_one("#projects").has_focus, "the projects")
        await ui.press("ctrl+o", "ctrl+o", "escape")
        await ui.until(lambda: isinstance(ui.app.screen, HomeScreen), "jump mode left")
        await ui.press(await letter(ui, home.query(".page-name")[3]))
        await ui.until(lambda: isinstance(ui.app.screen, HostsScreen), "the hosts")
        await ui.press("a")
        await ui.until(lambda: isinstance(ui.app.screen, AddHostDialog), "the form")
        field = ui.app.screen.query(Input)[1]
        await ui.press(await letter(ui, field))
        await ui.until(lambda: field.has_focus, "the field")
        await ui.press("ctrl+o", "5")
        await ui.until(lambda: isinstance(ui.app.screen, AddHostDialog), "another key to leave it")
