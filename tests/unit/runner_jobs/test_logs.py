"""Logs by offset: marks, following, and a million lines."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from runner import logs
from runner.logs import FRAME_BYTES, Growth, TimesIndex, follow_log, read_log, read_timed, read_times, resolve_offset
from runner.models import LOG_HEADER, LOG_TIME, Job, JobState


def ended_job() -> Job:
    return Job("ada", "p", 1, JobState.SUCCEEDED, "x", 0.0, exit_code=0)


async def reload() -> Job:
    return ended_job()


def test_marks_that_fit_a_range(tmp_path: Path) -> None:
    log = tmp_path / "log"
    (tmp_path / "times").write_bytes(b"".join(LOG_TIME.pack(o, t) for o, t in [(0, 1.0), (10, 2.0), (20, 3.0)]) + b"x")
    assert read_times(log, 0, None) == [(0, 1.0), (10, 2.0), (20, 3.0)]
    assert read_times(log, 12, 20) == [(12, 2.0)]
    assert read_times(log, 12, 21) == [(12, 2.0), (20, 3.0)]
    assert read_times(log, 10, 12) == [(10, 2.0)]
    assert read_times(tmp_path / "other" / "log", 0, None) == []


def test_a_full_disk_costs_the_times_of_some_lines_and_nothing_else(tmp_path: Path) -> None:
    log, times = tmp_path / "log", tmp_path / "times"
    index = TimesIndex(log)
    times.symlink_to("/dev/full")
    index.mark(0)
    times.unlink()
    index.mark(5)
    assert [offset for offset, _ in read_times(log, 0, None)] == [5]


def test_the_index_grows_only_forwards_and_goes_on_after_a_restart(tmp_path: Path) -> None:
    log = tmp_path / "log"
    index = TimesIndex(log)
    index.mark(0)
    index.mark(5)
    index.mark(0)
    assert [offset for offset, _ in read_times(log, 0, None)] == [0]
    again = TimesIndex(log)
    again.mark(0)
    assert [offset for offset, _ in read_times(log, 0, None)] == [0]


def test_offsets_from_the_end_and_beyond_it(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"0123456789")
    assert [resolve_offset(log, o) for o in (0, 4, 10, 99, -3, -99)] == [0, 4, 10, 10, 7, 0]
    assert resolve_offset(tmp_path / "none", -5) == 0


async def test_a_million_lines_are_cheap(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"".join(b"line %d of many\n" % number for number in range(1_000_000)))
    began = time.process_time()
    text = b"".join([frame[LOG_HEADER.size :] async for frame in follow_log(log, 0, lambda: None, reload)][:-1])
    assert text == log.read_bytes()
    # Generous for slow machines: work a line would take many times that.
    assert time.process_time() - began < 2
    assert b"".join([piece async for piece in read_log(log, len(text) - 7, len(text) - 2)]) == text[-7:-2]


async def test_followers_get_what_was_seen_and_the_end(tmp_path: Path) -> None:
    log, growth = tmp_path / "log", Growth()
    log.write_bytes(b"seen, and not yet")
    stream = follow_log(log, 0, lambda: None if growth.ended else growth, reload)
    first = asyncio.ensure_future(anext(stream))
    asyncio.get_running_loop().call_soon(growth.grow, 4)
    assert await asyncio.wait_for(first, 10) == LOG_HEADER.pack(b"D", 4) + b"seen"
    growth.end()
    frames = [frame async for frame in stream]
    assert frames[0] == LOG_HEADER.pack(b"D", 13) + b", and not yet"
    assert b'"size":17' in frames[1]
    assert max(map(len, frames)) <= FRAME_BYTES + LOG_HEADER.size


async def test_what_many_follow_is_read_once_for_all_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log, growth = tmp_path / "log", Growth()
    read: list[Path] = []

    def count(log: Path, *what: Any) -> Any:
        read.append(log)
        return read_timed(log, *what)

    monkeypatch.setattr(logs, "read_timed", count)
    streams = [follow_log(log, 0, lambda: None if growth.ended else growth, reload) for _ in range(100)]
    waiting = [asyncio.ensure_future(anext(stream)) for stream in streams]
    await asyncio.sleep(0)  # all of them wait
    log.write_bytes(b"seen")
    growth.grow(4)
    # Who goes away takes it from nobody.
    waiting[0].cancel()
    got = await asyncio.gather(*waiting, return_exceptions=True)
    assert got[1:] == [LOG_HEADER.pack(b"D", 4) + b"seen"] * 99
    assert len(read) == 1
    growth.end()
    for stream in streams[1:]:
        assert len([frame async for frame in stream]) == 1
