"""Jobs that are tried again: after which ends, with what, how that is told, and never twice at once."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from floyd_tui.config import Config, HostConfig
from runner.models import JobState, Mount, Retry
from tests.support.api import Api, Refused, json_line
from tests.support.runner import RunnerProcess
from tests.support.shell import Shell
from tests.support.wait import wait_for


@pytest.fixture(params=["process", pytest.param("docker", marks=pytest.mark.docker)])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RunnerProcess]:
    """A real runner with each executor."""
    image = request.getfixturevalue("docker_image") if request.param == "docker" else None
    with RunnerProcess(tmp_path / "runner", executor=request.param, image=image) as process:
        yield process


# Succeeds at the third attempt; prints what it has and leaves a file each time.
THIRD = f"""\
cat train.py; echo $SEED $FLOYD_ATTEMPT; ls; echo $FLOYD_ATTEMPT >made-$FLOYD_ATTEMPT; {json_line(metric="m", value=1)}
echo changed >train.py; printf 'no newline'; [ $FLOYD_ATTEMPT = 3 ] || exit 75"""


def test_a_job_is_tried_again_with_what_was_launched_and_each_attempt_is_told(server: RunnerProcess) -> None:
    with server.http() as http:
        api = Api(http)
        code = api.upload({"train.py": b"as launched\n"})
        api.launch(THIRD, code=code, env={"SEED": "7"}, retry=Retry(3))
        text, end = api.follow("p/1")
        job = api.ended("p/1")
        assert (job.state, job.exit_code, job.reason, job.attempt) == (JobState.SUCCEEDED, 0, "", 3)
        assert [(one.state, one.exit_code) for one in job.attempts] == [(JobState.FAILED, 75)] * 2
        words = "[attempt {} of 4: the one before failed with exit code 75.]\n"
        parts = [
            (words.format(attempt) if attempt > 1 else "")
            + f'as launched\n7 {attempt}\noutput\ntrain.py\n{{"metric": "m", "value": 1}}\nno newline'
            for attempt in (1, 2, 3)
        ]
        assert text.decode() == "\n".join(parts)
        assert end.size == len(text) == job.log_size
        assert text[job.log_start :].decode() == "\n" + parts[2]
        assert [metric.value for metric in api.metrics("p/1")] == [1.0] * 3
        assert sorted(api.files("p/1")) == ["made-3", "train.py"]
        assert sorted(api.files("p/1/attempt-1")) == ["made-1", "train.py"]
        api.ask("POST", "/v1/gc")
        assert api.content("p/1/attempt-2", "made-2") == b"2\n"
        with pytest.raises(Refused, match="p/1 has no attempt 3 that was tried again after"):
            api.files("p/1/attempt-3")
        api.launch("cat /floyd/input/before/made-1", mounts=(Mount("p/1/attempt-1", "before"),))
        assert api.follow("p/2")[0] == b"1\n"
        times = [job.created_at]
        for one in job.attempts:
            times += [one.started_at, one.ended_at]
        assert times == sorted(times)


def test_attempts_are_seen_at_the_prompt(tmp_path: Path, server: RunnerProcess) -> None:
    Config.load(tmp_path / "config").with_host(HostConfig("local", data_dir=str(server.data_dir)))
    (tmp_path / "work").mkdir()
    shell = Shell(tmp_path / "work", tmp_path / "config")
    shell("init", "p")
    (tmp_path / "work/floyd.yml").write_text("retry: 1 on [exit 75, oom]\n")
    followed = shell("run", "--follow", "echo $FLOYD_ATTEMPT | tee kept; exit 75", code=75)
    assert followed.stdout == "1\n[attempt 2 of 2: the one before failed with exit code 75.]\n2\n"
    assert shell("logs", "--attempt", "1").stdout == "1\n"
    assert shell("logs", "--attempt", "2").stdout.endswith("\n2\n")
    assert "p/1 had 2 attempts" in shell("logs", "--attempt", "3", code=1).stderr
    told = " ".join(shell("info").stdout.split())
    assert "Retry 1 on [exit 75, oom]" in told
    assert "Attempt 1 failed, exit code 75 after 0" in told
    assert shell.json("status")[0]["attempts"][0]["exit_code"] == 75
    assert "kept" in shell("output", "ls", "p/1/attempt-1").stdout
    assert shell("output", "cat", "p/1/attempt-1", "kept").stdout == "1\n"
    assert "'often' is not a retry" in shell("run", "--retry", "often", "true", code=2).stderr
    shell("run", "--follow", "--retry", "2 on exit 3", "[ $FLOYD_ATTEMPT = 3 ] || exit 3")
    assert len(shell.json("status")[0]["attempts"]) == 2


@pytest.mark.parametrize(
    ("command", "more", "state", "attempts"),
    [
        ("exit 1", {"retry": Retry(3)}, JobState.FAILED, 1),
        ("exit 75", {"retry": Retry(1)}, JobState.FAILED, 2),
        ("exit 75", {"retry": Retry(2, ("lost", "exit 7"))}, JobState.FAILED, 1),
        ("kill -KILL $$", {"retry": Retry(1, ("oom", "lost"))}, JobState.FAILED, 1),
        ("exit 75", {"retry": Retry(0)}, JobState.FAILED, 1),
        ("sleep 60; exit 75", {"retry": Retry(3), "max_runtime": 1}, JobState.TIMED_OUT, 1),
    ],
)
def test_only_the_ends_that_were_named_are_tried_again_after(
    server: RunnerProcess, command: str, more: dict[str, Any], state: JobState, attempts: int
) -> None:
    with server.http() as http:
        api = Api(http)
        api.launch(command, **more)
        job = api.ended("p/1")
        assert (job.state, job.attempt) == (state, attempts)


def test_a_retry_that_cannot_be_meant_is_refused(server: RunnerProcess) -> None:
    with server.http() as http:
        api = Api(http)
        for retry, said in (
            (Retry(-1), "not -1"),
            (Retry(1, ()), "names the ends"),
            (Retry(1, ("x",)), "'x' is no end"),
        ):
            with pytest.raises(Refused, match=said):
                api.launch("true", retry=retry)


def test_a_runner_killed_between_attempts_begins_the_next_one_once(tmp_path: Path) -> None:
    """While it waits, as it begins, and as the one before is cleared up."""
    with RunnerProcess(tmp_path / "runner", settings={"retry_delay": 1.0}) as server:
        with server.http() as http:
            api = Api(http)
            for _ in range(2):
                api.launch("echo $FLOYD_ATTEMPT; exit 75", retry=Retry(2))
            waits = "attempt 2 of 3 begins in"
            wait_for(lambda: all(waits in api.job(f"p/{number}").progress for number in (1, 2)), "both to wait")
            assert api.job("p/1").state is JobState.QUEUED
            stopped = api.stop("p/2")
            assert (stopped.state, stopped.reason) == (JobState.STOPPED, "It was stopped before attempt 2 began.")
        for _ in range(8):
            server.kill()
            server.start()
            time.sleep(0.3 * random.random())
        with server.http() as http:
            api = Api(http)
            job = api.ended("p/1")
            assert (job.state, job.exit_code, job.attempt) == (JobState.FAILED, 75, 3)
            words = "[attempt {} of 3: the one before failed with exit code 75.]\n{}\n"
            assert api.log("p/1").decode() == "1\n" + words.format(2, 2) + words.format(3, 3)
            assert api.log("p/2") == b"1\n"
