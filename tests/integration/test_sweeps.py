"""Sweeps over a real runner: launched at the prompt as one group, shown best first, stopped but for the best."""

from __future__ import annotations

import signal
import textwrap
from pathlib import Path

import pytest

from floyd_tui.config import LOCAL, Config, HostConfig
from runner.models import Job, JobState
from tests.support.api import Api
from tests.support.runner import RunnerProcess
from tests.support.shell import Shell
from tests.support.wait import wait_for

# Logs a loss that is lower the nearer lr is to 0.01, then goes on until it is stopped.
TRAIN = """
import json, os, sys, time
lr = float(sys.argv[1].partition("=")[2])
for step in range(3):
    print(json.dumps({"metric": "loss", "value": abs(lr - 0.01) + (step == 2), "step": step}), flush=True)
time.sleep(0 if os.environ.get("QUICK") else 600)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project that can be swept."""
    made = tmp_path / "work"
    made.mkdir()
    (made / "train.py").write_text(textwrap.dedent(TRAIN))
    return made


def shell_for(runner: RunnerProcess, folder: Path) -> Shell:
    config = folder.parent / "config"
    Config.load(config).with_host(HostConfig(LOCAL, data_dir=str(runner.data_dir)))
    shell = Shell(folder, config)
    shell("init", "net")
    return shell


def test_a_sweep_at_the_prompt_from_the_preview_to_the_stop(tmp_path: Path, folder: Path) -> None:
    with RunnerProcess(tmp_path / "runner", settings={"max_running": 4}) as runner, runner.http() as http:
        shell, api = shell_for(runner, folder), Api(http)
        command = "python3 train.py --lr={0.1,0.01,0.02,0.5}"
        shown = shell("run", "--dry-run", command)
        assert "python3 train.py --lr=0.02" in shown.stdout
        assert "This makes 4 jobs. Nothing was launched." in shown.stderr
        assert shell.json("status") == []

        done = shell("run", "--max-parallel", "3", command)
        group = done.stdout.strip()
        assert group.startswith("lr-")
        assert "4 jobs on local: net/1 to net/4." in done.stderr
        jobs = [api.job(f"net/{number}") for number in (1, 2, 3, 4)]
        assert [job.values for job in jobs] == [{"lr": lr} for lr in ("0.1", "0.01", "0.02", "0.5")]
        assert {(job.group, job.code, job.max_parallel) for job in jobs} == {(group, jobs[0].code, 3)}
        assert jobs[0].message == "lr=0.1"
        assert "waits for its group: 3 jobs of it at once" in shell("queue").stdout

        wait_for(lambda: all(api.metrics(f"net/{number}")[2:] for number in (1, 2, 3)), "three jobs to log")
        table = shell("sweep", "show", group)
        assert table.stdout.splitlines()[0].split()[:3] == ["JOB", "lr", "STATE"]
        assert [row.split()[:2] for row in table.stdout.splitlines()[1:]] == [
            ["net/2", "0.01"], ["net/3", "0.02"], ["net/1", "0.1"], ["net/4", "0.5"],
        ]  # fmt: skip
        assert "Best first by loss, less is better." in table.stderr
        assert [job["number"] for job in shell.json("sweep", "show", group, "--max")] == [1, 3, 2, 4]
        assert "None of its jobs logs acc." in shell("sweep", "show", group, "--metric", "acc", code=1).stderr

        assert "--yes" in shell("sweep", "stop", group, code=1).stderr
        assert set(shell("sweep", "stop", group, "--keep", "1", "-y").stdout.split("\n")[:-1]) == {
            f"net/{number} is stopped" for number in (1, 3, 4)
        }
        assert [api.ended(f"net/{number}").state for number in (1, 3, 4)] == [JobState.STOPPED] * 3
        assert api.job("net/2").state is JobState.RUNNING
        assert "3 stopped" in shell("sweep", "ls").stdout
        assert group in shell("info", "2").stdout
        shell("stop", "2")


def test_a_sweep_that_was_broken_off_is_gone_on_with_and_makes_no_doubles(tmp_path: Path, folder: Path) -> None:
    (folder / "floyd.yml").write_text("command: python3 train.py --lr={lr}\nsweep:\n  lr: [0.1, 0.2]\n  QUICK: 1..3\n")
    with RunnerProcess(tmp_path / "runner", settings={"max_running": 2}) as runner, runner.http() as http:
        shell, api = shell_for(runner, folder), Api(http)
        running = shell.start("run")
        wait_for(lambda: api.ask("GET", "/v1/jobs"), "the first job")
        running.send_signal(signal.SIGKILL)
        running.communicate()
        group = shell("run").stdout.strip()
        jobs = [api.ended(job.name) for job in shell_jobs(api, group)]
        assert [job.values for job in jobs] == [{"lr": lr, "QUICK": q} for lr in ("0.1", "0.2") for q in "123"]
        assert {job.state for job in jobs} == {JobState.SUCCEEDED}
        assert jobs[0].env == jobs[0].values
        assert shell("run").stdout.strip() == f"{group}-2", "a whole one is another sweep"
        named = shell("run", "--group", group, "--sweep", "QUICK={1..4}")
        assert "8 jobs on local, 6 of them launched before" in named.stderr
        assert "cannot be the name" in shell("run", "--sweep", "l r={1,2}", code=1).stderr
        assert "one job at a time" in shell("watch", code=1).stderr
        assert "Launch 24 jobs?" in shell("run", "--sweep", "QUICK={1..12}", code=1).stderr


def shell_jobs(api: Api, group: str) -> list[Job]:
    """The group's jobs in the order they came."""
    return [api.job(f"net/{one['number']}") for one in reversed(api.ask("GET", f"/v1/jobs?group={group}"))]
