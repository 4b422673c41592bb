"""One look into a file on a host: as much of it as can be taken in, read by its kind."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, replace

from floyd_tui.client.protocol import Client
from floyd_tui.peek.code import coloured
from floyd_tui.peek.contents import contents
from floyd_tui.peek.dump import hexdump
from floyd_tui.peek.kinds import Kind, ending, facts, kind_of
from floyd_tui.peek.notebook import notebook_text
from floyd_tui.peek.parts import PART, Part, read, read_part, whole_rows
from floyd_tui.peek.pictures import MOST_BYTES, NoPicture, Picture, decode
from floyd_tui.peek.sparse import Unreadable
from floyd_tui.peek.tables import Table, read_objects, read_table
from runner.models import FileInfo

# JSON is laid out as a whole or not at all.
MOST_JSON = 2 << 20
# Most of a notebook may be its pictures.
MOST_NOTEBOOK = 16 << 20
# Laid out it is a widget a paragraph: a book is read as text.
MOST_MARKDOWN = 48 << 10
DUMP = 16 << 10


@dataclass(frozen=True, slots=True)
class Look:
    """What a part of a file holds: `text` with SGR codes of any kind but pictures, and what else its kind has.

    `value` is what JSON says, `facts` are said of a binary file, `words` of one that
    holds others; `trouble` tells why a file is not shown by its kind.
    """

    kind: Kind
    part: Part
    text: str = ""
    value: object = None
    table: Table | None = None
    picture: Picture | None = None
    facts: tuple[tuple[str, str], ...] = ()
    trouble: str = ""
    words: str = ""


async def look(client: Client, source: str, file: FileInfo, start: int = 0, before: Look | None = None) -> Look:
    """Look into `file` of `source` from byte `start` on; `before` is an earlier look into the same file.

    Raises as `Client.content`.
    """
    kind, head = before.kind if before else None, b""
    if kind is None or kind is Kind.CONTENTS:
        head = await read(client, source, file.path, 0, min(PART, file.size))
        kind = kind_of(file.path, head)
    if kind is Kind.CONTENTS or (kind is Kind.BINARY and before is None):
        return await _contents(client, source, file, head)
    if kind is Kind.BINARY:
        return await as_bytes(client, source, file, start)
    if kind is Kind.IMAGE:
        return await _picture(client, source, file)
    if kind is Kind.JSON and file.size <= MOST_JSON:
        part = await read_part(client, source, file.path, file.size, 0, file.size, lines=False)
        return await asyncio.to_thread(_json, file, part)
    if kind is Kind.NOTEBOOK and file.size <= MOST_NOTEBOOK:
        part = await read_part(client, source, file.path, file.size, 0, file.size, lines=False)
        return await asyncio.to_thread(_notebook, file, part)
    part = await read_part(client, source, file.path, file.size, start)
    if kind is Kind.MARKDOWN and file.size <= MOST_MARKDOWN:
        return Look(kind, part, part.text)
    if kind is Kind.TABLE:
        return await asyncio.to_thread(_table, file, part, before.table if before and start else None)
    return await as_text(file, part)


async def as_text(file: FileInfo, part: Part) -> Look:
    """A part as the text that it is, whatever else it may be."""
    return Look(Kind.TEXT, part, await asyncio.to_thread(coloured, file.path, part.text))


def _json(file: FileInfo, part: Part) -> Look:
    try:
        value = json.loads(part.data)
    except (ValueError, RecursionError) as error:
        return Look(Kind.TEXT, part, coloured(file.path, part.text), trouble=f"not JSON: {error}")
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return Look(Kind.JSON, part, coloured(file.path, text), value)


def _notebook(file: FileInfo, part: Part) -> Look:
    text = notebook_text(part.data)
    if text is None:
        return Look(Kind.TEXT, part, coloured(file.path, part.text), trouble="no notebook")
    return Look(Kind.NOTEBOOK, part, text)


def _table(file: FileInfo, part: Part, like: Table | None) -> Look:
    objects = ending(file.path) in ("jsonl", "ndjson")
    rows = part if objects else whole_rows(part)
    table = read_objects(rows.text, like) if objects else read_table(file.path, rows.text, like)
    kind = Kind.TABLE if table else Kind.TEXT
    text = rows.text if table else coloured(file.path, rows.text)
    return Look(kind, rows, text, table=table, trouble="" if table or objects else "one column only")


async def _picture(client: Client, source: str, file: FileInfo) -> Look:
    if file.size > MOST_BYTES:
        found = await as_bytes(client, source, file, 0)
        return replace(found, trouble="too large to show; fetch it")
    part = await read_part(client, source, file.path, file.size, 0, file.size, lines=False)
    try:
        picture = await asyncio.to_thread(decode, part.data)
    except NoPicture as error:
        found = await as_bytes(client, source, file, 0)
        return replace(found, trouble=str(error))
    return Look(Kind.IMAGE, part, picture=picture)


async def _contents(client: Client, source: str, file: FileInfo, head: bytes) -> Look:
    try:
        found = await contents(client, source, file, head)
    except Unreadable as error:
        return replace(await as_bytes(client, source, file, 0), trouble=str(error.message))
    if found is None:
        return await as_bytes(client, source, file, 0)
    return Look(Kind.CONTENTS, Part(0, head, file.size), table=found.table, words=found.words)


async def as_bytes(client: Client, source: str, file: FileInfo, start: int = 0) -> Look:
    """A part as the bytes that it is, and what its first ones say."""
    part = await read_part(client, source, file.path, file.size, start, DUMP, lines=False)
    known = tuple(facts(file.path, part.data, file.size)) if part.first else ()
    return Look(Kind.BINARY, part, "\n".join(hexdump(part.data, part.start)), facts=known)
