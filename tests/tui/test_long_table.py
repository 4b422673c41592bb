"""The table of any length: cursor, scroll, marks and mouse, and that only what is in sight is ever made."""

from __future__ import annotations

import pytest
from rich.color import Color
from rich.text import Text
from textual.app import App, ComposeResult
from textual.strip import Strip

from floyd_tui.widgets.long_table import LongTable
from floyd_tui.widgets.row_table import Column, Row
from tests.support.job_ui import wait_until

LONG = 10_000
CURSOR = Color.parse("#808080")


class Lists(App[None]):
    """A table of numbers; what was asked for and said is kept."""

    CSS = "LongTable { scrollbar-size-vertical: 1; }"

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[int] = []
        self.said: list[str] = []

    def compose(self) -> ComposeResult:
        yield LongTable[int]((Column("n", "Number", 8, right=True), Column("x", "Twice", 8, flex=1)), self.row)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return dict.fromkeys(("dim", "key", "row-hover", "cursor-row"), "#808080")

    def row(self, key: int) -> Row:
        self.asked.append(key)
        return Row(str(key), {"n": Text(f"{key}", "bold"), "x": Text(f"{2 * key} 漢字" * 9)})

    def on_long_table_selected(self) -> None:
        self.said.append("selected")

    def on_long_table_header_clicked(self, event: LongTable.HeaderClicked) -> None:
        self.said.append(event.column)


def lines(app: App[None]) -> list[str]:
    """What can be read."""
    return [strip.text for strip in app.screen._compositor.render_strips()]


async def test_only_what_is_in_sight_is_made_wherever_one_is() -> None:
    async with (app := Lists()).run_test(size=(40, 12)) as pilot:
        table = app.query_one(LongTable)
        table.show(range(LONG))
        await wait_until(pilot, lambda: "10" in lines(app)[11], "the first rows")
        await pilot.press("G")
        await wait_until(pilot, lambda: "9999" in lines(app)[11], "the last")
        assert table.cursor_key == LONG - 1
        assert list(table.in_sight) == list(range(LONG - 11, LONG))
        await pilot.press("pageup", "k", "up")
        await wait_until(pilot, lambda: table.cursor == LONG - 14, "a page and two up")
        await pilot.press("g", "j", "down", "pagedown")
        await wait_until(pilot, lambda: table.cursor == 13, "the top and on")
        assert "13" in lines(app)[11]
        assert len(set(app.asked)) < 60


async def test_the_cursor_stays_with_its_row_and_leaves_with_it() -> None:
    async with (app := Lists()).run_test(size=(40, 12)) as pilot:
        table = app.query_one(LongTable)
        table.show([5, 6, 7])
        table.move_to(7)
        table.show([9, 5, 6, 7, 8])
        assert table.cursor_key == 7
        table.show([9, 5])
        assert table.cursor_key == 5
        table.show([])
        assert table.cursor_key is None
        await pilot.press("j", "k", "enter", "G")
        assert not app.said


async def test_marks_titles_and_the_mouse() -> None:
    async with (app := Lists()).run_test(size=(40, 12)) as pilot:
        table = app.query_one(LongTable)
        table.show([5, 6, 7], {6})
        await wait_until(pilot, lambda: lines(app)[2].startswith("✓"), "the mark")
        assert [line[0] for line in lines(app)[:4]] == [" ", " ", "✓", " "]
        assert lines(app)[0].split() == ["Number", "Twice"]
        await pilot.click(offset=(20, 3))
        assert table.cursor_key == 7
        assert not app.said
        await pilot.click(offset=(20, 3))
        await pilot.click(offset=(20, 0))
        await pilot.click(offset=(20, 8))
        await pilot.hover(offset=(20, 2))
        assert table.hovered == 1
        assert app.said == ["selected", "x"]


@pytest.mark.parametrize("width", [4, 30, 120])
async def test_lines_are_as_wide_as_the_table(width: int) -> None:
    async with (app := Lists()).run_test(size=(width, 6)) as pilot:
        app.query_one(LongTable).show([1, 2])
        await wait_until(pilot, lambda: app.asked, "rows")
        assert {strip.cell_length for strip in app.screen._compositor.render_strips()} == {width}


class Counted(Lists):
    """Tells which lines of the table were drawn."""

    def __init__(self) -> None:
        super().__init__()
        self.drawn: list[int] = []
        self.times = 2

    def compose(self) -> ComposeResult:
        app = self

        class Table(LongTable[int]):
            def render_line(self, y: int) -> Strip:
                app.drawn.append(y)
                return super().render_line(y)

        yield Table((Column("n", "Number", 8), Column("x", "Times", 8)), self.row)

    def row(self, key: int) -> Row:
        return Row(str(key), {"n": Text(f"{key}"), "x": Text(f"{self.times * key if key % 4 == 0 else key}")})


def lit(app: App[None]) -> list[int]:
    """The lines that have the cursor's colour."""
    strips = enumerate(app.screen._compositor.render_strips())
    return [y for y, strip in strips if any(s.style and s.style.bgcolor == CURSOR for s in strip)]


async def test_a_move_draws_two_rows_and_a_clock_those_that_say_something_else() -> None:
    async with (app := Counted()).run_test(size=(40, 12)) as pilot:
        table = app.query_one(LongTable)
        table.show(range(LONG))
        await pilot.press("G", "k")
        await wait_until(pilot, lambda: lit(app) == [10], "the cursor on the last row but one")
        app.drawn.clear()
        await pilot.press("k")
        await wait_until(pilot, lambda: lit(app) == [9], "the cursor a row higher")
        assert set(app.drawn) == {9, 10}
        app.drawn.clear()
        app.times = 3
        table.draw_changed()
        await wait_until(pilot, lambda: str(9992 * 3) in lines(app)[4], "what changed")
        assert set(app.drawn) == {4, 8}  # 9992 and 9996
