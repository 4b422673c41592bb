"""Work in threads that is never left half done, and waiting that can be cancelled at any moment."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


class Cancelled(Exception):
    """Ends work in a thread whose caller was cancelled; `until_cancelled` keeps it to itself."""


def unchecked() -> None:
    """The check of work that nobody breaks off."""


async def until_cancelled(work: Callable[[Callable[[], None]], T]) -> T:
    """Run `work` in a thread with a check to be called often: it raises once the caller is cancelled.

    Then too this returns only after the thread has ended.
    """
    cancelled = threading.Event()

    def check() -> None:
        if cancelled.is_set():
            raise Cancelled

    running = asyncio.ensure_future(asyncio.to_thread(work, check))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        cancelled.set()
        await asyncio.wait((running,))
        if not running.cancelled():
            running.exception()  # nobody else asks for it
        raise


async def to_the_end(work: Callable[[], T]) -> T:
    """Run `work` in a thread; where the caller is cancelled, only after it is done.

    `asyncio.to_thread` would return at once and leave the thread at it, beside whatever the caller then clears away.
    """
    running = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait((running,))
        raise


async def within(work: Awaitable[T], seconds: float) -> T:
    """The result of `work`, which is broken off after `seconds`; raises `asyncio.TimeoutError` then.

    Until Python 3.12 `asyncio.wait_for` may swallow a cancellation that comes just as its work is done; who cancelled
    waits forever then.
    """
    doing = asyncio.ensure_future(work)
    try:
        if not (await asyncio.wait((doing,), timeout=seconds))[0]:
            raise asyncio.TimeoutError
        return doing.result()
    finally:
        if not doing.done():
            doing.cancel()
            await asyncio.wait((doing,))
            if not doing.cancelled():
                doing.exception()  # nobody else asks for it
