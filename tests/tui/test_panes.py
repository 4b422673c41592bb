"""Two panes: their border moves by keys and by the mouse, and stays where it was put."""

from __future__ import annotations

from pathlib import Path

from floyd_tui.memory import Memory
from floyd_tui.widgets.panes import Panes, Splitter
from tests.support.shell_ui import ShellUi, shell_ui


def widths(ui: ShellUi) -> tuple[int, int]:
    """How wide the two panes of the jobs are."""
    screen = ui.app.screen
    return screen.query_one("#projects").outer_size.width, screen.query_one("#right").outer_size.width


async def test_the_border_moves_and_is_remembered(tmp_path: Path) -> None:
    async with shell_ui(tmp_path, (120, 30)) as ui:
        await ui.sees("protein-fold")
        assert widths(ui) == (30, 90)
        await ui.press("plus")  # the jobs have the keys
        await ui.until(lambda: widths(ui) == (26, 94), "more room for the jobs")
        await ui.press("minus", "minus")
        await ui.until(lambda: widths(ui) == (34, 86), "less")
        await ui.press("equals_sign")
        await ui.until(lambda: widths(ui) == (30, 90), "as it was")
        await ui.press("underscore")
        await ui.until(lambda: widths(ui) == (60, 60), "half")
        await ui.press("underscore")
        await ui.until(lambda: widths(ui) == (0, 120), "all of it")
        await ui.press("p")
        await ui.until(lambda: widths(ui) == (120, 0), "the other one, which has the keys now")
        await ui.press("p", "underscore")
        await ui.until(lambda: widths(ui) == (30, 90), "normal again")
        border = ui.app.screen.query_one(Splitter)
        await ui.pilot.hover(offset=(29, 8))
        await ui.until(lambda: border.region.x == 29, "the border under the mouse")
        await ui.pilot.mouse_down(offset=(29, 8))
        await ui.pilot.hover(offset=(50, 8))
        await ui.until(lambda: widths(ui)[0] == 51, "it goes with the mouse")
        await ui.pilot.mouse_up(offset=(50, 8))
        await ui.until(lambda: not border.held, "let go")
        await ui.pilot.hover(offset=(80, 8))
        await ui.until(lambda: not border.display, "the border to go")
        await ui.pilot.resize_terminal(40, 12)
        await ui.until(lambda: ui.app.screen.query_one(Panes).size.width == 40, "a small terminal")
        assert widths(ui)[1] == 40
        await ui.press("plus")
        assert Memory(tmp_path).pane("jobs") == {"width": 51, "mode": "normal"}
    async with shell_ui(tmp_path, (120, 30)) as ui:
        await ui.until(lambda: widths(ui)[0] == 51, "what was remembered")
        await ui.press("2")
        await ui.sees("deskewed")
        await ui.press("underscore")
        await ui.until(lambda: Memory(tmp_path).pane("datasets") == {"width": None, "mode": "half"}, "a page's own")
