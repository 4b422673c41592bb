"""Two panes side by side whose border can be moved: by the mouse, by keys, to half and to the whole; remembered."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Static

if TYPE_CHECKING:
    from floyd_tui.memory import Memory

NORMAL, HALF, FULL = SIZES = ("normal", "half", "full")
# Cells: how far a key moves the border, and what each pane keeps at least.
STEP, LEAST = 4, 12
# Less than this is one pane's room, which the screen's own style divides.
ROOM = 60


class Splitter(Static):
    """The border: it lies over the last column of the pane before it, and is there while the mouse is."""

    DEFAULT_CSS = """
    Splitter {
        layer: border;
        display: none;
        width: 1;
        height: 100%;
        background: $accent;
        pointer: ew-resize;
    }
    """

    class Dragged(Message):
        """It was moved to the column `x` of the screen."""

        def __init__(self, x: int) -> None:
            super().__init__()
            self.x = x

    class Dropped(Message):
        """It was let go of."""

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Hold on to the mouse."""
        event.stop()
        self.capture_mouse()
        self.add_class("-held")

    @property
    def held(self) -> bool:
        """Whether it goes with the mouse."""
        return self.has_class("-held")

    def on_leave(self) -> None:
        """Without the mouse it is not to be seen."""
        self.display = self.held

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Go with it."""
        if self.held:
            self.post_message(self.Dragged(int(event.screen_x)))

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """Let go."""
        if self.held:
            self.release_mouse()
            self.remove_class("-held")
            self.post_message(self.Dropped())


class Panes(Horizontal):
    """Holds two panes, the first as wide as the screen's style says until one moves the border.

    In full size the pane with the focus has all the room, so Tab goes from one to the other.
    """

    DEFAULT_CSS = "Panes { layers: default border; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("plus", "widen(1)", "Larger", show=False, key_display="+", id="panes.larger",
                tooltip="More room for the pane with the keys"),
        Binding("minus", "widen(-1)", "Smaller", show=False, key_display="-", id="panes.smaller",
                tooltip="Less room for the pane with the keys"),
        Binding("equals_sign", "reset", "As before", show=False, key_display="=", id="panes.reset",
                tooltip="The panes as they were made"),
        Binding("underscore", "cycle", "Half, full", show=False, key_display="_", id="panes.cycle",
                tooltip="Each pane half of the room, this one all of it, and back"),
    ]  # fmt: skip
    mode: reactive[str] = reactive(NORMAL, init=False)

    def __init__(self, name: str, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._remembered_as = name
        self._width: int | None = None

    def on_mount(self) -> None:
        first = self.children[0]
        self.mount(Splitter(), after=first)
        if memory := self._memory:
            said = memory.pane(self._remembered_as)
            width, mode = said.get("width"), said.get("mode")
            self._width = width if isinstance(width, int) else None
            self.set_reactive(Panes.mode, mode if mode in SIZES else NORMAL)
        self._apply()

    @property
    def _memory(self) -> Memory | None:
        return getattr(self.app, "memory", None)

    @property
    def _both(self) -> tuple[Widget, Widget] | None:
        panes = [child for child in self.children if not isinstance(child, Splitter)]
        return (panes[0], panes[1]) if len(panes) == 2 else None

    def on_resize(self) -> None:
        """Another size may have room, or none."""
        self._apply()

    def on_descendant_focus(self) -> None:
        """In full size it is the focus that has the room."""
        if self.mode == FULL:
            self._apply()

    def watch_mode(self) -> None:
        """Divide the room anew."""
        self._apply()
        self._remember()

    def _apply(self) -> None:
        """Divide the room; where there is little, as the screen's style does."""
        if self._both is None:
            return
        first, second = self._both
        full, roomy = self.mode == FULL and second.display, self.size.width >= ROOM and second.display
        for pane in self._both:
            pane.styles.width = pane.styles.padding = None
        if full and first.display:
            hidden, shown = (second, first) if first.has_focus_within or first.has_focus else (first, second)
            hidden.styles.width, hidden.styles.padding, shown.styles.width = 0, 0, "1fr"
        elif roomy and self.mode == HALF:
            first.styles.width = "50%"
        elif roomy and self._width is not None:
            first.styles.width = min(max(self._width, LEAST), self.size.width - LEAST)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Show the border where the mouse is on it."""
        if self._both is None or self.size.width < ROOM or self.mode == FULL:
            return
        first, at = self._both[0], int(event.screen_x) - self.region.x
        for border in self.query_children(Splitter):
            column = first.region.right - self.region.x - 1
            border.display = border.held or (first.display and at == column)
            border.styles.offset = (column, 0)

    def action_widen(self, step: int) -> None:
        """Move the border in favour of the pane with the focus."""
        if self._both is None or self.size.width < ROOM:
            return
        first, _ = self._both
        towards = step if first.has_focus or first.has_focus_within else -step
        self._to(first.outer_size.width + towards * STEP)
        self._remember()

    def _to(self, width: int) -> None:
        self._width = min(max(width, LEAST), self.size.width - LEAST)
        self.set_reactive(Panes.mode, NORMAL)
        self._apply()

    def action_reset(self) -> None:
        """As the screen's style has it."""
        self._width = None
        self.set_reactive(Panes.mode, NORMAL)
        self._apply()
        self._remember()

    def action_cycle(self) -> None:
        """Normal, half, full."""
        self.mode = SIZES[(SIZES.index(self.mode) + 1) % len(SIZES)]

    def on_splitter_dragged(self, event: Splitter.Dragged) -> None:
        """Go with the border."""
        event.stop()
        self._to(event.x - self.region.x + 1)

    def on_splitter_dropped(self, event: Splitter.Dropped) -> None:
        """Keep it there."""
        event.stop()
        self._remember()

    def _remember(self) -> None:
        if memory := self._memory:
            memory.set_pane(self._remembered_as, {"width": self._width, "mode": self.mode})
