"""Large bodies over connections of their own, between the client's half and a real runner's: whole, cut, refused."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from floyd_tui.client.bulk import BULK_URL, BulkTransport
from floyd_tui.client.pipe import open_socket
from runner.models import PROBLEM, manifest_of
from tests.integration.test_server import DataRunner
from tests.support.unix_app import unix_app
from tests.support.wait import wait_for
from tests.unit.runner_store.store import entry_of, frame, sha

BIG = os.urandom(1 << 16) * 128  # 8 MiB


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DataRunner]:
    """A runner that has `BIG` as the file ``big`` of ``d/1``."""
    process = DataRunner(tmp_path_factory.mktemp("bulk") / "runner")
    with process:
        with process.http() as http:
            digest, text = manifest_of([entry_of("big", BIG)])
            http.put(f"/v1/trees/{digest}", content=text).raise_for_status()
            http.post("/v1/blobs", content=iter([frame(BIG)])).raise_for_status()
            http.post("/v1/datasets/d/versions", json={"tree": digest}).raise_for_status()
        yield process


def bulk(socket: Path) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=BulkTransport(partial(open_socket, str(socket))), base_url=BULK_URL, timeout=20, trust_env=False
    )


@pytest.fixture
async def http(stored: DataRunner) -> AsyncIterator[httpx.AsyncClient]:
    async with bulk(stored.socket) as client:
        yield client


FILE = "/v1/content?source=d/1&path=big"


async def test_a_file_comes_whole_and_in_parts(http: httpx.AsyncClient) -> None:
    assert (await http.get(FILE)).content == BIG
    part = await http.get(FILE, headers={"Range": "bytes=3000000-6999999"})
    assert part.status_code == 206
    assert part.content == BIG[3000000:7000000]
    small = await http.get(FILE, headers={"Range": "bytes=-5"})
    assert small.content == BIG[-5:]


async def test_pieces_are_large(http: httpx.AsyncClient) -> None:
    async with http.stream("GET", FILE) as response:
        sizes = [len(piece) async for piece in response.aiter_raw()]
    assert sum(sizes) == len(BIG)
    # The first one is what came with the head; every other is gathered.
    assert min(sizes[1:-1]) >= 1 << 20


async def test_a_reader_that_leaves_or_waits_holds_nothing(stored: DataRunner, http: httpx.AsyncClient) -> None:
    before = descriptors(stored)
    for _ in range(20):
        async with http.stream("GET", FILE) as response:
            await anext(response.aiter_raw())
    async with http.stream("GET", FILE) as slow:
        assert (await asyncio.wait_for(http.get("/v1/info"), 10)).is_success
        assert b"".join([piece async for piece in slow.aiter_raw()]) == BIG
    await asyncio.to_thread(wait_for, lambda: descriptors(stored) <= before, "the runner to close what was left")


def descriptors(runner: DataRunner) -> int:
    """How many files and sockets the runner has open."""
    return len(os.listdir(f"/proc/{runner.pid}/fd"))


async def test_a_refusal_comes_before_the_body_has_gone(http: httpx.AsyncClient) -> None:
    sent = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 64 << 20:
            sent += 1 << 20
            yield b"\xff" * (1 << 20)  # no frame has such flags

    size = {"Content-Length": str(64 << 20)}
    answer = await http.post("/v1/blobs", content=body(), headers=size)
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == PROBLEM
    assert sent < 64 << 20


async def test_bodies_with_a_length_and_without_arrive_alike(http: httpx.AsyncClient) -> None:
    for data, headers in (
        (os.urandom(3 << 20), {}),
        (os.urandom(3 << 20), {"Content-Length": str(len(frame(b"")) + (3 << 20))}),
    ):

        async def body(data: bytes = data) -> AsyncIterator[bytes]:
            for start in range(0, len(frame(data)), 100_000):
                yield frame(data)[start : start + 100_000]

        answer = await http.post("/v1/blobs", content=body(), headers=headers)
        assert answer.json() == {"stored": 1}, sha(data)


async def test_what_breaks_is_a_transport_error(tmp_path: Path) -> None:
    async def cut(request: Request) -> Response:
        async def half() -> AsyncIterator[bytes]:
            yield b"half"

        return StreamingResponse(half(), headers={"Content-Length": "8"})

    async def endless(request: Request) -> Response:
        async def some() -> AsyncIterator[bytes]:
            yield b"some"

        return StreamingResponse(some())

    async def silent(request: Request) -> Response:
        await asyncio.sleep(60)
        return PlainTextResponse("late")

    routes = (Route("/cut", cut), Route("/endless", endless), Route("/silent", silent))
    async with unix_app(*routes) as app, bulk(app.socket) as http:
        for path in ("/cut", "/endless"):
            with pytest.raises(httpx.RemoteProtocolError):
                await http.get(path)
        with pytest.raises(httpx.ReadTimeout):
            await http.get("/silent", timeout=0.2)
    async with bulk(tmp_path / "nobody.sock") as http:
        with pytest.raises(httpx.ConnectError):
            await http.get("/")
