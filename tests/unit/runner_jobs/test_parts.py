"""The small parts around a job: events, environments, gauges, endings, the database."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.ending import final_state, reason_of, reason_of_code
from runner.environments import Environments
from runner.errors import BadRequest, Conflict
from runner.events import Hub
from runner.executors.base import Ended
from runner.models import Dataset, Event, Job, JobState, Metric
from runner.store.db import Database
from runner.store.jobs import JobStore

S = JobState


def job(number: int = 1, state: JobState = S.QUEUED, owner: str = "ada") -> Job:
    return Job(owner, "p", number, state, "x", 0.0)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[JobStore]:
    """A store on a database of its own."""
    db = Database(tmp_path / "runner.db")
    yield JobStore(db)
    db.close()


async def test_events_are_told_to_their_owner_newest_state_only() -> None:
    hub = Hub()
    events = hub.subscribe("ada")
    assert await anext(events) == Event()
    hub.publish(Event(job=job(1)))
    hub.publish(Event(job=job(1, S.RUNNING)))
    hub.publish(Event(job=job(2, owner="bob")))
    hub.publish(Event(dataset=Dataset("bob", "open", 0.0, public=True)))
    hub.publish(Event(dataset=Dataset("bob", "closed", 0.0)))
    hub.publish(Event(removed="ada/projects/p/9"))
    found = [await asyncio.wait_for(anext(events), 5) for _ in range(3)]
    assert found[0].job == job(1, S.RUNNING)
    assert found[1].dataset is not None
    assert found[1].dataset.name == "open"
    assert found[2].removed == "ada/projects/p/9"
    await events.aclose()  # type: ignore[attr-defined]
    hub.publish(Event(job=job(3)))


@pytest.mark.parametrize(
    ("now", "ending", "code", "state"),
    [
        (S.RUNNING, None, 0, S.SUCCEEDED),
        (S.RUNNING, None, 1, S.FAILED),
        (S.RUNNING, None, None, S.LOST),
        (S.RUNNING, S.TIMED_OUT, 143, S.TIMED_OUT),
        (S.RUNNING, S.STOPPED, None, S.STOPPED),
        (S.PREPARING, None, None, S.FAILED),
        (S.PREPARING, S.TIMED_OUT, None, S.STOPPED),
    ],
)
def test_how_a_job_ends(now: JobState, ending: JobState | None, code: int | None, state: JobState) -> None:
    assert final_state(now, ending, Ended(code)) is state


def test_what_the_host_ended_is_lost_whatever_its_exit_code() -> None:
    assert final_state(S.RUNNING, None, Ended(143, cut_short=True)) is S.LOST
    assert final_state(S.RUNNING, S.STOPPED, Ended(143, cut_short=True)) is S.STOPPED


def test_reasons_are_sentences() -> None:
    job = Job("ada", "p", 1, S.RUNNING, "x", 0.0)
    assert reason_of(S.TIMED_OUT, job, Ended(143), 60) == "It was ended at its limit of 60 seconds."
    assert reason_of(S.FAILED, job, Ended(137, reason="It ran out of memory."), None) == "It ran out of memory."
    assert reason_of_code(139) == "It was ended by SIGSEGV."
    assert [reason_of_code(code) for code in (0, 1, 128, 255)] == [""] * 4


def test_environments_of_the_host_come_on_top(tmp_path: Path) -> None:
    environments = Environments(tmp_path, "python-3.11")
    assert environments.get(None).image == "python:3.11"
    (tmp_path / "environments.yml").write_text("mine: {image: 'me/mine:1', user: root}\npython-3.11: {image: 'o:1'}\n")
    assert (environments.get("mine").user, environments.get(None).image) == ("root", "o:1")
    assert list(environments.all()) == sorted(environments.all())
    for image in ("busybox:latest", "ghcr.io/a/b", "localhost:5000/x:1", "a/b@sha256:" + "0" * 64):
        assert environments.get(image).image == image
    with pytest.raises(BadRequest, match="no environment 'busybox'") as refused:
        environments.get("busybox")
    assert "mine, python-3.10" in refused.value.hint


@pytest.mark.parametrize("text", ["- a", "a: {image: 3}", "a: [", "a: b", "a: {image: 'x:1', user: bob}"])
def test_a_wrong_environments_file_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "environments.yml").write_text(text)
    with pytest.raises(BadRequest, match=r"environments\.yml"):
        Environments(tmp_path, "python-3.11").get(None)


async def test_a_jobs_state_goes_only_along_the_transitions(store: JobStore) -> None:
    made, _ = await store.create(job(0))
    assert made.number == 1
    running = await store.transition(await store.transition(made, S.PREPARING), S.RUNNING, started_at=5.0)
    with pytest.raises(Conflict, match="p/1 is running and cannot become preparing"):
        await store.transition(running, S.PREPARING)
    with pytest.raises(Conflict, match="still running"):
        await store.delete(running)
    assert await store.ask_end(running, S.STOPPED) is S.STOPPED
    assert await store.ask_end(running, S.TIMED_OUT) is S.STOPPED
    (standing,) = await store.active()
    assert (standing.job, standing.ending, standing.parsed) == (running, S.STOPPED, 0)
    ended = await store.transition(running, S.STOPPED, exit_code=143)
    assert await store.find("ada", "p") == ended
    assert await store.active() == []


async def test_numbers_are_given_once_even_at_the_same_moment(store: JobStore) -> None:
    made = [one for one, _ in await asyncio.gather(*(store.create(job(0)) for _ in range(20)))]
    assert sorted(one.number for one in made) == list(range(1, 21))
    last = await store.transition(made[-1], S.STOPPED)
    await store.delete(last)
    assert (await store.create(job(0)))[0].number == 21


async def test_metrics_and_the_offset_are_stored_together(store: JobStore) -> None:
    made, _ = await store.create(job(0))
    points = [Metric("loss", 1.0 / n, float(n), n) for n in range(1, 4)]
    await store.add_metrics(made, points[:2], 100)
    now = await store.add_metrics(made, points[2:], 150)
    assert now.metrics == {"loss": points[2].value}
    assert await store.metrics(made) == points
    assert await store.metrics(made, 2) == points[2:]
    assert (await store.active())[0].parsed == 150
