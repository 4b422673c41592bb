"""A long log on a job's screen: its end at once, the rest as far as one reads, searches or saves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import accumulate
from pathlib import Path

import pytest

from floyd_tui.client.fake import NOW
from floyd_tui.screens import job_log
from floyd_tui.screens.job import JobScreen
from floyd_tui.widgets.log_view import LogView
from tests.support.shell_ui import ShellUi, shell_ui

JOB = "ada/projects/digits/7"
LINES = 3000


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few thousand lines are a long log here."""
    monkeypatch.setattr(job_log, "LARGE", 20_000)
    monkeypatch.setattr(job_log, "PAGE", 4_000)
    monkeypatch.setattr(job_log, "LARGEST_PAGE", 16_000)


def line(number: int) -> str:
    return f"line {number} {'needle' if number == 7 else 'hay'}"


@asynccontextmanager
async def long_log(tmp_path: Path) -> AsyncIterator[tuple[ShellUi, LogView]]:
    """The job's screen with a log of `LINES` lines, opened from the list."""
    async with shell_ui(tmp_path, (80, 24)) as ui:
        ui.host.logs[JOB] = bytearray()
        ui.host.write_log(JOB, "".join(f"{line(number)}\n" for number in range(LINES)).encode())
        starts = [0, *accumulate(len(line(number)) + 1 for number in range(LINES - 1))]
        ui.host.log_times[JOB] = [(at, NOW + number) for number, at in enumerate(starts)]
        await ui.app.push_screen(JobScreen(ui.link, ui.host.find_job(JOB)))
        await ui.sees(line(LINES - 1))
        yield ui, ui.app.screen.query_one(LogView)


async def test_the_end_is_there_at_once_and_goes_on(tmp_path: Path) -> None:
    async with long_log(tmp_path) as (ui, view):
        size = len(ui.host.logs[JOB])
        assert view.buffer.first > size - 2 * job_log.PAGE
        assert view.buffer.size == size
        await ui.sees("g reads all")
        ui.host.write_log(JOB, b"and on\n")
        await ui.sees("and on")


async def test_scrolling_up_reads_a_page_and_what_is_in_sight_stays(tmp_path: Path) -> None:
    async with long_log(tmp_path) as (ui, view):
        first = view.buffer.first
        top = view.buffer.line(0).data.decode()
        view.scroll_to(y=0, animate=False)
        await ui.until(lambda: 0 < view.buffer.first < first, "a page before")
        await ui.sees(top)
        assert not view.following


async def test_g_leads_to_the_very_first_line(tmp_path: Path) -> None:
    async with long_log(tmp_path) as (ui, view):
        await ui.press("g")
        await ui.sees(line(0) + " ")
        assert (view.buffer.first, view.buffer.lines) == (0, LINES)
        assert [view.buffer.line(n).data.decode() for n in (0, 1234, LINES - 1)] == [
            line(0),
            line(1234),
            line(LINES - 1),
        ]
        await ui.press("f")
        await ui.sees(line(LINES - 1))


async def test_a_search_finds_what_was_not_read_yet(tmp_path: Path) -> None:
    async with long_log(tmp_path) as (ui, view):
        await ui.press("slash")
        await ui.type("needle")
        await ui.press("enter")
        await ui.sees(line(7))
        assert view.current == 7


async def test_a_time_that_was_not_read_yet_is_read_back_to(tmp_path: Path) -> None:
    async with long_log(tmp_path) as (ui, view):
        buffer = view.buffer
        view.go_to_time(NOW + 2000)
        await ui.until(lambda: view.current is not None, "the line")
        assert buffer.line(view.current or 0).data.decode() == line(2000)
        assert buffer.first > 0


async def test_a_log_that_ends_in_one_long_line_is_opened_at_its_end(tmp_path: Path) -> None:
    async with shell_ui(tmp_path, (80, 24)) as ui:
        ui.host.logs[JOB] = bytearray(b"first\n" * 10_000 + b"\r 1%" * 2_000)
        ui.host.write_log(JOB, b"\r99%")
        await ui.app.push_screen(JobScreen(ui.link, ui.host.find_job(JOB)))
        await ui.sees("99%")
        assert ui.app.screen.query_one(LogView).buffer.first > 30_000


async def test_saving_waits_for_the_beginning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with long_log(tmp_path) as (ui, _):
        await ui.press("ctrl+s")
        await ui.until((tmp_path / "digits-7.log").exists, "the file")
        await ui.until(lambda: (tmp_path / "digits-7.log").read_bytes() == ui.host.logs[JOB], "all of it in the file")


async def test_a_line_longer_than_a_page_is_read_whole(tmp_path: Path) -> None:
    async with shell_ui(tmp_path, (80, 24)) as ui:
        ui.host.logs[JOB] = bytearray(b"begin\n" + b"x" * 50_000 + b"\nend\n")
        ui.host.write_log(JOB, b"last\n")
        await ui.app.push_screen(JobScreen(ui.link, ui.host.find_job(JOB)))
        await ui.sees("last")
        view = ui.app.screen.query_one(LogView)
        await ui.press("g")
        await ui.until(lambda: not view.buffer.first, "all of it")
        assert [view.buffer.line(n).data[:5] for n in range(4)] == [b"begin", b"xxxxx", b"end", b"last"]
