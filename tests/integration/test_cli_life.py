"""The command line as a person or script uses it: real processes, a real runner, real signals."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from floyd_tui.config import LOCAL, Config, HostConfig
from tests.support.runner import RunnerProcess
from tests.support.shell import PROGRAM, Shell
from tests.support.sshd import Sshd
from tests.support.terminal import AtTerminal
from tests.support.wait import wait_for

INPUT = '"${FLOYD_INPUT:-/floyd/input}"'
TRAIN = f"""
set -e
echo "reading"; cat {INPUT}/digits/one.txt
if [ -e {INPUT}/previous/model.txt ]; then cat {INPUT}/previous/model.txt >> model.txt; fi
cat {INPUT}/digits/one.txt >> model.txt
mkdir -p logs; printf 'deep' > logs/deep.txt
echo '{{"metric": "loss", "value": 0.25, "epoch": 1}}'
"""


def prompt(tmp_path: Path, runner: RunnerProcess) -> Shell:
    """A prompt in a project folder, with `local` that runner."""
    folder = tmp_path / "work"
    folder.mkdir()
    Config.load(tmp_path / "config").with_host(HostConfig(LOCAL, data_dir=str(runner.data_dir)))
    return Shell(folder, tmp_path / "config")


@pytest.fixture
def shell(tmp_path: Path, runner: RunnerProcess) -> Shell:
    """A prompt whose jobs run as processes."""
    return prompt(tmp_path, runner)


@pytest.fixture(params=["runner", pytest.param("docker_runner", marks=pytest.mark.docker)])
def any_shell(request: pytest.FixtureRequest, tmp_path: Path) -> Shell:
    """A prompt whose jobs run as processes, and one whose jobs run in Docker."""
    return prompt(tmp_path, request.getfixturevalue(request.param))


def check_metrics(shell: Shell) -> None:
    """The metrics of life/1 as a table, as points, and drawn."""
    table = shell("metrics").stdout.splitlines()
    assert [line.split()[:6] for line in table][1:] == [["loss", "0.25", "0.25", "epoch", "1", "1"]]
    saved = shell("metrics", "1", "--with", "1", "--log", "--smooth", "0.6", "--save", "loss.png")
    assert saved.stderr == "loss.png: loss over epoch.\n"
    assert (shell.folder / "loss.png").read_bytes().startswith(b"\x89PNG")
    (shell.folder / "loss.png").unlink()
    wrong = shell("metrics", "-m", "acc", "--csv", code=1)
    assert "No metric is called 'acc'." in wrong.stderr
    assert "There are: loss." in wrong.stderr


def test_a_whole_life(any_shell: Shell, tmp_path: Path) -> None:
    shell = any_shell
    data = tmp_path / "data"
    data.mkdir()
    (data / "one.txt").write_text("one\n")
    (shell.folder / "train.sh").write_text(TRAIN)
    (shell.folder / "floyd.yml").write_text("command: bash train.sh\ninput: [digits]\ndescription: first\n")
    (shell.folder / ".git").mkdir()
    (shell.folder / ".git" / "HEAD").write_text("x")

    assert "the project life" in shell("init", "life").stdout
    assert shell("data", "upload", str(data), "--name", "digits").stdout == "digits/1\n"
    again = shell("data", "upload", str(data), "--name", "digits")
    assert again.stdout == "digits/1\n"
    assert "no new version" in again.stderr

    followed = shell("run", "--follow")
    assert followed.stdout == 'reading\none\n{"metric": "loss", "value": 0.25, "epoch": 1}\n'
    assert ".git (built in)" in followed.stderr
    assert "life/1 succeeded" in followed.stderr

    (job,) = shell.json("status")
    assert (job["state"], job["message"], job["metrics"]) == ("succeeded", "first", {"loss": 0.25})
    assert shell.json("info", "1") == job
    check_metrics(shell)
    assert shell("logs", "life/1").stdout == followed.stdout
    assert shell("logs", "-n", "1").stdout == followed.stdout.splitlines(keepends=True)[-1]
    files = shell.json("output", "ls", "1", "-r")
    assert [file["path"] for file in files if file["kind"] == "file"] == ["logs/deep.txt", "model.txt"]

    shell("output", "get", "1")
    assert (shell.folder / "life-1" / "model.txt").read_text() == "one\n"
    shell("output", "get", "1", "logs/deep.txt", "--to", str(tmp_path / "here"))
    assert (tmp_path / "here" / "deep.txt").read_text() == "deep"

    shell("restart", "1", "--data", "digits:digits", "--data", "life/1/output:previous", "-m", "second", "-f")
    second = shell.json("info")
    assert (second["number"], second["message"], second["code"]) == (2, "second", job["code"])
    assert second["relaunched_from"] == f"{job['owner']}/projects/life/1"
    shell("output", "get", "2", "model.txt", "--to", str(tmp_path / "there"))
    assert (tmp_path / "there" / "model.txt").read_text() == "one\none\n"

    shell("clone", "1", str(tmp_path / "clone"))
    assert (tmp_path / "clone" / "train.sh").read_text() == TRAIN
    assert json.loads((tmp_path / "clone" / ".floydexpt").read_text())["name"] == "life"

    added = shell.json("data", "add", "life/2/output", "--name", "models")
    assert (added["created"], added["version"]["files"]) == (True, 2)
    assert "Say --yes" in shell("delete", "life/2", code=1).stderr
    assert [one["number"] for one in shell.json("status", "-s", "SECOND models.txt")] == []
    assert [one["number"] for one in shell.json("status", "-s", "SECOND previous")] == [2]
    assert "No jobs with 'zebra'" in shell("status", "--search", "zebra").stderr
    shell("delete", "life/2", "--yes")
    assert [one["number"] for one in shell.json("status", "life")] == [1]
    assert "life/2" in shell("trash").stdout
    assert "life/2 is there again" in shell("restore").stderr  # what was deleted last
    assert "no deleted job life/2" in shell("restore", "life/2", code=1).stderr
    assert [one["number"] for one in shell.json("status", "life")] == [2, 1]
    assert "The trash is empty" in shell("trash").stderr
    shell("data", "clone", "models/1", str(tmp_path / "models"))
    assert (tmp_path / "models" / "model.txt").read_text() == "one\none\n"


def test_init_again_keeps_the_tie_and_says_when_it_changes(shell: Shell) -> None:
    assert "the project one" in shell("init", "one").stdout
    again = shell("init")
    assert "the project one" in again.stdout
    assert again.stderr == ""
    other = shell("init", "two")
    assert "the project two" in other.stdout
    assert "tied to one before" in other.stderr


def test_a_file_in_the_way_is_replaced_only_when_asked(shell: Shell) -> None:
    shell("init", "way")
    shell("run", "-f", "echo new > model.txt")
    (shell.folder / "model.txt").write_text("mine\n")
    refused = shell("output", "get", "1", "model.txt", code=1)
    assert "--overwrite" in refused.stderr
    assert (shell.folder / "model.txt").read_text() == "mine\n"
    shell("output", "get", "1", "model.txt", "--overwrite")
    assert (shell.folder / "model.txt").read_text() == "new\n"


def test_what_a_running_job_wrote_comes_once(shell: Shell) -> None:
    shell("init", "live")
    shell("run", "echo 1 > one; echo 2 > two; sleep 300")
    wait_for(lambda: len(shell.json("output", "ls", "1")) == 2, "the files")
    assert "2 files, 4 B" in shell("output", "get", "1").stderr
    assert "0 files, 0 B, 2 here already" in shell("output", "get", "1").stderr
    (shell.folder / "live-1" / "one").write_text("x\n")
    assert "live-1/one is here already" in shell("output", "get", "1", code=1).stderr
    shell("output", "get", "1", "--overwrite")
    assert (shell.folder / "live-1" / "one").read_text() == "1\n"
    shell("stop", "1")


def test_what_floydhub_did_by_itself_is_said_at_each_launch(shell: Shell) -> None:
    shell("init", "old")
    (shell.folder / "floyd_requirements.txt").write_text("requests\n")
    said = shell("run", "-f", "true").stderr
    assert said.count("floyd_requirements.txt is not installed by itself") == 1
    assert "pip install -r floyd_requirements.txt &&" in said
    assert ".floydexpt" not in said
    (shell.folder / "floyd.yml").write_text("mode: jupyter\n")
    refused = shell("run", code=1).stderr
    assert "'jupyter' is not run here yet" in refused
    assert "--mode job" in refused
    assert shell("run", "-f", "--mode", "job", "echo on").stdout == "on\n"


def test_the_exit_code_is_the_jobs(shell: Shell) -> None:
    shell("init", "codes")
    assert shell("run", "-f", "echo out; echo err >&2; exit 3", code=3).stdout == "out\nerr\n"
    name = shell("run", "exit 4").stdout.strip()
    assert name == "codes/2"
    shell("logs", "-f", name, code=4)
    shell("run", "-f", "--max-runtime", "1", "sleep 60", code=124)
    assert "timed out" in shell("info").stdout


def test_a_stop_ends_who_follows_with_143(shell: Shell) -> None:
    shell("init", "stops")
    follower = shell.start("run", "-f", "echo on; sleep 300")
    shell.job_is("stops/1", "running")
    shell("stop")
    out, said = follower.communicate(timeout=60)
    assert (follower.returncode, out) == (143, "on\n")
    assert "stops/1 stopped" in said


def test_ctrl_c_leaves_the_job_and_says_how_to_come_back(shell: Shell) -> None:
    shell("init", "leave")
    follower = shell.start("run", "-f", "echo on; sleep 300")
    assert follower.stdout is not None
    assert follower.stdout.readline() == "on\n"
    follower.send_signal(signal.SIGINT)
    _, said = follower.communicate(timeout=60)
    assert follower.returncode == 130
    assert "leave/1 goes on" in said
    assert "floyd-tui logs -f leave/1" in said
    assert "Traceback" not in said
    assert shell.json("info", "1")["state"] == "running"
    shell("stop", "1")


def test_watch_stops_and_runs_again(shell: Shell) -> None:
    shell("init", "watched")
    (shell.folder / "a.txt").write_text("first\n")
    watcher = shell.start("watch", "-f", "-m", "w", "cat a.txt; sleep 300")
    shell.job_is("watched/1", "running")
    (shell.folder / "a.txt").write_text("second\n")
    shell.job_is("watched/2", "running")
    shell.job_is("watched/1", "stopped")
    wait_for(lambda: shell("logs", "2").stdout == "second\n", "the log of the second run")
    assert shell.json("info", "2")["message"] == "w"
    watcher.send_signal(signal.SIGINT)
    out, said = watcher.communicate(timeout=60)
    assert (watcher.returncode, out) == (130, "watched/1\nfirst\nwatched/2\nsecond\n")
    assert "changed: a.txt" in said
    assert "watched/2 goes on" in said
    shell("stop", "2")


BAD_INPUT = (
    (["run", "--data", "nowhere:x", "true"], 1, "nowhere"),
    (["run", "--data", "a:x", "--data", "b:x", "true"], 1, "would both be mounted"),
    (["run"], 1, "Nothing says what to run"),
    (["run", "--executor", "docker", "true"], 1, "no executor 'docker'"),
    (["status", "--host", "nowhere"], 3, "no host 'nowhere'"),
    (["info", "bad/99"], 1, "no project bad"),
    (["logs", "bad/1"], 1, "no project bad"),
    (["data", "ls", "nope"], 1, "nope"),
    (["output", "get", "bad/1"], 1, "no project bad"),
    (["host", "remove", "local"], 1, "cannot be removed"),
    (["host", "add", "x", "not a place"], 1, "not a place to reach by SSH"),
    (["host", "add", "a b", "ada@gauss"], 1, "cannot be a host name"),
    (["host", "add", "local", "ada@gauss"], 1, "already"),
    (["host", "check", "nowhere"], 3, "no host 'nowhere'"),
)


def test_bad_input_is_a_sentence_and_changes_nothing(shell: Shell) -> None:
    shell("init", "bad")
    for words, code, said in BAD_INPUT:
        done = shell(*words, code=code)
        assert done.stderr.startswith("error: ") or "\nerror: " in done.stderr
        assert said in done.stderr
        assert done.stdout == ""
    assert shell.json("status", "--all") == []
    assert [host["name"] for host in shell.json("host", "ls")] == ["local"]


def test_a_closed_pipe_is_no_error(shell: Shell) -> None:
    shell("init", "pipe")
    shell("run", "-f", "seq 200000")
    first = subprocess.run(
        f"{' '.join(PROGRAM)} logs 1 | head -n 1",
        shell=True,
        cwd=shell.folder,
        env=shell.env,
        capture_output=True,
        check=True,
    )
    assert (first.stdout, first.stderr) == (b"1\n", b"")


@pytest.mark.sshd
def test_a_host_is_added_checked_and_used_over_ssh(shell: Shell, runner: RunnerProcess, sshd: Sshd) -> None:
    where = [f"{sshd.user}@127.0.0.1:{sshd.port}", "-i", str(sshd.client_key), "--data-dir", str(runner.data_dir)]
    refused = shell("host", "add", "gauss", *where, code=3)
    assert "SHA256:" in refused.stderr
    assert f"floyd-tui host add gauss {where[0]} --trust" in refused.stderr
    assert [host["name"] for host in shell.json("host", "ls")] == ["local"]

    added = shell("host", "add", "gauss", *where, "--trust", "--default")
    assert "gauss is added" in added.stderr
    assert "Jobs run by" in added.stdout
    assert [(host["name"], host["default"]) for host in shell.json("host", "ls")] == [("local", False), ("gauss", True)]
    found = shell.json("host", "check")
    assert found["info"]["executor"] == "process"
    assert found["stats"]["cpu_count"] >= 1

    shell("init", "far")
    assert shell("run", "-f", "echo over the road").stdout == "over the road\n"
    shell("host", "remove", "gauss", "--yes")
    assert shell.json("status", "--host", "local")[0]["state"] == "succeeded"


@pytest.mark.sshd
def test_a_host_without_a_runner_gets_one(shell: Shell, tmp_path: Path, sshd: Sshd) -> None:
    with tempfile.TemporaryDirectory(prefix="fr-") as short:  # a socket's path must be
        where = [f"{sshd.user}@127.0.0.1:{sshd.port}", "-i", str(sshd.client_key), "--data-dir", f"{short}/d"]
        left = shell("host", "add", "bare", *where, "--trust", "--no-install")
        assert "floyd-tui host install bare" in left.stderr
        assert shell("status", "--host", "bare", code=3).stderr.startswith("error: ")
        try:
            assert "Jobs run by" in shell("host", "install", "bare").stdout
            assert shell.json("status", "--host", "bare") == []
        finally:
            stop = [sys.executable, "-m", "runner", "stop", "--data-dir", f"{short}/d"]
            subprocess.run(stop, check=True, capture_output=True)


@pytest.mark.sshd
def test_an_unknown_key_is_shown_and_asked_once(shell: Shell, runner: RunnerProcess, sshd: Sshd) -> None:
    where = [f"{sshd.user}@127.0.0.1:{sshd.port}", "-i", str(sshd.client_key), "--data-dir", str(runner.data_dir)]
    add = AtTerminal(shell, "host", "add", "gauss", *where)
    add.until("[y/N]")
    add.type("n\n")
    assert add.end() == 3
    assert "SHA256:" in add.said
    assert not (Path.home() / ".ssh" / "known_hosts").exists()
    add = AtTerminal(shell, "host", "add", "gauss", *where)
    add.until("[y/N]")
    add.type("y\n")
    assert add.end() == 0, add.said
    assert sshd.host_key in (Path.home() / ".ssh" / "known_hosts").read_text()
    shell("host", "check", "gauss")


def test_an_unknown_project_is_an_error_and_a_known_one_without_such_jobs_is_none(shell: Shell) -> None:
    shell("run", "--project", "mnist", "--follow", "true")
    said = shell("status", "mnits", code=1).stderr
    assert "There is no project mnits here" in said
    assert "mnist" in said.splitlines()[-1]
    assert "No such jobs in mnist." in shell("status", "mnist", "--state", "failed").stderr


def test_a_log_that_is_not_followed_says_how_long_it_is(shell: Shell, runner: RunnerProcess) -> None:
    shell("run", "--project", "mnist", "--follow", "printf 0123456789")
    with runner.http() as http:
        for offset, length in ((0, 10), (4, 6), (-3, 3), (10, 0)):
            answer = http.get("/v1/job/logs", params={"name": "mnist/1", "offset": offset})
            assert answer.headers["content-length"] == str(length)
            assert answer.content == b"0123456789"[10 - length :]
