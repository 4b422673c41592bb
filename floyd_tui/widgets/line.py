"""What is said once a second without a cost where it stays the same, and only while somebody sees it."""

from __future__ import annotations

from collections.abc import Callable

from textual.content import Content
from textual.screen import ModalScreen, Screen
from textual.visual import VisualType
from textual.widget import Widget
from textual.widgets import Static


class Line(Static):
    """Text that is drawn again only where it says something else, and laid out only where its size may change.

    For `Content`; what else it is given is drawn each time, as `Static` does.
    """

    _said: Content | None = None

    def update(self, content: VisualType = "", *, layout: bool = True) -> None:
        """Say `content` from now on."""
        before, self._said = self._said, content if isinstance(content, Content) else None
        if before is not None and self._said is not None:
            if before.is_same(self._said):
                return
            layout = layout and self._grows(before, self._said)
        super().update(content, layout=layout)

    def _grows(self, before: Content, after: Content) -> bool:
        styles = self.styles
        if styles.height is None or styles.height.is_auto:
            return before.plain != after.plain
        return (styles.width is None or styles.width.is_auto) and before.cell_length != after.cell_length


def in_sight(screen: Screen[object]) -> bool:
    """Whether `screen` is shown: nothing lies over it but dialogs."""
    for other in reversed(screen.app.screen_stack):
        if other is screen:
            return True
        if not isinstance(other, ModalScreen):
            break
    return False


def once_a(seconds: float, widget: Widget, call: Callable[[], None]) -> None:
    """Run `call` every so many seconds while `widget` is on a screen in sight."""

    def tick() -> None:
        if in_sight(widget.screen):
            call()

    widget.set_interval(seconds, tick)
