"""A file's first bytes as text to read: JSON laid out and coloured, tables with columns in line, the rest as it is."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from itertools import islice

TABLE_ROWS = 2000
CELL = 40
_TOKEN = re.compile(r'("(?:[^"\\]|\\.)*")(\s*:)?|\b(true|false|null)\b|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)')
_KEY, _STRING, _WORD, _NUMBER, _HEAD, _END = "\x1b[36m", "\x1b[32m", "\x1b[35m", "\x1b[33m", "\x1b[1m", "\x1b[0m"


def is_binary(data: bytes) -> bool:
    """Whether `data` is no text: it holds NUL, or much that is not UTF-8."""
    sample = data[:8192]
    return b"\0" in sample or sample.decode("utf-8", "replace").count("�") > len(sample) / 20


def readable(path: str, data: bytes, whole: bool) -> bytes:
    """What to show of the file `path` that begins with `data`; `whole` says whether that is all of it."""
    ending = path.lower().rpartition(".")[2]
    layout = _LAYOUTS.get(ending)
    if layout is None:
        return data
    text = data.decode("utf-8", "replace")
    if not whole:
        text = text[: text.rfind("\n") + 1] or text
    laid_out = layout(text)
    return data if laid_out is None else laid_out.encode("utf-8", "replace")


def _json(text: str) -> str | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return _TOKEN.sub(_colour, json.dumps(value, indent=2, ensure_ascii=False))


def _json_lines(text: str) -> str:
    return "\n".join(_TOKEN.sub(_colour, line) for line in text.splitlines())


def _colour(match: re.Match[str]) -> str:
    string, colon, word, number = match.groups()
    if string is not None:
        return f"{_KEY}{string}{_END}{colon}" if colon else f"{_STRING}{string}{_END}"
    return f"{_WORD}{word}{_END}" if word else f"{_NUMBER}{number}{_END}"


def _table(separator: str) -> Callable[[str], str | None]:
    def lay_out(text: str) -> str | None:
        try:
            rows = list(islice(csv.reader(io.StringIO(text), delimiter=separator), TABLE_ROWS + 1))
        except csv.Error:
            return None
        if len(rows) < 2 or len(rows[0]) < 2:
            return None
        return _columns(rows)

    return lay_out


def _columns(rows: list[list[str]]) -> str:
    cells = [[_cell(cell) for cell in row] for row in rows[:TABLE_ROWS]]
    count = max(map(len, cells))
    widths = [max((len(row[i]) for row in cells if i < len(row)), default=0) for i in range(count)]
    numeric = [all(_is_number(row[i]) for row in cells[1:] if i < len(row)) for i in range(count)]
    lines = [
        "  ".join(c.rjust(widths[i]) if numeric[i] else c.ljust(widths[i]) for i, c in enumerate(row)).rstrip()
        for row in cells
    ]
    lines[0] = f"{_HEAD}{lines[0]}{_END}"
    if len(rows) > TABLE_ROWS:
        lines.append(f"… only the first {TABLE_ROWS:,} rows")
    return "\n".join(lines)


def _cell(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= CELL else flat[: CELL - 1] + "…"


def _is_number(text: str) -> bool:
    try:
        float(text or "0")
    except ValueError:
        return False
    return True


_LAYOUTS: dict[str, Callable[[str], str | None]] = {
    "json": _json,
    "ipynb": _json,
    "jsonl": _json_lines,
    "ndjson": _json_lines,
    "csv": _table(","),
    "tsv": _table("\t"),
}
