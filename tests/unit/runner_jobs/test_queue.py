"""The queue: order, places, GPUs."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from runner.models import Job, JobState
from runner.queue import Granted, Queue


def job(number: int, gpus: int = 0, devices: tuple[str, ...] = ()) -> Job:
    return Job("ada", "p", number, JobState.QUEUED, "x", 0.0, gpus=gpus, devices=devices)


def names(granted: list[Granted]) -> list[str]:
    return [one.name.rpartition("/")[2] for one in granted]


def test_first_come_first_served_within_the_places() -> None:
    queue = Queue(2)
    for number in (1, 2, 3):
        queue.add(job(number))
    assert names(queue.grant()) == ["1", "2"]
    assert (queue.position(job(3)), queue.grant()) == (0, [])
    queue.release(job(1))
    assert names(queue.grant()) == ["3"]


def test_a_big_job_is_not_starved_by_small_ones_and_holds_up_none_without_gpus() -> None:
    queue = Queue(9, ["a", "b"])
    for number, gpus in ((1, 1), (2, 2), (3, 1), (4, 0)):
        queue.add(job(number, gpus))
    assert names(queue.grant()) == ["1", "4"]
    queue.release(job(1))
    (granted,) = queue.grant()
    assert (granted.name, granted.devices) == (job(2).name, ("a", "b"))
    assert queue.holders() == {"a": (job(2).name,), "b": (job(2).name,)}


def test_what_runs_already_keeps_its_gpus() -> None:
    queue = Queue(9, ["a", "b"])
    queue.occupy(job(1, 1, ("a",)))
    queue.add(job(2, 1))
    assert queue.grant()[0].devices == ("b",)


def test_a_waiting_job_can_be_taken_out() -> None:
    queue = Queue(1)
    queue.add(job(1))
    assert queue.remove(job(1))
    assert not queue.remove(job(1))
    assert queue.grant() == []


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=40), st.integers(1, 5))
def test_no_gpu_is_given_twice_and_everybody_comes_to_run(steps: list[tuple[int, bool]], places: int) -> None:
    queue = Queue(places, ["a", "b", "c"])
    running: list[Job] = []
    for number, (gpus, release) in enumerate(steps):
        queue.add(job(number, gpus))
        if release and running:
            queue.release(running.pop(0))
        running += [job(int(g.name.rpartition("/")[2]), len(g.devices), g.devices) for g in queue.grant()]
        held = [device for one in running for device in one.devices]
        assert len(held) == len(set(held))
        assert len(running) <= places
    while running:
        queue.release(running.pop(0))
        running += [job(int(g.name.rpartition("/")[2]), len(g.devices), g.devices) for g in queue.grant()]
    assert all(queue.position(job(number)) is None for number in range(len(steps)))
