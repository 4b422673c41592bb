"""The queue of a real runner: order, holds, moves, jobs after jobs, restarts, and GPUs of a played driver."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import pwd
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.models import Curve, Job, JobChange, JobState, Limits, Metric, from_dict, to_dict
from runner.store.schema import MIGRATIONS
from tests.support.api import Api, Refused, mount
from tests.support.nvml import GIB, FakeDriver, FakeGpu
from tests.support.require import DOCKER
from tests.support.runner import RunnerProcess
from tests.support.wait import wait_for

QUEUED, RUNNING = JobState.QUEUED, JobState.RUNNING
SLEEP = "echo begun; sleep 600"
NEW_OF_THE_QUEUE = {"machine", "gpu_memory", "priority", "after", "held", "given", "position", "starts_by"}


def change(api: Api, job: Job, **what: object) -> Job:
    """Hold, release or move a job."""
    return from_dict(api.ask("PATCH", "/v1/job", JobChange(**what), name=job.name), Job)  # type: ignore[arg-type]


def line(api: Api) -> list[int]:
    """The numbers of the waiting jobs in their order."""
    jobs = [job for job in from_dict(api.ask("GET", "/v1/jobs", state="queued"), list[Job]) if job.position]
    return [job.number for job in sorted(jobs, key=lambda job: job.position or 0)]


@pytest.fixture
def one_place(tmp_path: Path) -> Iterator[RunnerProcess]:
    with RunnerProcess(tmp_path / "runner", settings={"max_running": 1, "max_priority": 10}) as runner:
        yield runner


def test_the_line_is_by_priority_and_time_and_people_hold_release_move_and_leave_it(one_place: RunnerProcess) -> None:
    with one_place.http() as http:
        api = Api(http)
        first = api.launch(SLEEP)
        api.prints(first.name, b"begun")
        two, three, four = (api.launch("true") for _ in range(3))
        five = api.launch("true", priority=10)
        assert (five.position, five.progress) == (1, "waits for a place: 1 of 1 jobs run")
        assert line(api) == [5, 2, 3, 4]
        assert change(api, four, before="").position == 1
        assert line(api) == [4, 5, 2, 3]
        assert api.job(four.name).priority == 10
        change(api, three, before="2")
        change(api, five, priority=-1)
        assert line(api) == [4, 3, 2, 5]
        held = change(api, three, held=True)
        assert (held.position, held.progress, held.state) == (None, "on hold", QUEUED)
        assert line(api) == [4, 2, 5]
        one_place.kill()
        one_place.start()

    with one_place.http() as http:
        api = Api(http)
        assert line(api) == [4, 2, 5]
        assert api.stop(two.name).state is JobState.STOPPED
        api.stop(first.name)
        assert api.ended(five.name).state is JobState.SUCCEEDED
        begun = {number: api.job(f"p/{number}").started_at or 0.0 for number in (1, 4, 5)}
        assert sorted(begun, key=begun.__getitem__) == [1, 4, 5]
        assert api.job(three.name).state is QUEUED
        assert change(api, three, held=False).state in (QUEUED, JobState.PREPARING)
        assert api.ended(three.name).state is JobState.SUCCEEDED


def test_what_cannot_be_changed_is_said(one_place: RunnerProcess) -> None:
    with one_place.http() as http:
        api = Api(http)
        first = api.launch(SLEEP)
        api.prints(first.name, b"begun")
        second = api.launch("true")
        for job, what, said in (
            (first, {"held": True}, "does not wait any more"),
            (second, {"before": "p/1"}, "none of your other waiting jobs"),
            (second, {"before": "", "priority": 1}, "either by a priority or before another"),
            (second, {"priority": 11}, "cannot have the priority 11"),
        ):
            with pytest.raises(Refused, match=said):
                change(api, job, **what)
        for launch, said in (
            ({"priority": 11}, "cannot have the priority 11"),
            ({"machine": "gpu9"}, "no machine 'gpu9'"),
            ({"after": ("p/99",)}, "no job p/99"),
            ({"gpu_memory": 1 << 30}, "this host has 0"),
            ({"gpus": 2, "gpu_memory": 1 << 30}, "GPUs of its own, or shares"),
            ({"limits": Limits(memory=1 << 60)}, "the host has"),
        ):
            with pytest.raises(Refused, match=said):
                api.launch("true", **launch)
        assert line(api) == [2]


def test_jobs_in_any_state_are_tagged_and_found_by_their_tags(one_place: RunnerProcess) -> None:
    with one_place.http() as http:
        api = Api(http)
        first = api.launch(SLEEP, tags=("old",))
        api.prints(first.name, b"begun")
        second = api.launch("true")
        assert change(api, first, tags=("best", "paper", "best")).tags == ("best", "paper")
        assert change(api, second, tags=("best",)).tags == ("best",)
        with pytest.raises(Refused, match="not changed together"):
            change(api, second, tags=("x",), held=True)
        with pytest.raises(Refused, match="tag"):
            change(api, second, tags=("two words",))
        api.stop(first.name)
        assert api.ended(first.name).tags == ("best", "paper")
        assert api.ended(second.name).tags == ("best",)
        assert change(api, first, tags=("paper",)).tags == ("paper",)
        found = from_dict(api.ask("GET", "/v1/jobs", text="paper"), list[Job])
        assert [job.name for job in found] == [first.name]
        assert not from_dict(api.ask("GET", "/v1/jobs", text="old"), list[Job])


def test_the_last_metrics_are_asked_for_by_their_number(one_place: RunnerProcess) -> None:
    with one_place.http() as http:
        api = Api(http)
        lines = "".join(f'{{"metric": "loss", "value": {value}}}\n' for value in range(9))
        done = api.ended(api.launch(f"printf '%s' '{lines}'").name)
        last = from_dict(api.ask("GET", "/v1/job/metrics", name=done.name, after=-3), list[Metric])
        assert [point.value for point in last] == [6.0, 7.0, 8.0]
        assert len(from_dict(api.ask("GET", "/v1/job/metrics", name=done.name, after=-99), list[Metric])) == 9
        names = [done.name, "p/99", "other/projects/p/1"]
        (curve,) = from_dict(api.ask("GET", "/v1/jobs/curves", name=names, points=3), list[Curve])
        assert (curve.job, len(curve.values), curve.values[-1]) == (done.name, 3, last[-1].value)
        with pytest.raises(Refused, match="201 jobs"):
            api.ask("GET", "/v1/jobs/curves", name=["p/1"] * 201)


def test_a_job_after_another_mounts_what_that_wrote(one_place: RunnerProcess) -> None:
    with one_place.http() as http:
        api = Api(http)
        first = api.launch("true", held=True)
        second = api.launch("true", after=("p/1",), mounts=(mount("p/1/output/output/sub", "from"),))
        assert second.inputs[0].tree == ""
        assert wait_for(lambda: api.job(second.name).progress, "a reason") == "waits for p/1 to succeed"
        third = api.launch("true", after=(second.name, first.name))
        one_place.kill()
        one_place.start()

    with one_place.http() as http:
        api = Api(http)
        assert api.job(third.name).progress == "waits for p/1 and p/2 to succeed"
        change(api, first, held=False)
        api.stop(first.name)
        failed = api.ended(second.name)
        assert failed.state is JobState.FAILED
        assert failed.reason == "It was to start after p/1, which was stopped."
        assert api.ended(third.name).reason == "It was to start after p/1, which was stopped."

        fourth = api.launch("mkdir -p output/sub; echo made > output/sub/x; sleep 0.3")
        fifth = api.launch(
            'cat "$FLOYD_INPUT/from/x"', after=("4",), mounts=(mount(f"{fourth.name}/output/output/sub", "from"),)
        )
        sixth = api.launch("true", after=("4",), mounts=(mount("p/4/output/nothing", "from"),))
        assert api.ended(fifth.name).state is JobState.SUCCEEDED
        assert api.log(fifth.name) == b"made\n"
        assert api.job(fifth.name).inputs[0].tree == api.job(fourth.name).output
        ended = api.ended(sixth.name)
        assert (ended.state, ended.started_at) == (JobState.FAILED, None)
        assert "There is no 'nothing' in" in ended.reason
        with pytest.raises(Refused, match="did not succeed"):
            api.launch("true", after=("p/6",))


def gpu_host(tmp_path: Path, **settings: object) -> tuple[FakeDriver, RunnerProcess]:
    """A runner on a host with two cards of 80 GiB."""
    driver = FakeDriver(tmp_path / "driver")
    driver.set(FakeGpu("GPU-a"), FakeGpu("GPU-b"))
    return driver, RunnerProcess(tmp_path / "runner", env=driver.env, settings={"stop_grace": 0.5, **settings})


@pytest.mark.gcc
def test_a_big_job_gets_its_gpus_before_small_ones_and_shares_meet_on_one(tmp_path: Path) -> None:
    _, host = gpu_host(tmp_path)
    with host as runner, runner.http() as http:
        api = Api(http)
        one = api.reaches(api.launch(SLEEP, gpus=1).name, RUNNING)
        big, small, none = (api.launch(SLEEP, gpus=gpus) for gpus in (2, 1, 0))
        api.reaches(none.name, RUNNING)
        assert big.progress == "waits for 2 GPUs, 1 free"
        assert small.progress == "waits for 1 GPU, 1 free but reserved for a job before it"
        quick = api.launch("true", gpus=1, max_runtime=1)
        assert quick.progress == small.progress, "nobody knows when the first one ends"
        api.stop(one.name)
        assert set(api.reaches(big.name, RUNNING).devices) == {"GPU-a", "GPU-b"}
        assert line(api) == [3, 5]
        shares = [api.launch(SLEEP, gpu_memory=30 * GIB, priority=1) for _ in range(3)]
        api.stop(big.name)
        placed = [api.reaches(share.name, RUNNING).devices for share in shares]
        assert sorted(placed) == [("GPU-a",), ("GPU-a",), ("GPU-b",)]
        assert api.job(small.name).state is QUEUED
        api.stop(shares[placed.index(("GPU-b",))].name)
        assert api.reaches(small.name, RUNNING).devices == ("GPU-b",)
        with pytest.raises(Refused, match=r"81\.0 GiB of a GPU; the largest here has 80\.0 GiB"):
            api.launch("true", gpu_memory=81 * GIB)


@pytest.mark.gcc
def test_gpus_of_other_programs_and_gpus_that_come_and_go(tmp_path: Path) -> None:
    machines = {"gpu": {"gpus": 2, "cpus": 0.5}, "gpu2": {"gpu_memory": 8 * GIB}}
    driver, host = gpu_host(tmp_path, machines=machines, max_gpus_each=2)
    driver.set(FakeGpu("GPU-a", processes=((1, GIB),)), FakeGpu("GPU-b", lost=True))
    with host as runner, runner.http() as http:
        api = Api(http)
        driver.set(FakeGpu("GPU-a", processes=((1, GIB),)))
        share = api.launch("true", machine="gpu2")
        assert (share.gpus, share.gpu_memory) == (1, 8 * GIB)
        assert share.progress == "waits for 8 GiB of a GPU, the host has 0, 1 in use by other programs"
        driver.set(FakeGpu("GPU-a"), FakeGpu("GPU-c"), FakeGpu("GPU-d"))
        assert api.ended(share.name).devices[0] in ("GPU-a", "GPU-c", "GPU-d")
        two = api.launch(SLEEP, machine="gpu")
        assert (two.gpus, two.given.cpus) == (2, 0.5)
        assert len(api.reaches(two.name, RUNNING).devices) == 2
        assert api.launch("true", gpus=1).progress == "waits for your own jobs: 2 GPUs at once is your limit here"
        with pytest.raises(Refused, match="one person may have 2 at once"):
            api.launch("true", gpus=3)


@pytest.mark.docker
def test_containers_side_by_side_after_each_other_and_without_gpus(tmp_path: Path, docker_image: str) -> None:
    with (
        RunnerProcess(tmp_path / "runner", "docker", docker_image, {"max_running": 2}) as runner,
        runner.http() as http,
    ):
        api = Api(http)
        wait = (
            "echo up; until [ -e output/go ]; do sleep 0.05; done; echo made > output/x; echo $NVIDIA_VISIBLE_DEVICES"
        )
        one = api.launch(wait, env={"NVIDIA_VISIBLE_DEVICES": "all"})
        other = api.launch(SLEEP)
        after = api.launch("cat /floyd/input/from/x", after=("p/1",), mounts=(mount("p/1/output/output", "from"),))
        held = api.launch("true", held=True)
        api.prints(one.name, b"up")
        api.prints(other.name, b"begun")
        assert len(runner.containers()) == 2
        assert (after.progress, held.progress) == ("waits for p/1 to succeed", "on hold")
        raw = subprocess.run([DOCKER, "inspect", *runner.containers()], capture_output=True, check=True).stdout
        given = api.job(one.name).given
        for container in json.loads(raw):
            host, env = container["HostConfig"], container["Config"]["Env"]
            assert (host["Memory"], host["NanoCpus"]) == (given.memory, round((given.cpus or 0) * 1e9))
            assert (host["PidsLimit"], host["ShmSize"]) == (4096, given.shm_size) == (given.pids, given.shm_size)
            assert (host["DeviceRequests"], [one for one in env if "VISIBLE" in one]) == (
                [],
                ["NVIDIA_VISIBLE_DEVICES=void", "CUDA_VISIBLE_DEVICES="],
            )
        (runner.data_dir / "jobs" / one.owner / "p" / "1" / "home" / "output" / "go").touch()
        assert api.ended(after.name).state is JobState.SUCCEEDED
        assert api.log(after.name) == b"made\n"
        assert api.log(one.name) == b"up\nvoid\n"
        change(api, held, held=False)
        assert api.ended(held.name).state is JobState.SUCCEEDED


@pytest.mark.docker
def test_an_image_that_asks_for_all_gpus_gets_none(tmp_path: Path, docker_image: str) -> None:
    made = subprocess.run(
        [DOCKER, "create", docker_image, "true"], capture_output=True, text=True, check=True
    ).stdout.strip()
    greedy = f"floyd-test-greedy-{made[:12]}:1"
    try:
        change_env = ["--change", "ENV NVIDIA_VISIBLE_DEVICES=all CUDA_VISIBLE_DEVICES=0"]
        subprocess.run([DOCKER, "commit", *change_env, made, greedy], capture_output=True, check=True)
        with RunnerProcess(tmp_path / "runner", "docker", greedy) as runner, runner.http() as http:
            api = Api(http)
            job = api.launch('echo "$NVIDIA_VISIBLE_DEVICES $CUDA_VISIBLE_DEVICES."')
            assert api.ended(job.name).state is JobState.SUCCEEDED
            assert api.log(job.name) == b"void .\n"
    finally:
        subprocess.run([DOCKER, "rm", made], capture_output=True, check=True)
        subprocess.run([DOCKER, "rmi", greedy], capture_output=True, check=True)


@pytest.mark.gcc
def test_a_shared_gpu_is_shared_on_beside_our_own_programs_and_not_beside_others(tmp_path: Path) -> None:
    driver, host = gpu_host(tmp_path)
    driver.set(FakeGpu("GPU-a"))
    with host as runner, runner.http() as http:
        api = Api(http)
        first = api.launch("echo begun; sleep 9.0625", gpu_memory=8 * GIB)
        api.prints(first.name, b"begun")
        ours = wait_for(lambda: next(iter(pids_of("sleep 9.0625")), None), "its process")
        driver.set(FakeGpu("GPU-a", processes=((ours, GIB),)))
        api.reaches(api.launch(SLEEP, gpu_memory=8 * GIB).name, RUNNING)
        driver.set(FakeGpu("GPU-a", processes=((ours, GIB), (1, GIB))))
        third = api.launch("true", gpu_memory=8 * GIB)
        assert third.progress == "waits for 8 GiB of a GPU, the host has 0, 1 in use by other programs"


def pids_of(command: str) -> list[int]:
    """The processes of this host that run exactly that."""
    words = command.replace(" ", "\0").encode() + b"\0"
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            found += [int(folder.name)] if (folder / "cmdline").read_bytes() == words else []
    return found


def test_a_database_of_before_keeps_its_order(tmp_path: Path) -> None:
    runner = RunnerProcess(tmp_path / "runner", settings={"max_running": 1})
    older = list(itertools.takewhile(lambda script: "jobs_turn" not in script, MIGRATIONS))
    owner = pwd.getpwuid(os.geteuid()).pw_name
    with contextlib.closing(sqlite3.connect(runner.data_dir / "runner.db")) as database:
        database.executescript("".join(older))
        database.execute(
            "INSERT INTO projects (id, owner, name, created_at, last_number) VALUES (1, ?, 'p', 0, 3)", (owner,)
        )
        for number in (1, 2, 3):
            job = to_dict(Job(owner, "p", number, QUEUED, SLEEP, float(number), executor="process"))
            known = {name: value for name, value in job.items() if name not in NEW_OF_THE_QUEUE}
            row = (number, number, json.dumps(known))
            sql = "INSERT INTO jobs (id, project, number, state, document, updated_at) VALUES (?, 1, ?, 'queued', ?, 0)"
            database.execute(sql, row)
        database.execute(f"PRAGMA user_version = {len(older)}")
        database.commit()
    with runner, runner.http() as http:
        api = Api(http)
        api.prints("p/1", b"begun")
        assert line(api) == [2, 3]
        assert change(api, api.job("p/3"), before="").position == 1
        api.launch("true")
        assert line(api) == [3, 2, 4]
