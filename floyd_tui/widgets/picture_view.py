"""A picture, as large as there is room for it."""

from __future__ import annotations

import asyncio

from textual import work
from textual.widgets import Static

from floyd_tui.peek.pictures import Picture
from floyd_tui.widgets.paint import Paint, Painted


class PictureView(Painted, Static, can_focus=True):
    """The picture that `show` is given, in the middle; drawn in a thread, anew for each size of the terminal."""

    DEFAULT_CSS = """
    PictureView {
        height: 1fr;
        width: 1fr;
        padding: 1 2;
        background: $background;
        content-align: center middle;
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._picture: Picture | None = None
        self.drawn = (0, 0)

    def show(self, picture: Picture) -> None:
        """Show `picture`."""
        self._picture = picture
        self.draw()

    def on_resize(self) -> None:
        """There is more room, or less."""
        self.draw()

    def draw(self) -> None:
        """Draw it for the room and the ground that there are."""
        self._draw()

    @work(exclusive=True, group="draw", exit_on_error=False)
    async def _draw(self) -> None:
        size = self.content_size
        if self._picture is None or not size.area:
            return
        ground = Paint.of(self.app).color("background")
        cells = await asyncio.to_thread(self._picture.in_cells, size.width, size.height, ground)
        self.update(cells)
        self.drawn = (size.width, size.height)
