"""The scheduling rule, case by case."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from runner.scheduling import Device, Plan, Reservation, Room, Rules, Running, State, Waiting, plan

GIB = 1 << 30
RULES = Rules(places=9)
A, B, C = (Device(uuid, 80 * GIB) for uuid in "abc")


def name(number: int) -> str:
    return f"ada/projects/p/{number}"


def waits(number: int, gpus: int = 0, **more: Any) -> Waiting:
    return Waiting(name(number), **{"owner": "ada", "gpus": gpus, "turn": number, **more})


def shares(number: int, gib: int, **more: Any) -> Waiting:
    return waits(number, 1, share=gib * GIB, **more)


def runs(number: int, *devices: Device, **more: Any) -> Running:
    return Running(name(number), **{"owner": "ada", "devices": tuple(one.uuid for one in devices), **more})


def state(*jobs: Waiting | Running, devices: tuple[Device, ...] = (A, B), rules: Rules = RULES) -> State:
    running = tuple(job for job in jobs if isinstance(job, Running))
    return State(rules, devices, running, tuple(job for job in jobs if isinstance(job, Waiting)))


def started(found: Plan) -> dict[int, str]:
    """Numbers of the jobs that start, with their devices as one word."""
    return {int(one.name.rpartition("/")[2]): "".join(one.devices) for one in found.grants}


def reason(found: Plan, number: int) -> str:
    return found.waits[name(number)].reason


def test_first_come_first_served_within_the_places() -> None:
    found = plan(state(waits(3), waits(1), waits(2), rules=Rules(2)))
    assert list(started(found)) == [1, 2]
    assert found.waits[name(3)].position == 1
    assert reason(found, 3) == "waits for a place: 2 of 2 jobs run"


def test_a_higher_priority_comes_first_and_of_the_same_the_smaller_turn() -> None:
    found = plan(state(waits(1), waits(2, priority=5), waits(3, priority=5, turn=0), rules=Rules(1)))
    assert list(started(found)) == [3]
    assert [found.waits[name(number)].position for number in (2, 1)] == [1, 2]


def test_what_is_held_or_waits_for_another_is_passed_over() -> None:
    found = plan(state(waits(1, held=True), waits(2, after=(name(9),)), waits(3, 1)))
    assert list(started(found)) == [3]
    assert (found.waits[name(1)].position, reason(found, 1)) == (None, "on hold")
    assert (found.waits[name(2)].position, reason(found, 2)) == (1, "waits for p/9 to succeed")


def test_of_a_group_run_no_more_at_once_than_it_says() -> None:
    group: dict[str, Any] = {"group": "ada/p/lr", "together": 2}
    found = plan(state(runs(1, group="ada/p/lr"), *(waits(number, **group) for number in (2, 3)), waits(4)))
    assert list(started(found)) == [2, 4]
    assert reason(found, 3) == "waits for its group: 2 jobs of it at once"


def test_a_big_job_is_not_starved_by_small_ones_and_holds_up_none_without_gpus() -> None:
    found = plan(state(runs(9, A), waits(1, 2), waits(2, 1), waits(3)))
    assert started(found) == {3: ""}
    assert reason(found, 1) == "waits for 2 GPUs, 1 free"
    assert reason(found, 2) == "waits for 1 GPU, 1 free but reserved for a job before it"
    assert found.reserved == Reservation(name(1), ("b", "a"))


def test_what_must_end_before_the_reserved_start_is_backfilled() -> None:
    jobs = (runs(9, A, ends_by=100.0), waits(1, 2), waits(2, 1, seconds=101.0), waits(3, 1, seconds=100.0))
    found = plan(state(*jobs))
    assert started(found) == {3: "b"}
    assert found.waits[name(1)].starts_by == 100.0
    assert found.waits[name(2)].starts_by is None


def test_a_job_that_is_late_keeps_its_gpu_and_lets_nobody_backfill() -> None:
    now = replace(state(runs(9, A, ends_by=100.0), waits(1, 2), waits(2, 1, seconds=0.1)), now=200.0)
    assert started(plan(now)) == {}


def test_gpus_that_the_reservation_does_not_need_are_given_on() -> None:
    small = Device("s", 16 * GIB)
    found = plan(state(runs(9, A), shares(1, 40), waits(2, 1), shares(3, 8), devices=(A, small)))
    assert started(found) == {2: "s"}
    assert reason(found, 1) == "waits for 40 GiB of a GPU, 0 GiB free"


def test_a_reservation_keeps_its_gpus_and_only_exchanges_a_held_one_for_a_free_one() -> None:
    first = plan(state(runs(7, A), runs(8, B), waits(1, 2), devices=(A, B, C)))
    assert first.reserved == Reservation(name(1), ("c", "a"))
    sooner = replace(
        state(runs(7, A), runs(8, B, ends_by=5.0), waits(1, 2), devices=(A, B, C)), reserved=first.reserved
    )
    assert plan(sooner).reserved == Reservation(name(1), ("c", "a"))
    freed = replace(state(runs(7, A), runs(8, C), waits(1, 2), devices=(A, B, C)), reserved=first.reserved)
    assert plan(freed).reserved == Reservation(name(1), ("b", "a"))


def test_a_reservation_outlasts_a_host_without_places() -> None:
    kept = Reservation(name(1), ("b", "a"))
    full = replace(state(runs(9, A), runs(8), waits(1, 2), rules=Rules(2)), reserved=kept)
    assert plan(full).reserved == kept


def test_who_asks_for_more_than_there_is_at_present_reserves_nothing() -> None:
    found = plan(state(waits(1, 2), waits(2, 1), devices=(A, replace(B, taken=True))))
    assert started(found) == {2: "a"}
    assert reason(found, 1) == "waits for 2 GPUs, the host has 1, 1 in use by other programs"


def test_shares_fill_one_gpu_before_the_next_and_never_exceed_it() -> None:
    found = plan(state(runs(9, B, share=10 * GIB), shares(1, 60), shares(2, 10), shares(3, 20), shares(4, 61)))
    assert started(found) == {1: "b", 2: "b", 3: "a"}
    assert reason(found, 4) == "waits for 61 GiB of a GPU, 60 GiB free"


def test_shares_and_whole_gpus_never_meet() -> None:
    found = plan(state(runs(8, A), runs(9, B, share=GIB), waits(1, 1), shares(2, 1)))
    assert started(found) == {}
    found = plan(state(runs(8, A), runs(9, B, share=GIB), shares(2, 1)))
    assert started(found) == {2: "b"}


def test_a_gpu_of_unknown_memory_is_not_shared() -> None:
    found = plan(state(shares(1, 1), waits(2, 1), devices=(Device("x"),)))
    assert started(found) == {2: "x"}
    assert reason(found, 1) == "waits for 1 GiB of a GPU, the host has 0"


def test_a_share_waits_for_as_many_ends_as_it_needs() -> None:
    on = [runs(number, A, share=30 * GIB, ends_by=float(number)) for number in (7, 8)]
    found = plan(state(*on, shares(1, 40), devices=(A,)))
    assert found.waits[name(1)].starts_by == 7.0
    found = plan(state(*on, shares(1, 60), devices=(A,)))
    assert found.waits[name(1)].starts_by == 8.0


@pytest.mark.parametrize(("rules", "of"), [(Rules(9, places_each=1), "1 job"), (Rules(9, gpus_each=1), "1 GPU")])
def test_limits_of_a_person_bind_that_person_alone(rules: Rules, of: str) -> None:
    found = plan(state(runs(9, A), waits(1, 1), waits(2, 1, owner="bob"), rules=rules))
    assert started(found) == {2: "b"}
    assert reason(found, 1) == f"waits for your own jobs: {of} at once is your limit here"


def test_a_persons_small_jobs_do_not_starve_a_large_one_that_the_limit_holds_up() -> None:
    found = plan(state(runs(9, A), waits(1, 2), waits(2, 1), waits(3), rules=Rules(9, gpus_each=2)))
    assert started(found) == {3: ""}


def test_a_limit_leaves_room_for_the_owners_job_that_has_a_reservation() -> None:
    jobs = (runs(8, A, owner="bob"), runs(9, B, owner="bob"), waits(1, 1), waits(2))
    assert started(plan(state(*jobs, rules=Rules(9, places_each=1)))) == {}
    assert started(plan(state(*jobs, rules=Rules(9, places_each=2)))) == {2: ""}


def test_a_gpu_that_fell_off_is_nobodys_but_its_jobs() -> None:
    found = plan(state(runs(9, B), waits(1, 1), devices=(A,)))
    assert started(found) == {1: "a"}


SMALL_HOST = Rules(places=9, room=Room(64 * GIB, 8))


def needs(number: int, gib: int = 0, cpus: float = 0, gpus: int = 0, **more: Any) -> Waiting:
    return waits(number, gpus, room=Room(gib * GIB, cpus), **more)


def test_memory_and_cores_are_given_to_those_who_say_how_much_and_others_do_not_count() -> None:
    jobs = (needs(1, 40, 2), needs(2, 30), needs(3, 0, 6), needs(4, 0, 0.1), waits(5), needs(6, 8, 9))
    found = plan(state(*jobs, rules=SMALL_HOST))
    assert list(started(found)) == [1, 3, 5]
    assert reason(found, 2) == "waits for 30 GiB of memory, 24 GiB free"
    assert reason(found, 4) == "waits for 0.1 CPUs, 0 CPUs free"
    assert reason(found, 6) == "waits for 8 GiB of memory and 9 CPUs, the host has 64 GiB and 8 CPUs"


def test_a_job_of_much_memory_is_not_starved_by_small_ones() -> None:
    runs_now = runs(1, room=Room(20 * GIB))
    found = plan(state(runs_now, needs(2, 60), needs(3, 8), needs(4, 4), waits(5), rules=SMALL_HOST))
    assert list(started(found)) == [5]
    assert reason(found, 3) == "waits for 8 GiB of memory, 44 GiB free but kept for a job before it"
    after = plan(state(needs(2, 60), needs(3, 8), waits(5), rules=SMALL_HOST))
    assert list(started(after)) == [2, 5]


def test_a_reservation_of_gpus_keeps_memory_and_cores_too() -> None:
    found = plan(state(runs(1, A), needs(2, 60, gpus=2), needs(3, 4), needs(4, 4), rules=SMALL_HOST))
    assert list(started(found)) == [3]
    assert reason(found, 4) == "waits for 4 GiB of memory, 60 GiB free but kept for a job before it"
    assert reason(found, 2) == "waits for 2 GPUs, 1 free"
    assert found.reserved is not None


def test_who_comes_before_it_takes_a_reservation_also_where_no_place_is_free() -> None:
    before = Reservation(name(4), ("a", "b"))
    jobs = (runs(1, A), waits(2, 2), waits(3), waits(4, 2))
    found = plan(replace(state(*jobs, rules=Rules(places=2)), reserved=before))
    assert found.reserved is not None
    assert found.reserved.name == name(2)
