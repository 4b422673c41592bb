"""Logs, events and files that come piece by piece, and the line that is lost on the way."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from floyd_tui.client.ahead import closing
from floyd_tui.client.streams import FrameReader
from floyd_tui.errors import RunnerProblem
from runner.models import (
    JSON_LINES,
    LOG_DATA,
    LOG_END,
    LOG_PING,
    LOG_TIME,
    LOG_TIMES,
    PROBLEM,
    Event,
    JobState,
    LogEnd,
    Problem,
    encode,
    log_frame,
)
from tests.support.unix_app import unix_app
from tests.unit.client.test_requests import JOB, link_to

LOG = b"".join(b"line %d\n" % number for number in range(5000))
KINDS = st.sampled_from([LOG_DATA, LOG_TIMES, LOG_END, LOG_PING])


@given(st.lists(st.tuples(KINDS, st.binary(max_size=40))), st.lists(st.integers(1, 30)))
def test_frames_come_whole_however_the_bytes_are_cut(frames: list[tuple[bytes, bytes]], cuts: list[int]) -> None:
    data = b"".join(log_frame(kind, payload) for kind, payload in frames)
    reader, seen = FrameReader(), []
    for size in cuts:
        seen += list(reader.feed(data[:size]))
        data = data[size:]
    assert [*seen, *reader.feed(data)] == frames


def test_what_is_no_frame_is_not_waited_for() -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        list(FrameReader().feed(b"<html>\r\n"))


async def test_a_followed_log_has_every_byte_once_through_many_cuts() -> None:
    asked = []

    async def logs(request: Request) -> Response:
        offset = int(request.query_params["offset"])
        asked.append(offset)
        start = max(0, len(LOG) + offset) if offset < 0 else offset

        async def body() -> AsyncIterator[bytes]:
            yield log_frame(LOG_TIMES, LOG_TIME.pack(start, 12.5))
            for at in range(start, len(LOG), 700):
                yield log_frame(LOG_DATA, LOG[at : at + 700])
                yield log_frame(LOG_PING)
                if len(asked) < 4 and at - start >= 7000:
                    app.cut()
                    return
            yield log_frame(LOG_END, encode(LogEnd(JobState.FAILED, 3, len(LOG))))

        return StreamingResponse(body(), headers={"X-Log-Offset": str(start)})

    async with unix_app(Route("/v1/job/logs", logs)) as app, link_to(app) as link:
        chunks = [chunk async for chunk in link.client.logs("3", offset=-30_000, follow=True)]
    assert asked[0] == -30_000
    assert len(asked) == 4
    assert b"".join(chunk.data for chunk in chunks) == LOG[-30_000:]
    position = len(LOG) - 30_000
    for chunk in chunks:
        assert chunk.offset == position
        position += len(chunk.data)
    assert chunks[-1].end == LogEnd(JobState.FAILED, 3, len(LOG))
    assert chunks[0].times == ((len(LOG) - 30_000, 12.5),)


async def test_a_log_that_is_not_followed_ends_where_it_ends() -> None:
    first = True

    async def logs(request: Request) -> Response:
        nonlocal first
        rest, broken, first = LOG[int(request.query_params["offset"]) :], first, False

        async def body() -> AsyncIterator[bytes]:
            yield rest[:10_000]
            if broken:
                app.cut()
            yield rest[10_000:]

        headers = {"X-Log-Offset": request.query_params["offset"], "Content-Length": str(len(rest))}
        return StreamingResponse(body(), headers=headers)

    async with unix_app(Route("/v1/job/logs", logs)) as app, link_to(app) as link:
        chunks = [chunk async for chunk in link.client.logs("3", offset=100)]
    assert b"".join(chunk.data for chunk in chunks) == LOG[100:]
    assert all(chunk.end is None for chunk in chunks)


async def test_a_log_that_closes_without_its_end_is_taken_up_again() -> None:
    asked = []

    async def logs(request: Request) -> Response:
        asked.append(int(request.query_params["offset"]))
        frames = log_frame(LOG_DATA, b"abc")
        if len(asked) == 3:
            frames += log_frame(LOG_END, encode(LogEnd(JobState.SUCCEEDED, 0, 9)))
        return Response(frames, headers={"X-Log-Offset": str(asked[-1])})

    async with unix_app(Route("/v1/job/logs", logs)) as app, link_to(app) as link:
        chunks = [chunk async for chunk in link.client.logs("3", follow=True)]
    assert asked == [0, 3, 6]
    assert b"".join(chunk.data for chunk in chunks) == b"abcabcabc"


async def test_a_log_of_no_job_says_so_at_once() -> None:
    async def logs(request: Request) -> Response:
        return Response(encode(Problem("not_found", "Not found", 404, "No job.")), 404, media_type=PROBLEM)

    async with unix_app(Route("/v1/job/logs", logs)) as app, link_to(app) as link:
        with pytest.raises(RunnerProblem, match="No job"):
            await anext(link.client.logs("3", follow=True))


async def test_events_go_on_after_a_cut() -> None:
    served = 0

    async def events(request: Request) -> Response:
        nonlocal served
        served += 1

        async def body() -> AsyncIterator[bytes]:
            yield encode(Event()) + b"\n"
            line = encode(Event(job=JOB)) + b"\n"
            yield line[:7]
            yield line[7:]
            if served == 1:
                app.cut()

        return StreamingResponse(body(), media_type=JSON_LINES)

    async with unix_app(Route("/v1/events", events)) as app, link_to(app) as link:
        seen = []
        async with closing(link.client.events()) as stream:
            async for event in stream:
                seen.append(event)
                if len(seen) == 4:
                    break
    assert seen == [Event(), Event(job=JOB)] * 2


async def test_a_file_goes_on_at_the_byte_where_it_broke() -> None:
    ranges = []

    async def content(request: Request) -> Response:
        ranges.append(request.headers.get("range"))
        start = int((ranges[-1] or "bytes=0-")[6:-1])

        async def body() -> AsyncIterator[bytes]:
            yield LOG[start : start + 9000]
            if len(ranges) < 3:
                app.cut()
            yield LOG[start + 9000 :]

        headers = {"Content-Length": str(len(LOG) - start)}
        return StreamingResponse(body(), 206 if start else 200, headers=headers)

    async with unix_app(Route("/v1/content", content)) as app, link_to(app) as link:
        data = b"".join([part async for part in link.client.content("p/1", "model.bin", 50)])
    assert data == LOG[50:]
    assert ranges == ["bytes=50-", "bytes=9050-", "bytes=18050-"]


async def test_a_part_that_comes_as_the_whole_is_refused() -> None:
    async def content(request: Request) -> Response:
        return Response(LOG)

    async with unix_app(Route("/v1/content", content)) as app, link_to(app) as link:
        with pytest.raises(RunnerProblem, match="from its beginning"):
            await anext(link.client.content("p/1", "model.bin", 50))
