"""What is said once a second is drawn only where it changes, and told only while it is seen."""

from __future__ import annotations

import pytest
from textual.app import App, ComposeResult
from textual.content import Content
from textual.screen import ModalScreen, Screen

from floyd_tui.widgets.line import Line, in_sight, once_a


class Counted(Line):
    """A line that counts how often it asks to be drawn, and how often to be laid out."""

    drawn = 0
    laid_out = 0

    def refresh(self, *regions: object, layout: bool = False, **more: object) -> Counted:
        self.drawn += 1
        self.laid_out += layout
        super().refresh(*regions, layout=layout, **more)  # type: ignore[arg-type]
        return self


class Lines(App[None]):
    CSS = "#wide { width: 1fr; height: 1; } #narrow { width: auto; height: 1; } #tall { width: 20; height: auto; }"

    def compose(self) -> ComposeResult:
        for name in ("wide", "narrow", "tall"):
            yield Counted(id=name)


@pytest.mark.parametrize(
    ("name", "grown", "same_length"), [("wide", 0, 0), ("narrow", 1, 0), ("tall", 1, 1)], ids=["wide", "narrow", "tall"]
)
async def test_only_what_is_new_is_drawn_and_only_what_may_grow_laid_out(
    name: str, grown: int, same_length: int
) -> None:
    app = Lines()
    async with app.run_test() as pilot:
        line = app.query_one(f"#{name}", Counted)
        line.update(Content("a minute"))
        await pilot.pause()
        line.drawn = line.laid_out = 0
        line.update(Content("a minute"))
        assert line.drawn == 0
        line.update(Content("2 minutes"))
        assert (line.drawn, line.laid_out) == (1, grown)
        line.update(Content("3 minutes"))
        assert (line.drawn, line.laid_out) == (2, grown + same_length)
        line.update(Content.styled("3 minutes", "red"))
        assert (line.drawn, line.laid_out) == (3, grown + same_length)
        await pilot.pause()
        assert "3 minutes" in str(line.render())


async def test_a_screen_is_in_sight_under_dialogs_alone() -> None:
    app = Lines()
    async with app.run_test() as pilot:
        first, ticks = app.screen, list[int]()
        once_a(0.01, first, lambda: ticks.append(1))
        await app.push_screen(ModalScreen[None]())
        assert in_sight(first)
        before = len(ticks)
        while len(ticks) < before + 2:
            await pilot.pause(0.01)
        await app.push_screen(Screen[None]())
        assert not in_sight(first)
        before = len(ticks)
        await pilot.pause(0.1)
        assert len(ticks) == before
        app.pop_screen()
        await pilot.pause()
        while len(ticks) == before:
            await pilot.pause(0.01)
