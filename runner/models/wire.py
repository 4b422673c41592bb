"""JSON to dataclasses and back, log frames and problem documents: how the types travel.

A stream of objects (``/v1/events``, ``/v1/stats``) is JSON lines. A followed log is frames, so that its end is said and
never guessed from the text: ``kind (1 byte), length (4 bytes, big-endian), payload``:

- ``D``: bytes of the log.
- ``T``: pairs of (offset, time), each ``>Qd``: from `offset` on, lines were written at `time` (epoch seconds) or later.
- ``E``: the end, a JSON `LogEnd`. Nothing follows.
- ``P``: a sign of life, empty.

Errors are problem documents (RFC 9457) with a `hint`: what to do next.
"""

from __future__ import annotations

import hashlib
import json
import struct
from base64 import b64encode
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from functools import cache
from types import GenericAlias
from typing import Any, TypeVar, cast, get_args, get_origin

from runner.models.jobs import JobState

T = TypeVar("T")

JSON = "application/json"
JSON_LINES = "application/x-ndjson"
LOG_FRAMES = "application/vnd.floyd.log-frames"
PROBLEM = "application/problem+json"
# The header that says what an answer of JSON must be when it arrives (RFC 9530).
CONTENT_DIGEST = "Content-Digest"

LOG_HEADER = struct.Struct(">cI")
LOG_TIME = struct.Struct(">Qd")
LOG_DATA, LOG_TIMES, LOG_END, LOG_PING = b"D", b"T", b"E", b"P"
# A list of a million files as data, text and bytes all at once would take more than a GiB. So one of more elements than
# `_AT_ONCE`, or more bytes than `_LONG`, is written and read in slabs.
_AT_ONCE, _LONG = 1_000, 1 << 20


def content_digest(body: bytes) -> str:
    """The value of `CONTENT_DIGEST` for `body`. Hashes it: in a thread where it may be large."""
    return f"sha-256=:{b64encode(hashlib.sha256(body).digest()).decode()}:"


class BadMessage(ValueError):
    """JSON that does not fit the type asked for; the message names the fields."""


@dataclass(frozen=True, slots=True)
class LogEnd:
    """How a followed log ended: the job's final state and exit code, and the log's size in bytes."""

    state: JobState
    exit_code: int | None
    size: int


@dataclass(frozen=True, slots=True)
class Problem:
    """An error on the wire.

    `code` is for programs (``not_found``), `title` a headline, `detail` a sentence, `hint` the next step.
    """

    code: str
    title: str
    status: int
    detail: str = ""
    hint: str = ""


@cache
def _converter() -> Any:
    # cattrs is imported late: the command line's `--help` and completion never need it.
    from cattrs import Converter

    converter = Converter(forbid_extra_keys=False, omit_if_default=False)
    # cattrs would turn 1 into "1" and "3" into 3; here a wrong type is a wrong type.
    for kind in (str, int, bool):
        converter.register_structure_hook(kind, _exactly)
    converter.register_structure_hook(float, lambda value, _: float(_exactly(value, (int, float))))

    def listed(value: Any, kind: Any) -> tuple[Any, ...]:
        items: Any = GenericAlias(list, get_args(kind)[:1])
        return tuple(converter.structure(_exactly(value, (list, tuple)), items))

    # It would take a text for a list of its letters, too.
    converter.register_structure_hook_func(_is_listed, listed)
    return converter


def _is_listed(kind: Any) -> bool:
    """Whether `kind` is ``tuple[X, ...]``."""
    origin: Any = get_origin(kind)
    return origin is tuple and get_args(kind)[1:] == (...,)


def _exactly(value: Any, kind: Any) -> Any:
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(value)  # an enumeration of strings comes here as a `str`
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise TypeError(f"not {kind}: {value!r}")
    return value


def to_dict(value: object) -> Any:
    """`value` (a wire type, or a list or dict of them) as plain JSON data."""
    return _converter().unstructure(value)


def from_dict(data: Any, kind: type[T]) -> T:
    """Read plain JSON data as `kind`; raises `BadMessage` naming each field that does not fit.

    Unknown fields are passed over, so that a client and a runner of neighbouring versions understand each other.
    """
    from cattrs import transform_error

    try:
        result: T = _converter().structure(data, kind)
    except Exception as error:  # cattrs gathers any conversion's error into groups
        raise BadMessage("; ".join(transform_error(error)) or f"not a {kind.__name__}") from error
    return result


def encode(value: object) -> bytes:
    """`value` as one line of JSON, without a newline."""
    if isinstance(value, list) and len(value) > _AT_ONCE:
        slabs = (encode(value[at : at + _AT_ONCE])[1:-1] for at in range(0, len(value), _AT_ONCE))
        return b"[" + b",".join(slabs) + b"]"
    return json.dumps(to_dict(value), separators=(",", ":"), ensure_ascii=True).encode("ascii")


def decode(data: bytes | str, kind: type[T]) -> T:
    """Read JSON text as `kind`; raises `BadMessage`."""
    if len(data) >= _LONG and get_origin(kind) is list:
        with suppress(ValueError, RecursionError):
            return _decode_list(data if isinstance(data, str) else data.decode(), kind)
    try:
        parsed = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BadMessage(f"not JSON: {error}") from error
    return from_dict(parsed, kind)


def _decode_list(text: str, kind: type[T]) -> T:
    """The same for a list as `encode` writes it, with nothing between its elements but commas; else `ValueError`."""
    scan, at = json.JSONDecoder().raw_decode, 1
    found: list[Any] = []
    slab: list[Any] = []
    while text[at - 1 : at] in ("[", ","):
        element, end = scan(text, at)
        slab.append(element)
        at = end + 1
        if len(slab) == _AT_ONCE:
            found += cast("list[Any]", from_dict(slab, kind))
            slab = []
    if text[at - 1 :] != "]":
        raise ValueError("not the end of a list")
    return cast("T", found + cast("list[Any]", from_dict(slab, kind)))


def log_frame(kind: bytes, payload: bytes = b"") -> bytes:
    """One frame of a followed log."""
    return LOG_HEADER.pack(kind, len(payload)) + payload
