"""What the app remembers by itself over restarts: commands typed, sizes of panes. Settings are a person's own file.

It lies in ``state.json`` beside ``config.yaml``. Losing it harms nothing: what cannot be read is forgotten, and what
cannot be written lasts as long as the app.
"""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from floyd_tui.yaml_edit import write_atomically

FILE_NAME = "state.json"
MOST_COMMANDS = 200


class Memory:
    """The memory beside the settings of `folder`. Each writing takes in what another open app wrote meanwhile."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME
        self._data = self._read()

    @property
    def commands(self) -> list[str]:
        """What was typed as a command, the latest last."""
        found = self._data.get("commands")
        return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []

    def add_command(self, text: str) -> None:
        """Remember a command as the latest."""
        self._data = self._read() or self._data
        self._write("commands", [*(one for one in self.commands if one != text), text][-MOST_COMMANDS:])

    def pane(self, name: str) -> dict[str, Any]:
        """What is remembered of the panes `name`; empty where nothing is."""
        panes = self._data.get("panes")
        found = panes.get(name) if isinstance(panes, dict) else None
        return found if isinstance(found, dict) else {}

    def set_pane(self, name: str, value: dict[str, Any]) -> None:
        """Remember `value` of the panes `name`."""
        self._data = self._read() or self._data
        panes = self._data.get("panes")
        self._write("panes", {**(panes if isinstance(panes, dict) else {}), name: value})

    def _read(self) -> dict[str, Any]:
        try:
            data = json.loads(self._path.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return data if isinstance(data, dict) else {}

    def _write(self, key: str, value: object) -> None:
        self._data = {**self._data, key: value}
        with suppress(OSError):
            write_atomically(self._path, json.dumps(self._data, indent=1) + "\n")
