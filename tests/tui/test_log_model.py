"""The view's rows are those that a simple model makes of the whole file, in whatever pieces its bytes come."""

from __future__ import annotations

import random

from rich.cells import cell_len, set_cell_size
from textual.app import App, ComposeResult

from floyd_tui import themes
from floyd_tui.widgets.log_text import shown
from floyd_tui.widgets.log_view import LogView

PARTS = [b"\n", b"\n", b"\r", b"\r\n", b"\t", b"\x1b[31m", b"\x1b[0m", b"\x1b]0;t\x07", b"\xff\x80", b"\x00", b"{",
         *(text.encode() for text in ("words ", "数据集", "\U0001f680", "é", "x" * 60, " 50%|#####"))]  # fmt: skip
WIDTH, HEIGHT = 40, 12


class ViewApp(App[None]):
    """A view alone, in our colours."""

    def compose(self) -> ComposeResult:
        yield LogView()

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return themes.meanings(self.current_theme)


def model(data: bytes, width: int, wrap: bool) -> list[str]:
    """All rows of a log."""
    lines = data.split(b"\n")
    texts = [shown(line) for line in (lines if lines[-1] else lines[:-1])]
    return [row for text in texts for row in (wrapped(text, width) if wrap else [set_cell_size(text, width)])]


def wrapped(text: str, width: int) -> list[str]:
    """A line's rows; of a character that two of them would share each has a space."""
    cells = [half for char in text for half in ([char] if cell_len(char) < 2 else [char, ""]) if cell_len(char)]
    rows = []
    for start in range(0, len(cells) or 1, width):
        row = cells[start : start + width]
        if row[:1] == [""]:
            row[0] = " "
        if row and cell_len(row[-1]) == 2:
            row[-1] = " "
        rows.append("".join(row))
    return rows


async def test_rows_are_those_of_the_whole_file() -> None:
    chance = random.Random(5)
    for example in range(12):
        app = ViewApp()
        async with app.run_test(size=(WIDTH, HEIGHT)) as pilot:
            view = app.query_one(LogView)
            view.wrap = bool(example % 2)
            data = b"".join(chance.choice(PARTS) for _ in range(chance.randrange(1, 600)))
            at = 0
            while at < len(data):
                piece = data[at : at + chance.randrange(1, 80)]
                view.feed(piece)
                at += len(piece)
                if chance.random() < 0.1:
                    await pilot.pause()
            view._flush()
            await pilot.pause()
            expected = model(data, view._text_width, view.wrap)
            for place in (1.0, 0.0, 0.5):
                view.following = place == 1.0
                view.scroll_to(y=int(place * view.max_scroll_y), animate=False, immediate=True, force=True)
                await pilot.pause()
                top = view.scroll_offset.y
                rows = [view.render_line(y).text[: view._text_width].rstrip() for y in range(view.size.height)]
                wished = [row.rstrip() for row in expected[top : top + view.size.height]]
                assert rows == wished + [""] * (len(rows) - len(wished)), (example, place)
