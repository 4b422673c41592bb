"""Choosing a column of a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from floyd_tui.screens.pickers import Picker
from floyd_tui.widgets import format as fmt


class SheetPicker(Picker[int]):
    """Dismisses with the place of one of the columns `names`."""

    HEADING: ClassVar[str] = "Sort by which column? The same once more turns it round."

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        self._names = names

    def options(self) -> list[Option]:
        """One line a column."""
        return [Option(Content(fmt.plain(name) or "(no name)"), id=f"c{at}") for at, name in enumerate(self._names)]

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.dismiss(event.option_index)
