"""A job's life through the API of a real runner, under each executor alike."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.models import Job, JobState, Limits, LogEnd, Mount
from tests.support.api import Api, Refused, json_line
from tests.support.runner import RunnerProcess


@pytest.fixture(params=["process", pytest.param("docker", marks=pytest.mark.docker)])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RunnerProcess]:
    """A real runner with each executor."""
    image = request.getfixturevalue("docker_image") if request.param == "docker" else None
    with RunnerProcess(tmp_path / "runner", executor=request.param, image=image) as process:
        yield process


@pytest.fixture
def api(server: RunnerProcess) -> Iterator[Api]:
    """Its API."""
    with server.http() as http:
        yield Api(http)


def test_a_job_runs_its_code_and_leaves_its_log_its_metrics_and_its_output(api: Api) -> None:
    train = b"import model_of\nprint('from python')\n"
    code = api.upload({"train.py": train, "model_of.py": b"", "run.sh": b"#!/bin/sh\necho ran $1\n", "keep": b"k"})
    command = f"python3 train.py && ./run.sh well && {json_line(metric='loss', value=0.5, step=1)} && echo out >model"
    job = api.launch(command, code=code, message="first", tags=("a",), env={"GREETING": "hi"})
    assert (job.number, job.state, job.short) == (1, JobState.QUEUED, "p/1")
    text, end = api.follow("p/1")
    job = api.ended("p/1")
    assert text == b'from python\nran well\n{"metric": "loss", "value": 0.5, "step": 1}\n'
    assert end == LogEnd(JobState.SUCCEEDED, 0, len(text))
    assert (job.state, job.exit_code, job.reason, job.log_size) == (JobState.SUCCEEDED, 0, "", len(text))
    assert job.started_at is not None
    assert job.ended_at is not None
    assert job.created_at <= job.started_at <= job.ended_at
    assert job.metrics == {"loss": 0.5}
    assert [(m.name, m.value, m.step) for m in api.metrics("p/1")] == [("loss", 0.5, 1)]
    assert list(api.files("p/1")) == ["model"]
    assert (job.output_files, job.output_size) == (1, 4)
    assert api.content("p/1", "model") == b"out\n"


def test_what_keras_prints_is_metrics_unless_the_job_says_no(api: Api) -> None:
    training = r"printf 'Epoch 1/9\n1/5 [..] - loss: 3\r5/5 [==] - 1s 9ms/step - loss: 0.5 - val_loss: 1e-1\n'"
    for env in ({}, {"FLOYD_KERAS": "off"}):
        api.launch(training, env=env)
    assert api.ended("p/1").metrics == {"loss": 0.5, "val_loss": 0.1}
    assert [(m.name, m.epoch, m.step) for m in api.metrics("p/1")] == [("loss", 1, None), ("val_loss", 1, None)]
    assert api.ended("p/2").metrics == {}


def test_an_output_feeds_the_next_job_and_code_runs_again_without_an_upload(api: Api) -> None:
    code = api.upload({"step.py": b"import pathlib, sys\nprint(pathlib.Path(sys.argv[1]).read_text())\n"})
    data = api.dataset("words", {"deep/words.txt": b"mnist\n"})
    api.launch(
        "cat /floyd/input/words/deep/words.txt ../input/words/deep/words.txt /words/deep/words.txt > /output/all",
        code=code,
        mounts=(Mount(data, "/words/"),),
    )
    first = api.ended("p/1")
    assert first.state is JobState.SUCCEEDED, api.log("p/1")
    assert api.content("p/1", "output/all") == b"mnist\n" * 3
    second = first.relaunch()
    api.launch("python3 step.py /floyd/input/last", code_from="p/1", mounts=(Mount("p/1/output/output/all", "last"),))
    assert api.follow("p/2")[0] == b"mnist\n" * 3 + b"\n"
    assert second.code_from == first.name
    assert api.ended("p/2").inputs[0].source == "root/projects/p/1/output/output/all"


def test_inputs_cannot_be_written_and_the_data_stays_as_it_was(api: Api) -> None:
    data = api.dataset("d", {"file": b"as it was"})
    api.launch("echo x >>/floyd/input/d/file || rm -f /floyd/input/d/file || echo refused", mounts=(Mount(data, "d"),))
    assert b"refused" in api.follow("p/1")[0]
    assert api.content(data, "file") == b"as it was"


@pytest.mark.parametrize(
    ("command", "code", "reason"),
    [
        ("exit 3", 3, ""),
        ("nonsense-program", 127, "The shell did not find the command (exit code 127)."),
        ("kill -KILL $$", 137, "It was ended by SIGKILL."),
        ('false; echo "quotes \' and $HOME" | wc -l; exit 5', 5, ""),
    ],
)
def test_the_exit_code_is_the_commands_own(api: Api, command: str, code: int, reason: str) -> None:
    api.launch(command)
    job = api.ended("p/1")
    assert (job.state, job.exit_code, job.reason) == (JobState.FAILED, code, reason)


def test_a_stop_lets_every_process_save_its_work_and_keeps_the_output(api: Api) -> None:
    saver = b"""
import pathlib, signal, sys, time
def save(*_):
    time.sleep(0.3)
    pathlib.Path("checkpoint").write_text("saved")
    sys.exit(0)
signal.signal(signal.SIGTERM, save)
print("ready")
while True:
    time.sleep(0.05)
"""
    api.launch("echo start >early; python3 save.py; echo went on >never", code=api.upload({"save.py": saver}))
    api.prints("p/1", b"ready")
    api.stop("p/1")
    job = api.ended("p/1")
    assert (job.state, job.reason) == (JobState.STOPPED, "It was stopped.")
    assert sorted(api.files("p/1")) == ["checkpoint", "early"]
    assert api.stop("p/1") == job


def test_a_job_that_will_not_end_is_killed_after_the_grace(api: Api) -> None:
    api.launch("trap '' TERM; echo ready; while :; do sleep 0.1; done")
    api.prints("p/1", b"ready")
    api.stop("p/1")
    assert (api.ended("p/1").state, api.job("p/1").exit_code) == (JobState.STOPPED, 137)


def test_a_job_is_ended_at_its_limit_and_its_output_kept(api: Api) -> None:
    api.launch("echo part >result; sleep 600", max_runtime=1)
    job = api.ended("p/1")
    assert (job.state, job.reason) == (JobState.TIMED_OUT, "It was ended at its limit of 1 seconds.")
    assert list(api.files("p/1")) == ["result"]


def test_jobs_wait_for_a_place_and_a_waiting_one_can_be_stopped(server: RunnerProcess) -> None:
    server.stop()
    settings = server.data_dir / "runner.yml"
    settings.write_text(settings.read_text().replace("{", '{"max_running": 1, ', 1))
    server.start()
    with server.http() as http:
        api = Api(http)
        api.launch("echo up; until [ -e go ]; do sleep 0.05; done")
        api.launch("echo second")
        api.launch("echo third")
        api.prints("p/1", b"up")
        assert api.job("p/2").progress == "waits for a place: 1 of 1 jobs run"
        assert (api.job("p/2").position, api.job("p/3").position) == (1, 2)
        stopped = api.stop("p/2")
        assert (stopped.state, stopped.reason) == (JobState.STOPPED, "It was stopped before it began.")
        assert api.follow("p/2") == (b"", LogEnd(JobState.STOPPED, None, 0))
        api.stop("p/1")
        assert api.ended("p/3").state is JobState.SUCCEEDED
        assert api.job("p/2").started_at is None


def test_the_output_of_a_running_job_can_be_looked_at(api: Api) -> None:
    api.launch("echo early >part; echo ready; until [ -e go ]; do sleep 0.05; done", code=api.upload({"c.py": b"1"}))
    api.prints("p/1", b"ready")
    assert api.content("p/1", "part") == b"early\n"
    assert list(api.files("p/1")) == ["part"]
    with pytest.raises(Refused) as refused:
        api.launch("true", mounts=(Mount("p/1", "x"),))
    assert refused.value.problem.status == 409
    api.stop("p/1")
    api.ended("p/1")


def test_lists_projects_and_deleting(api: Api, server: RunnerProcess) -> None:
    api.ask("PUT", "/v1/projects/empty", {"description": "none yet"})
    for number in (1, 2):
        api.launch(f"echo {number}")
        api.ended(f"p/{number}")
    (first, second) = api.ask("GET", "/v1/projects")
    assert (first["name"], first["jobs"], first["latest"], first["latest_state"]) == ("p", 2, 2, "succeeded")
    assert (second["name"], second["description"], second["jobs"]) == ("empty", "none yet", 0)
    assert [job["number"] for job in api.ask("GET", "/v1/jobs", project="p")] == [2, 1]
    assert [job["number"] for job in api.ask("GET", "/v1/jobs", limit=1)] == [2]
    assert api.ask("GET", "/v1/jobs", state="running") == []
    api.ask("DELETE", "/v1/job", name="p/2")
    with pytest.raises(Refused, match="The latest is p/1"):
        api.job("p/2")
    assert (server.data_dir / "jobs/root/p/2").exists(), "it can be restored"
    api.ask("POST", "/v1/gc")
    assert not (server.data_dir / "jobs/root/p/2").exists()
    assert api.launch("true").number == 3
    with pytest.raises(Refused, match="still"):
        api.ask("DELETE", "/v1/job", name="p/3")


@pytest.mark.parametrize(
    ("launch", "says"),
    [
        ({"command": "  "}, "has no command"),
        ({"command": "x", "project": "a b"}, "cannot be a project name"),
        ({"command": "x", "code": "ab" * 32}, "no tree abababababab"),
        ({"command": "x", "code_from": "nowhere/3"}, "no job nowhere/3"),
        ({"command": "x", "mounts": (Mount("none", "d"),)}, "no dataset or project none"),
        ({"command": "x", "mounts": (Mount("set/9", "d"),)}, "no version 9"),
        ({"command": "x", "mounts": (Mount("set", "d"), Mount("set/1", "/d/"))}, "Two inputs are to be mounted at /d"),
        ({"command": "x", "mounts": (Mount("set", "d/e"), Mount("set", "d"))}, "lies inside mount /d"),
        ({"command": "x", "mounts": (Mount("set", "../d"),)}, "cannot be a mount name"),
        ({"command": "x", "mounts": (Mount("set/1/link", "d"),)}, "is a link"),
        ({"command": "x", "mounts": (Mount("set/1/nothing", "d"),)}, "no 'nothing'"),
        ({"command": "x", "gpus": 99}, "asks for 99 GPUs"),
        ({"command": "x", "env": {"A-B": "1"}}, "name of a variable"),
        ({"command": "x", "max_runtime": 0}, "limited to 0 seconds"),
        ({"command": "x", "limits": Limits(memory=5)}, "too few"),
        ({"command": "x", "limits": Limits(cpus=4096)}, "4096 CPUs"),
        ({"command": "x" * 200_000}, "200000 bytes"),
    ],
)
def test_a_launch_that_cannot_be_right_leaves_nothing(
    runner: RunnerProcess, launch: dict[str, object], says: str
) -> None:
    with runner.http() as http:
        api = Api(http)
        api.dataset("set", {"file": b"1"}, links={"link": "/etc"})
        with pytest.raises(Refused, match=says) as refused:
            api.launch(**launch)  # type: ignore[arg-type]
        assert refused.value.problem.hint or "Use 1 to 100 letters" in refused.value.problem.detail
        assert api.ask("GET", "/v1/jobs") == []
        assert api.ask("GET", "/v1/projects") == []


def test_other_peoples_jobs_are_not_there(runner: RunnerProcess) -> None:
    with runner.http() as http:
        api = Api(http)
        api.launch("true")
        for path in ("/v1/job", "/v1/job/metrics", "/v1/job/logs"):
            with pytest.raises(Refused) as refused:
                api.ask("GET", path, name="mallory/projects/p/1")
            assert refused.value.problem.status == 404


def test_events_tell_a_jobs_life(runner: RunnerProcess) -> None:
    import json

    with runner.http() as http, runner.http() as listener, listener.stream("GET", "/v1/events") as events:
        api = Api(http)
        lines = events.iter_lines()
        assert not any(json.loads(next(lines)).values())
        api.launch("echo {1..3}")
        states = []
        for line in lines:
            job: Job = json.loads(line)["job"]
            states.append(job["state"])  # type: ignore[index]
            if states[-1] == "succeeded":
                break
        assert states[0] in ("queued", "preparing")
        assert list(dict.fromkeys(states))[-2:] == ["running", "succeeded"]
        api.ask("DELETE", "/v1/job", name="p/1")
        assert json.loads(next(line for line in lines if '"removed":"' in line))["removed"] == "root/projects/p/1"
