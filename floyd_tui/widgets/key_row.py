"""The keys of a screen, in its last line."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.binding import Binding
from textual.events import Resize
from textual.screen import Screen
from textual.widgets import Footer

# Columns from which on keys stand apart from their words.
_ROOMY = 110


class KeyRow(Footer):
    """Textual's footer, without the palette's key, made anew only where the keys have changed.

    Textual tells it with each move of the focus, and would lay out each key anew: that takes longer than all else that
    a key press does.
    """

    def __init__(self) -> None:
        super().__init__(show_command_palette=False)
        self._shown: list[tuple[Binding, bool, str]] | None = None

    def on_resize(self, event: Resize) -> None:
        """All keys fit a line of 80 columns, if they stand close."""
        self.compact = event.size.width < _ROOMY

    def compose(self) -> ComposeResult:
        for key in super().compose():
            key.set_class(self.compact, "-compact", update=False)  # later it would be laid out twice
            yield key

    def bindings_changed(self, screen: Screen[object]) -> None:
        """Show what keys there are now."""
        keys = [(key.binding, key.enabled, key.tooltip) for key in screen.active_bindings.values() if key.binding.show]
        if keys != self._shown:
            # Textual leaves the row as it is while the terminal has no focus, and where another screen is on top.
            self._shown = keys if screen.app.app_focus and self.is_attached and screen is self.screen else None
            super().bindings_changed(screen)
