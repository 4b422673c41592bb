"""Secrets from the prompt to the job: what it gets, and every place where the value must not be."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from floyd_tui.config import LOCAL, Config, HostConfig
from runner.models import JobState, SecretUse
from tests.support.api import Api, Refused
from tests.support.require import DOCKER
from tests.support.runner import RunnerProcess
from tests.support.shell import PROGRAM, Shell
from tests.support.terminal import AtTerminal

VALUE = "s3cr3t-\"'$(touch pwned)`x`\\ ünd\nsecond line of it"
LINES = [line.encode() for line in VALUE.splitlines()]
SHOWS = """
printf '%s' "$TOKEN" | od -An -tx1 | tr -d ' \\n'; echo
printf '%s' "$TOKEN"; echo; echo "again: $TOKEN"
cat "${FLOYD_SECRETS:-/floyd/secrets}/KEY" | od -An -tx1 | tr -d ' \\n'; echo
touch "${FLOYD_SECRETS:-/floyd/secrets}/KEY.2" 2>/dev/null || echo read-only
tr '\\0' '\\n' </proc/1/environ | grep -c s3cr3t
until [ -e go ]; do sleep 0.05; done
"""


@pytest.fixture
def host(request: pytest.FixtureRequest) -> RunnerProcess:
    """The runner that a test asks for by its parameter, or the simplest."""
    found: RunnerProcess = request.getfixturevalue(getattr(request, "param", "runner"))
    return found


BOTH = pytest.mark.parametrize(
    "host", ["runner", pytest.param("docker_runner", marks=pytest.mark.docker)], indirect=True
)


@pytest.fixture
def shell(tmp_path: Path, host: RunnerProcess) -> Shell:
    """A prompt in a project folder."""
    (tmp_path / "work").mkdir()
    Config.load(tmp_path / "config").with_host(HostConfig(LOCAL, data_dir=str(host.data_dir)))
    return Shell(tmp_path / "work", tmp_path / "config")


def keep(shell: Shell, name: str, value: str, *more: str) -> str:
    """``secret set`` with the value piped in; what it says."""
    done = subprocess.run(
        [*PROGRAM, "secret", "set", name, *more],
        input=value.encode(), cwd=shell.folder, env=shell.env, capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stderr.decode()


def holding(folder: Path, needle: bytes) -> list[str]:
    """The files below `folder` that hold `needle`."""
    return [str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file() and needle in p.read_bytes()]


@BOTH
def test_a_job_gets_its_secrets_and_nobody_else_sees_them(shell: Shell, host: RunnerProcess) -> None:
    assert "is kept for all your jobs" in keep(shell, "TOKEN", VALUE + "\n")
    keep(shell, "KEY", "for another project, long enough", "--project", "other")
    keep(shell, "KEY", "for all of them, long enough")
    keep(shell, "KEY", "for this one, long enough", "--project", "p")
    (shell.folder / "floyd.yml").write_text("secrets: [TOKEN, 'KEY:file']\ncommand: bash shows.sh\n")
    (shell.folder / "shows.sh").write_text(SHOWS)
    shell("init", "p")
    shell("run")
    with host.http() as http:
        api = Api(http)
        api.prints("p/1", b"read-only\n")
        _check_live(api, shell, host)
        http.post("/v1/job/stop", params={"name": "p/1"})
        assert api.ended("p/1").state is JobState.STOPPED
    host.stop()
    assert all(holding(host.data_dir / "jobs", line) == [] for line in LINES), "masked for good, and taken back"
    # The files that keep them, which are the runner's alone.
    assert holding(host.data_dir, LINES[1]) == [_kept("TOKEN")]
    assert (host.data_dir / _kept("TOKEN")).stat().st_mode & 0o777 == 0o600
    assert not any(line in host.log.read_bytes() for line in LINES)
    host.start()
    log = shell("logs", "p/1").stdout
    assert "again: ****" in log
    assert VALUE.splitlines()[1] not in log


def _kept(name: str) -> str:
    return f"secrets/root/person/{name}"


def _check_live(api: Api, shell: Shell, host: RunnerProcess) -> None:
    raw = (host.data_dir / "jobs/root/p/1/log").read_bytes()
    assert VALUE.encode().hex().encode() in raw, "the job has it, byte for byte"
    assert b"for this one, long enough".hex().encode() in raw
    masked = api.log("p/1")
    assert len(masked) == len(raw), "offsets stay what they are"
    assert masked.count(b"*") == 2 * len(VALUE.encode()), "whole, its newline too"
    for line in LINES:
        assert line in raw
        assert line not in masked
        for cut in range(raw.index(line), raw.index(line) + len(line), 7):
            assert line not in raw[:cut] + api.log("p/1", cut)
    job = api.job("p/1")
    assert job.secrets == (SecretUse("TOKEN", "TOKEN"), SecretUse("KEY"))
    told = json.dumps([shell.json("info", "p/1"), shell.json("secret", "ls"), shell.json("status")])
    told += subprocess.run(["ps", "axww", "-o", "args"], capture_output=True, text=True, check=True).stdout
    for container in host.containers():
        told += subprocess.run([DOCKER, "inspect", container], capture_output=True, text=True, check=True).stdout
    assert "second line of it" not in told
    assert "for this one" not in told


def test_names_are_listed_and_secrets_forgotten(shell: Shell, host: RunnerProcess) -> None:
    assert "not masked" in keep(shell, "SHORT", "1234567")
    keep(shell, "LONG", "12345678", "--project", "p")
    listed = shell("secret", "ls").stdout
    assert [line.split()[:2] for line in listed.splitlines()[1:]] == [["SHORT", "all"], ["LONG", "p"]]
    assert "1234567" not in listed
    shell("secret", "rm", "SHORT", "--yes")
    assert "no secret SHORT" in shell("secret", "rm", "SHORT", "--yes", code=1).stderr
    assert "Say so with --yes" in shell("secret", "rm", "LONG", "--project", "p", code=1).stderr
    assert holding(host.data_dir / "secrets", b"1234567") == ["root/projects/p/LONG"]


def test_what_cannot_be_a_secret_is_refused(shell: Shell, host: RunnerProcess) -> None:
    for name in ("a-b", "1A", "../x", "a b", "ü", "x" * 101):
        assert "cannot be the name of" in shell("secret", "set", name, code=1).stderr
    assert "is empty" in shell("secret", "set", "EMPTY", code=1).stderr
    with host.http() as http:
        assert http.put("/v1/secrets/A", json={"value": "a\0b"}).status_code == 400
        assert http.put("/v1/secrets/A", json={"value": "x" * (64 << 10) + "x"}).status_code == 400
        assert http.put("/v1/secrets/A", params={"project": "../x"}, json={"value": "x"}).status_code == 400
        api = Api(http)
        with pytest.raises(Refused, match=r"no secret NONE .*secret set NONE"):
            api.launch("true", secrets=(SecretUse("NONE", "NONE"),))
        http.put("/v1/secrets/A", json={"value": "xxxxxxxx"})
        with pytest.raises(Refused, match="hold two things"):
            api.launch("true", secrets=(SecretUse("A", "B"),), env={"B": "1"})
        assert api.ask("GET", "/v1/jobs") == []
    (shell.folder / "floyd.yml").write_text("secrets: {TOKEN: hunter2hunter2}\ncommand: 'true'\n")
    shell("init", "q")
    said = shell("run", code=1).stderr
    assert "their values stay on the host" in said
    assert "hunter2" not in said


def test_one_that_is_gone_when_the_job_begins_fails_it_in_a_sentence(tmp_path: Path) -> None:
    with RunnerProcess(tmp_path / "one", settings={"max_running": 1}) as runner, runner.http() as http:
        api = Api(http)
        http.put("/v1/secrets/A", json={"value": "xxxxxxxx"})
        api.launch("until [ -e stop ]; do sleep 0.05; done")
        api.launch("true", secrets=(SecretUse("A", "A"),))
        http.delete("/v1/secrets/A")
        api.stop("p/1")
        job = api.ended("p/2")
        assert (job.state, job.reason[:27]) == (JobState.FAILED, "There is no secret A of you")


def test_a_value_is_typed_unseen(shell: Shell, host: RunnerProcess) -> None:
    typing = AtTerminal(shell, "secret", "set", "TYPED")
    typing.until("Value of TYPED")
    typing.type("hunter2hunter2\n")
    assert typing.end() == 0
    assert "hunter2" not in typing.said
    assert holding(host.data_dir / "secrets", b"hunter2hunter2") == ["root/person/TYPED"]
