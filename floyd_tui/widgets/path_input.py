"""An input for a folder here: completes names as one types, Tab takes the completion."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.suggester import Suggester
from textual.widgets import Input


class FolderSuggester(Suggester):
    """The first folder whose path begins as what is typed; hidden ones only where a dot is typed."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        """`value` completed, with a separator at its end."""
        return await asyncio.to_thread(complete_folder, value)


def complete_folder(text: str) -> str | None:
    """`text` completed to the first folder that fits, or None. Blocks on the disk."""
    head, _, start = text.rpartition("/")
    if not start:
        return None
    parent = Path(f"{head}/" if head or text.startswith("/") else ".").expanduser()
    try:
        with os.scandir(parent) as found:
            names = sorted(entry.name for entry in found if entry.name.startswith(start) and entry.is_dir())
    except OSError:
        return None
    return f"{text[: len(text) - len(start)]}{names[0]}/" if names else None


class PathInput(Input):
    """`Input` over `FolderSuggester`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "complete", "Complete", show=False, id="path.complete", tooltip="Take the completion"),
    ]

    def __init__(self, value: str = "", *, placeholder: str = "", id: str | None = None) -> None:
        super().__init__(value, placeholder=placeholder, suggester=FolderSuggester(), compact=True, id=id)

    def action_complete(self) -> None:
        """Take the completion, or go on to the next field where there is none."""
        if self._suggestion:
            self.action_cursor_right()
        else:
            self.screen.focus_next()
