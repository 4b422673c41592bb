"""A Jupyter notebook cell by cell: its code in colours, what it printed below it; pictures are only named."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from floyd_tui.peek.code import coloured

_DIM, _BOLD, _BAD, _END = "\x1b[2m", "\x1b[1m", "\x1b[31m", "\x1b[0m"
# Of one cell's output so many lines are shown: a training loop may have printed a book.
MOST_LINES = 200


def notebook_text(data: bytes) -> str | None:
    """The notebook as text with SGR codes; None where it is none."""
    try:
        notebook = json.loads(data)
        language = _text(notebook.get("metadata", {}).get("language_info", {}).get("file_extension")) or ".py"
        return "\n".join(line for cell in notebook["cells"] for line in _cell(cell, language))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _cell(cell: dict[str, Any], language: str) -> Iterator[str]:
    source = _text(cell.get("source"))
    if cell["cell_type"] != "code":
        yield from (f"{_BOLD}{line}{_END}" if line.startswith("#") else line for line in source.splitlines())
        yield ""
        return
    yield f"{_DIM}── In [{cell.get('execution_count') or ' '}] {'─' * 40}{_END}"
    yield from coloured(f"cell{language}", source).splitlines()
    for output in cell.get("outputs", ()):
        lines = list(_output(output))
        yield f"{_DIM}── Out {'─' * 20}{_END}"
        yield from lines[:MOST_LINES]
        if len(lines) > MOST_LINES:
            yield f"{_DIM}… {len(lines) - MOST_LINES:,} more lines{_END}"
    yield ""


def _output(output: dict[str, Any]) -> Iterator[str]:
    if output["output_type"] == "error":
        yield f"{_BAD}{output.get('ename')}: {output.get('evalue')}{_END}"
        yield from (line for part in output.get("traceback", ()) for line in _text(part).splitlines())
    elif output["output_type"] == "stream":
        yield from _text(output.get("text")).splitlines()
    else:
        data = output.get("data", {})
        yield from (f"{_DIM}[a picture: {kind}]{_END}" for kind in data if kind.startswith("image/"))
        yield from _text(data.get("text/plain")).splitlines()


def _text(value: Any) -> str:
    """Text as notebooks hold it: a string, or a list of its lines."""
    return "".join(map(str, value)) if isinstance(value, list) else value if isinstance(value, str) else ""
