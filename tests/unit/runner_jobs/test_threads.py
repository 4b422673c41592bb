"""Work in threads: never left half done, and broken off once nobody wants it any more."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from runner.threads import to_the_end, until_cancelled, within


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


async def test_a_wait_that_is_cancelled_as_its_work_ends_is_cancelled() -> None:
    ended = asyncio.Event()
    waiting = asyncio.create_task(within(ended.wait(), 20))
    await asyncio.sleep(0)
    ended.set()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_what_takes_too_long_is_broken_off() -> None:
    broken_off = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            broken_off.set()

    with pytest.raises(asyncio.TimeoutError):
        await within(work(), 0.01)
    assert broken_off.is_set()


async def test_work_done_in_time_gives_its_result_or_its_error() -> None:
    async def fail() -> None:
        raise ValueError("bad")

    assert await within(asyncio.sleep(0, 7), 20) == 7
    with pytest.raises(ValueError, match="bad"):
        await within(fail(), 20)
