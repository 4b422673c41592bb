"""Text as a table: what separates its columns is found out, and whether its first row names them."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

from floyd_tui.sizes import parse_size

_DELIMITERS = ",;\t|"
_SAMPLE = 4 << 10
# A cell wider than this is cut: a table is for comparing, not for reading long texts.
CELL = 60
# Objects of more keys than that, all told, are no rows of one table.
MOST_COLUMNS = 200


@dataclass(frozen=True, slots=True)
class Table:
    """Column names (``1``, ``2``, … where the file has none), rows of as many cells, and which columns are numbers."""

    names: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[bool, ...]


def dialect_of(path: str, text: str) -> type[csv.Dialect] | csv.Dialect:
    """How the columns of a table that begins with `text` are separated."""
    if path.lower().endswith(".tsv"):
        return csv.excel_tab
    try:
        return csv.Sniffer().sniff(text[:_SAMPLE], _DELIMITERS)
    except csv.Error:
        return csv.excel


def read_table(path: str, text: str, like: Table | None = None) -> Table | None:
    """`text` as a table, or None where it is none; `like`, an earlier part of the same file, has the names then."""
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), dialect_of(path, text)) if row]
    except csv.Error:
        return None
    if not rows or (like is None and max(map(len, rows)) < 2):
        return None
    names: Sequence[str]
    if like is not None:
        names = like.names
    elif _is_header(rows):
        names, rows = rows[0], rows[1:]
    else:
        names = ()
    width = max(len(names), *(len(row) for row in rows), 0) if rows else len(names)
    names = [*names, *(str(number) for number in range(len(names) + 1, width + 1))]
    cells = tuple(tuple(_cell(cell) for cell in (*row, *[""] * (width - len(row)))) for row in rows)
    numeric = tuple(all(is_number(row[column]) for row in cells) for column in range(width))
    return Table(tuple(_cell(name) for name in names), cells, numeric)


def read_objects(text: str, like: Table | None = None) -> Table | None:
    """Lines of JSON objects as a table, a column a key in the order they come; None where a line is no object."""
    try:
        objects = [json.loads(line) for line in text.splitlines() if line.strip()]
    except (ValueError, RecursionError):
        return None
    if not objects or not all(isinstance(one, dict) for one in objects):
        return None
    names = list(dict.fromkeys([*(like.names if like else ()), *(_cell(key) for one in objects for key in one)]))
    if len(names) > MOST_COLUMNS:
        return None
    flat = [{_cell(key): _cell(_json_cell(value)) for key, value in one.items()} for one in objects]
    cells = tuple(tuple(one.get(name, "") for name in names) for one in flat)
    numeric = tuple(all(is_number(row[column]) for row in cells) for column in range(len(names)))
    return Table(tuple(names), cells, numeric)


def _json_cell(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)[: CELL * 4]


def _is_header(rows: Sequence[Sequence[str]]) -> bool:
    """A first row without numbers names the columns, unless all that follows is text of the same kind."""
    return not any(cell.strip() and is_number(cell) for cell in rows[0])


def _cell(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= CELL else flat[: CELL - 1] + "…"


def order_of(cell: str) -> tuple[int, float, str]:
    """What a cell is sorted by: numbers and sizes by their amount, then text, then what is empty."""
    if not cell.strip():
        return 2, 0.0, ""
    if is_number(cell) and not math.isnan(float(cell)):
        return 0, float(cell), ""
    try:
        return 0, float(parse_size(cell.replace("iB", "i"))), ""
    except ValueError:
        return 1, 0.0, cell.casefold()


def is_number(text: str) -> bool:
    """Whether `text` is a number, or nothing."""
    try:
        float(text or "0")
    except ValueError:
        return False
    return True
