"""What ends properly: blocking iterators run in a thread one step ahead, asynchronous ones closed at once, threads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator
from contextlib import asynccontextmanager
from typing import TypeVar

T = TypeVar("T")


async def ahead(pieces: Generator[T, None, None]) -> AsyncGenerator[T, None]:
    """The pieces of a blocking generator; the next one is made while the last one is being used.

    Leaving early, or being cancelled, waits for the step under way and closes the generator: its files are closed.
    """
    end = object()

    def step() -> asyncio.Future[T | object]:
        return asyncio.ensure_future(asyncio.to_thread(next, pieces, end))

    task = step()
    try:
        while (piece := await asyncio.shield(task)) is not end:
            task = step()
            yield piece  # type: ignore[misc]  # all but `end` are pieces
    finally:
        await over(task)
        await asyncio.to_thread(pieces.close)


async def over(task: asyncio.Future[T]) -> None:
    """Wait until `task` has ended, where nobody waits for what it returns or raises any more."""
    await asyncio.wait((task,))
    if not task.cancelled():
        task.exception()  # looked at, or asyncio would print it with a traceback


async def to_the_end(work: Callable[[], T]) -> T:
    """Run `work` in a thread; where the caller is cancelled, only after it is done: no file appears later."""
    running = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait((running,))
        raise


@asynccontextmanager
async def closing(stream: AsyncIterator[T]) -> AsyncGenerator[AsyncIterator[T], None]:
    """Close `stream` in the end, with its connection, however early it is left."""
    try:
        yield stream
    finally:
        if isinstance(stream, AsyncGenerator):
            await stream.aclose()
