"""Rich text in the theme's colours, for cells that CSS does not reach."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.text import Text
from textual.app import App

from floyd_tui.widgets.format import plain


class Paint:
    """Makes `Text` in colours named by theme variables (``dim``); make a new one when the theme changes."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables

    @classmethod
    def of(cls, app: App[Any]) -> Paint:
        """The colours of `app`'s theme as it is now."""
        return cls(app.theme_variables)

    def __call__(self, text: str, variable: str = "", style: str = "") -> Text:
        """`text` on one line and without control characters, in the colour `variable` (empty: the cell's own)."""
        return Text(plain(text), style=f"{style} {self.color(variable)}".strip())

    def color(self, variable: str) -> str:
        """The colour as Rich writes it; empty for none."""
        value = self._variables.get(variable, "")
        if value == "ansi_default":
            return "default"
        return value.removeprefix("ansi_")
