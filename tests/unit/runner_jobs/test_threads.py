"""Work in threads: never left half done, and broken off once nobody wants it any more."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from runner.threads import to_the_end, until_cancelled


async def test_work_is_broken_off_and_over_when_its_caller_is_cancelled() -> None:
    begun, over = threading.Event(), threading.Event()

    def work(check: Callable[[], None]) -> None:
        begun.set()
        try:
            while True:
                check()
        finally:
            over.set()

    task = asyncio.create_task(until_cancelled(work))
    await asyncio.to_thread(begun.wait)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert over.is_set()


async def test_work_that_checks_nothing_is_waited_for() -> None:
    begun, go_on, over = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        go_on.wait()
        over.set()

    task = asyncio.create_task(to_the_end(work))
    await asyncio.to_thread(begun.wait)
    task.cancel()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert over.is_set()


async def test_what_work_returns_and_raises_arrives() -> None:
    def fail(check: Callable[[], None]) -> None:
        check()
        raise ValueError("so it is")

    assert await until_cancelled(lambda check: 3) == 3
    with pytest.raises(ValueError, match="so it is"):
        await until_cancelled(fail)
