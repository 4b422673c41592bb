"""What the routes share: streams that end with the runner, the caller's name, the query."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from starlette.requests import Request

from runner.api.common import caller, flag, integer, owner_of, query, query_all, required, until
from runner.errors import BadRequest, Forbidden


class Source:
    """Chunks one by one, then silence, an end or an error; knows whether it was closed."""

    def __init__(self, *chunks: bytes | None, error: Exception | None = None) -> None:
        self.chunks, self.error, self.closed = chunks, error, False

    async def stream(self) -> AsyncIterator[bytes]:
        try:
            for chunk in self.chunks:
                if chunk is None:
                    await asyncio.Event().wait()
                else:
                    yield chunk
            if self.error:
                raise self.error
        finally:
            self.closed = True


async def test_a_stream_ends_as_it_does() -> None:
    source = Source(b"a", b"b")
    assert [chunk async for chunk in until(asyncio.Event(), source.stream())] == [b"a", b"b"]
    assert source.closed


async def test_a_silent_stream_ends_when_the_runner_does() -> None:
    closing, source, seen = asyncio.Event(), Source(b"a", None), []
    async for chunk in until(closing, source.stream()):
        seen.append(chunk)
        asyncio.get_running_loop().call_soon(closing.set)
    assert seen == [b"a"]
    assert source.closed


async def test_a_stream_that_never_pauses_ends_when_the_runner_does() -> None:
    closing, source = asyncio.Event(), Source(*[b"x"] * 1000)
    seen = 0
    async for _ in until(closing, source.stream()):
        seen += 1
        if seen == 3:
            closing.set()
    assert seen == 3
    assert source.closed


async def test_a_streams_error_is_passed_on() -> None:
    source = Source(b"a", error=KeyError("inside"))
    with pytest.raises(KeyError):
        [chunk async for chunk in until(asyncio.Event(), source.stream())]
    assert source.closed


async def test_a_client_that_leaves_closes_the_source() -> None:
    source = Source(b"a", None)
    chunks = until(asyncio.Event(), source.stream())
    assert await anext(chunks) == b"a"
    waiting = asyncio.ensure_future(anext(chunks))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert source.closed


def request(text: str = "", **state: object) -> Request:
    return Request({"type": "http", "query_string": text.encode(), "headers": [], "state": state})


def test_without_a_uid_nobody_calls() -> None:
    with pytest.raises(Forbidden):
        caller(request())
    with pytest.raises(Forbidden):
        caller(request(uid="0"))
    assert caller(request(uid=0)) == "root"


def test_a_uid_without_a_login_has_a_name_still() -> None:
    assert owner_of(3_999_999_999) == "uid3999999999"


def test_the_query() -> None:
    asked = request("a=1&a=2&empty=&text=%C3%A9%FF&n=-5&follow=1")
    assert query(asked)["a"] == "2"
    assert query_all(asked, "a") == ["1", "2"]
    assert query(asked)["text"] == "é\udcff"
    assert (integer(asked, "n"), integer(asked, "none", 7), flag(asked, "follow"), flag(asked, "a")) == (
        -5,
        7,
        True,
        False,
    )
    for name in ("empty", "none"):
        with pytest.raises(BadRequest):
            required(asked, name)
    with pytest.raises(BadRequest):
        integer(asked, "text")
