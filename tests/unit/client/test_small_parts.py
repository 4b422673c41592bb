"""Waiting times, sleep, progress, and a thread that works ahead."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Generator

import pytest

from floyd_tui.client.ahead import ahead, closing, over
from floyd_tui.client.backoff import Backoff
from floyd_tui.client.progress import Meter, Progress
from floyd_tui.client.sleep_watch import woken


def test_waits_double_up_to_half_a_minute_and_begin_anew() -> None:
    backoff = Backoff()
    waits = [backoff.next() for _ in range(12)]
    for number, wait in enumerate(waits):
        assert min(30.0, 0.25 * 2**number) / 2 <= wait <= min(30.0, 0.25 * 2**number)
    backoff.reset()
    assert backoff.next() <= 0.25


async def test_a_wall_clock_that_jumps_is_a_sleep() -> None:
    slept = iter([0.0, 0.0, 100.0, 3700.0])
    naps = woken(monotonic=lambda: 0.0, wall=lambda: next(slept), tick=0.0)
    assert await anext(naps) == pytest.approx(3600.0)
    await naps.aclose()  # type: ignore[attr-defined]


async def test_a_small_step_of_the_clock_is_none() -> None:
    times = iter([0.0, 2.0, 2.0, 4.5, 4.5, 3.0, 3.0, 60.0])
    naps = woken(monotonic=lambda: 0.0, wall=lambda: next(times), tick=0.0)
    assert await anext(naps) == pytest.approx(57.0)
    await naps.aclose()  # type: ignore[attr-defined]


def test_progress_is_told_now_and_then_and_at_the_end() -> None:
    told: list[Progress] = []
    meter = Meter(told.append, 1000, 100)
    meter.set(100, 10)
    for _ in range(90):
        meter.add(10, 1)
    meter.tell()
    assert told[0].done_bytes == 100
    assert (told[-1].done_bytes, told[-1].done_files, told[-1].eta_seconds) == (1000, 100, 0.0)
    assert len(told) < 20
    assert all(progress.total_bytes == 1000 and progress.total_files == 100 for progress in told)


async def test_a_generator_runs_one_step_ahead_in_a_thread() -> None:
    threads = set()
    closed = asyncio.Event()
    loop = asyncio.get_running_loop()

    def pieces() -> Generator[int, None, None]:
        try:
            for number in range(100):
                threads.add(threading.get_ident())
                yield number
        finally:
            loop.call_soon_threadsafe(closed.set)

    assert [piece async for piece in ahead(pieces())] == list(range(100))
    await asyncio.wait_for(closed.wait(), 5)
    assert threading.get_ident() not in threads


async def test_leaving_early_closes_the_generator() -> None:
    state = []

    def pieces() -> Generator[int, None, None]:
        try:
            yield from range(100)
        finally:
            state.append("closed")

    async with closing(ahead(pieces())) as stream:
        async for _ in stream:
            break
    assert state == ["closed"]


async def test_an_error_of_the_generator_comes_through() -> None:
    def pieces() -> Generator[int, None, None]:
        yield 1
        raise OSError("disk")

    stream = ahead(pieces())
    assert await anext(stream) == 1
    with pytest.raises(OSError, match="disk"):
        await anext(stream)


async def test_an_error_that_nobody_waits_for_any_more_is_not_printed(caplog: pytest.LogCaptureFixture) -> None:
    async def fails() -> None:
        raise OSError("the disk is full")

    task = asyncio.ensure_future(fails())
    await over(task)
    del task
    gc.collect()
    assert caplog.records == []
