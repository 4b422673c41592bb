"""Watch mode on a real folder with real file system events; the host is the fake one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import TypeVar

import pytest

from floyd_tui.client.fake import FakeLink
from floyd_tui.client.fake_data import laptop_host
from floyd_tui.errors import HostUnreachable, ProjectError
from floyd_tui.project.rerun import (
    Changed,
    Failed,
    Launched,
    Sending,
    Stopping,
    Unchanged,
    Waiting,
    WatchEvent,
    watch_loop,
)
from floyd_tui.project.watch import changes
from floyd_tui.project.watch_wishes import Wishes, patterns
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


async def test_a_run_is_let_end_first_and_then_all_changes_run_at_once(folder: Path, link: FakeLink) -> None:
    wishes = Wishes(wait=True)
    async with aclosing(watch_loop(link, folder, Launch("p", "x"), wishes=wishes)) as events:
        first = (await next_of(events, Launched)).job
        before = time.time()
        (folder / "train.py").write_text("print(2)")
        changed = await next_of(events, Changed)
        assert before - 1 < changed.at <= time.time()
        assert (await next_of(events, Waiting)).job.name == first.name
        (folder / "other.py").write_text("print(3)")
        await next_of(events, Waiting)
        link.host.finish(first.name, JobState.SUCCEEDED)
        second = (await next_of(events, Launched)).job
        assert link.host.find_job(first.name).state is JobState.SUCCEEDED
        assert second.number == 2
        (folder / "train.py").write_text("print(4)")
        await next_of(events, Waiting)
        wishes.wait = False  # one changes one's mind
        assert (await next_of(events, Stopping)).job.name == second.name


async def test_only_what_fits_a_pattern_starts_a_run_and_a_pause_holds_it_back(folder: Path, link: FakeLink) -> None:
    wishes = Wishes(only=patterns("*.py, conf/"))
    async with aclosing(watch_loop(link, folder, Launch("p", "x"), wishes=wishes)) as events:
        await next_of(events, Launched)
        (folder / "notes.txt").write_text("x")
        wishes.toggle()
        (folder / "conf").mkdir()
        (folder / "conf" / "a.yml").write_text("x")
        assert "notes.txt" not in (await next_of(events, Changed)).paths
        assert wishes.paused
        assert len(link.host.jobs) == len([job for job in link.host.jobs.values() if job.project != "p"]) + 1
        wishes.toggle()
        assert (await next_of(events, Launched)).job.number == 2
    assert wishes.of(["a/b/train.py", "conf/deep/x", "README.md"]) == {"a/b/train.py", "conf/deep/x"}
    with pytest.raises(ValueError, match=r"'\[a' matches nothing"):
        patterns("[a")


async def test_settings_that_cannot_be_right_are_said_and_taken_up_once_they_are(folder: Path, link: FakeLink) -> None:
    async def again() -> Launch:
        command = (folder / "floyd.yml").read_text()
        if command == "wrong":
            raise ProjectError("floyd.yml cannot be right.", "Correct it.")
        return Launch("p", command)

    async with aclosing(watch_loop(link, folder, Launch("p", "x"), again=again)) as events:
        await next_of(events, Launched)
        (folder / "floyd.yml").write_text("wrong")
        assert "cannot be right" in str((await next_of(events, Failed)).error)
        (folder / "floyd.yml").write_text("python other.py")
        assert (await next_of(events, Launched)).job.command == "python other.py"
