"""The queue: what waits, what begins with what, and what is told of it. The rule itself is in test_scheduling.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from runner.limits import Machine, given, host_memory
from runner.models import GpuProcess, GpuStats, Job, JobState, Limits
from runner.queue import Entry, Queue, limits_of
from runner.settings import Settings
from runner.store.jobs import Standing

GIB = 1 << 30
GPUS = tuple(GpuStats(index, uuid, "A100", memory_total=80 * GIB) for index, uuid in enumerate("ab"))


def job(number: int, owner: str = "ada", **more: Any) -> Job:
    return Job(owner, "p", number, JobState.QUEUED, "x", 0.0, **{"executor": "docker", **more})


def entry(number: int, **more: Any) -> Entry:
    return Entry(Standing(job(number, **more), None, 0, number))


def queue(*entries: Entry, gpus: tuple[GpuStats, ...] = GPUS, **settings: Any) -> Queue:
    found = Queue(Settings(Path("/nowhere"), **settings))
    found.see(gpus, frozenset())
    for one in entries:
        found.put(one)
    return found


def begun(found: list[Standing]) -> list[int]:
    return [standing.job.number for standing in found]


def test_what_begins_waits_no_more_and_has_its_devices_and_limits() -> None:
    line = queue(entry(1, gpus=1, limits=Limits(cpus=0.5)), max_running=1, limits=Limits(memory=GIB, cpus=1))
    [standing] = line.start([], 0.0)
    assert standing.job.devices == ("a",)
    assert standing.job.given == Limits(GIB, 0.5, 4096, GIB // 2)
    assert line.get(standing.job.name) is None


def test_a_job_shows_its_place_what_it_waits_for_and_when_it_starts_at_the_latest() -> None:
    line = queue(entry(2, gpus=2), entry(3, held=True))
    runs = job(1, devices=("a",), started_at=100.0, max_runtime=50)
    assert line.start([runs], 110.0) == []
    shown = line.shown(job(2, gpus=2))
    assert (shown.position, shown.progress) == (1, "waits for 2 GPUs, 1 free")
    # The limit, the ten seconds between SIGTERM and SIGKILL, and a minute around it.
    assert shown.starts_by == 100.0 + 50 + 10 + 60
    assert (line.shown(job(3)).position, line.shown(job(3)).progress) == (None, "on hold")
    assert line.shown(runs) == runs


def test_news_are_what_changed_since_the_last_time() -> None:
    line = queue(entry(1), entry(2), max_running=1)
    runs = job(9)
    line.start([runs], 0.0)
    assert [(one.number, one.position) for one in line.news()] == [(1, 1), (2, 2)]
    line.start([runs], 1.0)
    assert line.news() == []
    line.start([], 2.0)
    assert [(one.number, one.position) for one in line.news()] == [(2, 1)]


def test_the_line_of_a_person_is_in_order() -> None:
    line = queue(entry(1), entry(2, priority=1), entry(3, owner="bob"), entry(4, held=True))
    assert [one.job.number for one in line.line_of("ada")] == [2, 1, 4]


def test_gpus_that_other_programs_compute_on_are_taken_unless_told_otherwise() -> None:
    busy = (GpuStats(0, "a", "A100", memory_total=GIB, processes=(GpuProcess(7),)),)
    assert begun(queue(entry(1, gpus=1), gpus=busy).start([], 0.0)) == []
    assert begun(queue(entry(1, gpus=1), gpus=busy, use_busy_gpus=True).start([], 0.0)) == [1]
    drawing = (GpuStats(0, "a", "A100", processes=(GpuProcess(7, computes=False),)),)
    assert begun(queue(entry(1, gpus=1), gpus=drawing).start([], 0.0)) == [1]


def test_gpus_on_which_our_jobs_compute_are_shared_on_unless_others_compute_there_too() -> None:
    runs = job(9, devices=("a",), gpus=1, gpu_memory=8 * GIB)
    ours, theirs = GpuProcess(7, job=runs.name), GpuProcess(8)

    def begins(*processes: GpuProcess, unsure: frozenset[str] = frozenset()) -> list[int]:
        line = queue(entry(1, gpus=1, gpu_memory=8 * GIB))
        line.see((GpuStats(0, "a", "A100", memory_total=16 * GIB, processes=processes),), unsure)
        return begun(line.start([runs], 0.0))

    assert begins(ours) == [1]
    assert begins(ours, theirs) == []
    assert begins(theirs, unsure=frozenset("a")) == [1], "its job only begins"


def test_a_lost_gpu_and_one_that_mig_divides_are_given_to_nobody() -> None:
    gpus = (GpuStats(0, "a", "A100", lost=True), GpuStats(1, "b", "A100", divided=True), GpuStats(2, "c", "MIG"))
    line = queue(gpus=gpus)
    assert [device.uuid for device in line.devices] == ["c"]


def test_limits_are_the_jobs_then_its_machines_then_the_settings_then_the_hosts() -> None:
    settings = Settings(
        Path("/nowhere"), machines={"gpu2": Machine(gpus=1, memory=3 * GIB, cpus=1.0)}, limits=Limits(GIB, 0.5, 100)
    )
    own = job(1, machine="gpu2", limits=Limits(cpus=0.25))
    assert limits_of(own, settings) == Limits(3 * GIB, 0.25, 100, 3 * GIB // 2)
    assert limits_of(job(1, machine="cpu"), settings) == Limits(GIB, 0.5, 100, GIB // 2)


def test_every_container_has_limits_that_leave_the_host_something() -> None:
    found = given("docker", Limits())
    assert found.memory is not None
    assert found.cpus is not None
    assert found.shm_size is not None
    assert host_memory() // 2 <= found.memory < host_memory()
    assert found.pids == 4096
    assert found.cpus >= 1
    assert found.shm_size == found.memory // 2


def test_a_process_has_only_the_limits_that_somebody_sets() -> None:
    assert given("process", Limits(), Limits(memory=GIB)) == Limits(memory=GIB)


def test_a_limit_of_ages_is_no_limit_that_a_plan_could_stumble_over() -> None:
    line = queue(entry(1, gpus=1, max_runtime=10**400), entry(2, gpus=2, max_runtime=10**400))
    [standing] = line.start([], 0.0)
    assert line.start([standing.job], 1.0) == []
    assert line.shown(job(2, gpus=2)).starts_by is not None


def test_memory_and_cores_are_planned_where_the_launch_or_its_machine_says_how_much() -> None:
    half = host_memory() // 2 + 1
    machines = {"big": Machine(memory=half)}
    line = queue(
        entry(1, limits=Limits(memory=half)), entry(2, machine="big"), entry(3),
        machines=machines, limits=Limits(memory=half),
    )  # fmt: skip
    # What the host's settings give to those who say nothing is a limit, and no need.
    assert begun(line.start([], 0.0)) == [1, 3]
    assert line.shown(job(2, machine="big")).progress.startswith("waits for ")
    assert " of memory, " in line.shown(job(2, machine="big")).progress
    assert begun(line.start([job(3)], 0.0)) == [2]
