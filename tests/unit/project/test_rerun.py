"""Watch mode on a real folder with real file system events; the host is the fake one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import TypeVar

import pytest

from floyd_tui.client.fake import FakeLink
from floyd_tui.client.fake_data import laptop_host
from floyd_tui.errors import HostUnreachable
from floyd_tui.project.rerun import Changed, Failed, Launched, Sending, Stopping, Unchanged, WatchEvent, watch_loop
from floyd_tui.project.watch import changes
from runner.models import JobState, Launch

E = TypeVar("E")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "watched"
    made.mkdir()
    (made / "train.py").write_text("print(1)")
    (made / ".floydignore").write_text("*.log\n")
    return made


@pytest.fixture
def link() -> FakeLink:
    return FakeLink("local", laptop_host())


async def next_of(events: AsyncGenerator[WatchEvent, None], kind: type[E]) -> E:
    """The next event of a kind; the ones before it are passed over."""
    async with asyncio.timeout(20):
        async for event in events:
            if isinstance(event, kind):
                return event
    raise AssertionError(f"the watch ended before {kind.__name__}")


async def test_only_what_goes_up_counts_as_a_change(folder: Path) -> None:
    (folder / "__pycache__").mkdir()
    feed = changes(folder)
    async with aclosing(feed):
        batch = asyncio.ensure_future(anext(feed))
        await asyncio.sleep(0)
        (folder / "run.log").write_text("x")
        (folder / "__pycache__" / "m.pyc").write_text("x")
        (folder / "new.py").write_text("x")
        assert await asyncio.wait_for(batch, 20) == {"new.py"}


async def test_a_change_stops_the_run_and_runs_again(folder: Path, link: FakeLink) -> None:
    async with aclosing(watch_loop(link, folder, Launch("p", "python train.py"))) as events:
        first = (await next_of(events, Launched)).job
        (folder / "train.py").write_text("print(2)")
        assert (await next_of(events, Changed)).paths == ("train.py",)
        assert (await next_of(events, Stopping)).job.name == first.name
        second = (await next_of(events, Launched)).job
        assert link.host.jobs[first.name].state is JobState.STOPPED
        assert (second.number, second.command) == (first.number + 1, first.command)
        assert second.code != first.code


async def test_the_same_content_runs_nothing(folder: Path, link: FakeLink) -> None:
    async with aclosing(watch_loop(link, folder, Launch("p", "x"))) as events:
        job = (await next_of(events, Launched)).job
        (folder / "train.py").write_text("print(1)")
        await next_of(events, Unchanged)
        assert link.host.jobs[job.name].state is JobState.QUEUED


async def test_an_ended_run_is_not_stopped(folder: Path, link: FakeLink) -> None:
    async with aclosing(watch_loop(link, folder, Launch("p", "x"))) as events:
        job = (await next_of(events, Launched)).job
        link.host.finish(job.name)
        (folder / "train.py").write_text("print(3)")
        seen: list[WatchEvent] = []
        async with asyncio.timeout(20):
            async for event in events:
                seen.append(event)
                if isinstance(event, Launched):
                    break
        assert not [event for event in seen if isinstance(event, Stopping)]
        assert link.host.jobs[job.name].state is JobState.SUCCEEDED


async def test_a_failure_is_told_and_the_next_change_tries_again(folder: Path, link: FakeLink) -> None:
    link.host.fail("launch", HostUnreachable("The line is gone."))
    async with aclosing(watch_loop(link, folder, Launch("p", "x"))) as events:
        assert (await next_of(events, Failed)).error.message == "The line is gone."
        (folder / "more.py").write_text("x")
        assert (await next_of(events, Launched)).job.number == 1


async def test_a_change_during_the_upload_starts_it_over(folder: Path, link: FakeLink) -> None:
    held = link.host.hold("put_tree")
    async with aclosing(watch_loop(link, folder, Launch("p", "x"))) as events:
        while (await next_of(events, Sending)).stage.phase != "comparing":
            pass
        (folder / "late.py").write_text("x")
        await next_of(events, Changed)
        held.set()
        job = (await next_of(events, Launched)).job
        assert job.code is not None
        assert "late.py" in [entry.path for entry in link.host.trees[job.code]]
        assert job.number == 1
