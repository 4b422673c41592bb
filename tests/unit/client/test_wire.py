"""The TCP connection below SSH: what is written arrives in order and in one, what comes is handed on in helpings."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

from floyd_tui.client.wire import Wire
from tests.support.wait import until


class Ends(asyncio.Protocol):
    """Notes what happens to it, as an SSH connection would."""

    def __init__(self) -> None:
        self.came: list[bytes] = []
        self.transport: asyncio.Transport | None = None
        self.ended: list[str] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(b"hello ")

    def data_received(self, data: bytes) -> None:
        self.came.append(data)

    def eof_received(self) -> None:
        self.ended.append("eof")

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended.append("lost")


async def turns(condition: Callable[[], bool], what: str) -> None:
    """Let the loop turn until `condition` holds."""

    async def holds() -> bool:
        return condition()

    await until(holds, what)


async def test_all_arrives_in_order_both_ways() -> None:
    sent = os.urandom(1 << 20)
    received: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(sent)
        await writer.drain()
        received.append(await reader.read())
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        _, ends = await Wire().create_connection(Ends, *server.sockets[0].getsockname())
        assert ends.transport is not None
        await turns(lambda: sum(map(len, ends.came)) == len(sent), "all to arrive")
        assert b"".join(ends.came) == sent
        assert max(map(len, ends.came)) <= 40 << 10
        words = [os.urandom(1000) for _ in range(300)]
        for word in words:
            ends.transport.write(word)
        # Closing sends what was gathered first.
        ends.transport.close()
        await turns(lambda: bool(received), "the other end to have read to the end")
        assert received == [b"hello " + b"".join(words)]
        await turns(lambda: "lost" in ends.ended, "the end to be told")


async def test_the_writes_of_one_turn_leave_as_one() -> None:
    reads: list[int] = []

    class Counting(asyncio.Protocol):
        def data_received(self, data: bytes) -> None:
            reads.append(len(data))

    server = await asyncio.get_running_loop().create_server(Counting, "127.0.0.1", 0)
    async with server:
        _, ends = await Wire().create_connection(Ends, *server.sockets[0].getsockname())
        await turns(lambda: bool(reads), "the greeting")
        assert ends.transport is not None
        for _ in range(100):
            ends.transport.write(b"x" * 100)
        await turns(lambda: sum(reads) == 10_006, "all to arrive")
        assert len(reads) == 2
        ends.transport.abort()
        await turns(lambda: "lost" in ends.ended, "the end to be told")
