"""What all routes share: who calls, what the query says, JSON answers, problem documents, streams that end."""

from __future__ import annotations

import asyncio
import os
import pwd
import re
from collections.abc import AsyncIterable, AsyncIterator, Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from runner.errors import BadRequest, Forbidden, NoSpace, RunnerError, Unavailable
from runner.models import (
    CONTENT_DIGEST,
    JSON,
    JSON_LINES,
    PROBLEM,
    BadManifest,
    BadMessage,
    BadName,
    Problem,
    check_name,
    content_digest,
    encode,
)

if TYPE_CHECKING:
    from runner.rawbody import RawBody
    from runner.service import Runner

T = TypeVar("T")
_NUMBERED = re.compile(r"uid\d+")
_known: dict[int, str] = {}
# The rest of such a request may never end, so nobody waits for it.
_CUT = (408, 413)
# What the database and files can count.
_MOST = 2**63 - 1


def runner_of(request: Request) -> Runner:
    """The runner that answers this request."""
    runner: Runner = request.app.state.runner
    return runner


def caller(request: Request) -> str:
    """The owner name of the person at the other end, by the uid that the kernel tells of the connection.

    Raises `Forbidden` where there is no such uid: a request can never name its own caller.
    """
    uid = request.scope.get("state", {}).get("uid")
    if not isinstance(uid, int):
        raise Forbidden("The kernel does not say who is calling.", "Connect through the runner's Unix socket.")
    return owner_of(uid)


def is_admin(request: Request) -> bool:
    """Whether it is root who calls, or the account that the runner runs as."""
    return request.scope["state"]["uid"] in (0, os.geteuid())


def require_admin(request: Request) -> None:
    """Raise `Forbidden` where a runner serves many and the caller is not who looks after it.

    What such routes tell is about all people's things together, and tells how these change.
    """
    caller(request)
    if runner_of(request).settings.shared and not is_admin(request):
        raise Forbidden(
            "On a shared host the housekeeping is for its administrator.", "Ask them, or delete what you do not need."
        )


def owner_of(uid: int) -> str:
    """The login name of `uid`, or ``uid1234`` where it has none that can be an owner's name."""
    found = _known.get(uid)
    if found is None:
        try:
            found = _known[uid] = _owner_name(uid, pwd.getpwuid(uid).pw_name)
        except (KeyError, BadName):
            # Not kept: the service that knows the names may only be away for a moment.
            return f"uid{uid}"
    return found


def _owner_name(uid: int, login: str) -> str:
    # A login called uid5 must not be taken for the account of number 5 that has no name.
    return f"uid{uid}" if _NUMBERED.fullmatch(login) else check_name(login)


def raw_body(request: Request) -> RawBody | None:
    """The rest of the body for a thread to read, where the server hands it out; then answer ``Connection: close``."""
    take: Callable[[], RawBody | None] | None = request.scope.get("state", {}).get("take_body")
    return take() if take is not None else None


def query(request: Request) -> Mapping[str, str]:
    """The query's values, the last one of each name; bytes that are not UTF-8 become lone surrogates, as in trees."""
    return dict(_pairs(request))


def query_all(request: Request, name: str) -> list[str]:
    """Each value of a name that may be repeated."""
    return [value for key, value in _pairs(request) if key == name]


def required(request: Request, name: str) -> str:
    """The query's value of `name`; raises `BadRequest` if it is missing or empty."""
    value = query(request).get(name, "")
    if not value:
        raise BadRequest(f"The request names no {name!r}.", f"Add ?{name}=… to the address.")
    return value


def flag(request: Request, name: str) -> bool:
    """Whether the query says ``name=1`` (or ``true``)."""
    return query(request).get(name, "") in ("1", "true")


def integer(request: Request, name: str, default: int = 0) -> int:
    """The query's value of `name` as a whole number; raises `BadRequest` if it is none."""
    text = query(request).get(name)
    if text is None:
        return default
    try:
        number = int(text)
    except ValueError as error:
        raise BadRequest(f"{name}={text[:40]!r} is not a whole number.", f"Write {name}=0, for example.") from error
    if not -_MOST <= number <= _MOST:
        raise BadRequest(f"{name}={text[:40]} is out of all bounds.", f"Write {name}=0, for example.")
    return number


def reply(value: object, status: int = 200) -> Response:
    """`value`, a wire type or a list of them, as a JSON answer with its digest."""
    return _digested(encode(value), status)


async def reply_long(value: object) -> Response:
    """The same for what may be long: a list of a million files is written in a thread, while others are answered."""
    return await asyncio.to_thread(lambda: _digested(encode(value), 200))


def _digested(body: bytes, status: int) -> Response:
    return Response(body, status, {CONTENT_DIGEST: content_digest(body)}, JSON)


def stream(request: Request, chunks: AsyncIterable[bytes], media_type: str, **headers: str) -> StreamingResponse:
    """An open-ended answer that ends by itself as soon as the runner stops, so that it never holds the shutdown."""
    ends = until(runner_of(request).closing, chunks)
    return StreamingResponse(ends, media_type=media_type, headers={k.replace("_", "-"): v for k, v in headers.items()})


def stream_lines(request: Request, values: AsyncIterable[object]) -> StreamingResponse:
    """The same for wire types, a line of JSON each."""
    return stream(request, _lines(values), JSON_LINES)


async def _lines(values: AsyncIterable[object]) -> AsyncIterator[bytes]:
    async for value in values:
        yield encode(value) + b"\n"


async def until(closing: asyncio.Event, chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """`chunks` until they end or `closing` is set, whichever comes first."""
    source = aiter(chunks)
    closed = asyncio.ensure_future(closing.wait())
    step: asyncio.Future[bytes] | None = None
    try:
        while not closing.is_set():
            step = asyncio.ensure_future(_next(source))
            await asyncio.wait((step, closed), return_when=asyncio.FIRST_COMPLETED)
            if not step.done():
                return
            try:
                yield step.result()
            except StopAsyncIteration:
                return
    finally:
        closed.cancel()
        if step is not None:
            step.cancel()
            await asyncio.wait((step,))
        aclose = getattr(source, "aclose", None)
        if aclose is not None:
            await aclose()


async def unless_closing(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, which reads a long request; cut off with `Unavailable` as soon as the runner stops."""
    task = asyncio.ensure_future(work)
    closed = asyncio.ensure_future(runner_of(request).closing.wait())
    try:
        await asyncio.wait((task, closed), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise Unavailable("The runner is stopping.", "Try again when it is back: what has arrived is kept.")
        return task.result()
    finally:
        closed.cancel()
        task.cancel()
        # Its own end comes first: an upload keeps what it has.
        await asyncio.wait((task,))


def problem(error: RunnerError) -> Response:
    """`error` as a problem document."""
    return problem_response(error.problem())


def problem_response(document: Problem) -> Response:
    """A problem document as an answer."""
    headers = {"Connection": "close"} if document.status in _CUT else None
    return Response(encode(document), document.status, headers, PROBLEM)


async def on_error(request: Request, error: Exception) -> Response:
    """Turn an error into a problem document: the runner's own ones, and the contract's bad names and messages."""
    settings = runner_of(request).settings
    if isinstance(error, NoSpace) and (is_admin(request) or not settings.shared):
        error = await runner_of(request).housekeeping.advise(error)
    if isinstance(error, RunnerError):
        return problem(error)
    if isinstance(error, BadName | BadMessage | BadManifest):
        return problem(BadRequest(str(error)))
    return await on_crash(request, error)


async def on_crash(_: Request, error: Exception) -> Response:
    """Answer for a defect in the runner itself: a sentence to the user; the server logs the traceback."""
    detail = f"The runner stumbled over {type(error).__name__}."
    return problem(RunnerError(detail, "See runner.log in the runner's data folder, and report it."))


async def _next(source: AsyncIterator[bytes]) -> bytes:
    return await anext(source)


def _pairs(request: Request) -> list[tuple[str, str]]:
    text: bytes = request.scope["query_string"]
    return parse_qsl(text.decode("latin-1"), keep_blank_values=True, errors="surrogateescape")
