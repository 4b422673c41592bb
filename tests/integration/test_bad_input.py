"""What goes wrong on the way to a job, as a person sees it: one sentence, the next step, and nothing half-made."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from floyd_tui.config import Config, HostConfig
from tests.support.runner import RunnerProcess
from tests.support.shell import Shell
from tests.support.small_disk import small_disk, takes_root
from tests.support.sshd import Sshd, make_key

UNREACHABLE = 3


def shell_for(tmp_path: Path, host: HostConfig) -> Shell:
    """A prompt in a new project whose only far host is `host`."""
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "train.py").write_text("print('trained')\n")
    config = Config.load(tmp_path / "config").with_host(host)
    if not host.local:
        config.with_default_host(host.name)
    shell = Shell(folder, tmp_path / "config")
    shell("init", "work")
    return shell


def local(runner: RunnerProcess) -> HostConfig:
    return HostConfig("local", data_dir=str(runner.data_dir))


def far(sshd: Sshd, key: Path, data_dir: Path) -> HostConfig:
    return HostConfig("gpu1", ssh=f"{sshd.user}@127.0.0.1:{sshd.port}", data_dir=str(data_dir), identity_file=str(key))


def says(shell: Shell, *words: str, code: int = 1) -> str:
    """What ``floyd-tui WORDS`` says when it fails: one ``error:`` line, and the next step below it."""
    said = shell(*words, code=code).stderr
    error, *hint = said[said.index("error: ") :].strip().splitlines()
    assert hint, f"no next step: {said}"
    assert error.rstrip().endswith((".", "?", ")")), error
    return said


@pytest.mark.sshd
def test_a_key_that_the_host_refuses(tmp_path: Path, sshd: Sshd) -> None:
    sshd.trust(Path.home() / ".ssh" / "known_hosts")
    shell = shell_for(tmp_path, far(sshd, make_key(tmp_path / "stranger"), tmp_path / "nowhere"))
    assert str(tmp_path / "stranger") in says(shell, "run", "python3 train.py", code=UNREACHABLE)


@pytest.mark.sshd
def test_a_host_without_a_runner(tmp_path: Path, sshd: Sshd) -> None:
    sshd.trust(Path.home() / ".ssh" / "known_hosts")
    shell = shell_for(tmp_path, far(sshd, sshd.client_key, tmp_path / "nowhere"))
    said = says(shell, "run", "python3 train.py", code=UNREACHABLE)
    assert "floyd-tui host install gpu1" in said
    assert not (tmp_path / "nowhere").exists()


def test_what_cannot_run_is_refused_before_anything_goes_up(tmp_path: Path, runner: RunnerProcess) -> None:
    shell = shell_for(tmp_path, local(runner))
    for words, reason in (
        (("--data", "mnits:mnist"), "mnits"),
        (("--gpus", "99"), "99 GPUs"),
        (("--executor", "docker"), "no executor 'docker'"),
        (("--cpus", "1000000"), "CPUs"),
    ):
        said = says(shell, "run", *words, "python3 train.py")
        assert reason in said
        assert "1 file" not in said
    assert shell.json("status", "--all") == []
    with runner.http() as http:
        assert http.get("/v1/projects").json() == []
    assert not [path for path in (runner.data_dir / "blobs").rglob("*") if path.is_file()]
    shell("run", "--follow", "python3 train.py")
    assert [path for path in (runner.data_dir / "blobs").rglob("*") if path.is_file()]


def test_an_account_that_may_not_use_docker(tmp_path: Path) -> None:
    door = tmp_path / "docker.sock"
    # Root may do anything, unless it is started without that capability.
    under = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search") if os.geteuid() == 0 else ()
    with socket.socket(socket.AF_UNIX) as engine:
        engine.bind(str(door))
        engine.listen()
        door.chmod(0)
        settings: dict[str, object] = {"docker_socket": str(door)}
        with RunnerProcess(tmp_path / "runner", "docker", settings=settings, under=under) as runner:
            shell = shell_for(tmp_path, local(runner))
            assert "may not use Docker" in shell("host", "check", "local").stdout
            said = shell("run", "--follow", "python3 train.py", code=1).stderr
            assert "may not use Docker" in said
            assert "docker" in said.splitlines()[-1]
            [job] = shell.json("status")
            assert (job["state"], job["exit_code"]) == ("failed", None)
            assert "may not use Docker" in job["reason"]


@pytest.mark.docker
def test_an_image_that_cannot_be_had(tmp_path: Path, docker_runner: RunnerProcess) -> None:
    shell = shell_for(tmp_path, local(docker_runner))
    said = shell("run", "--follow", "--env", "127.0.0.1:9/no/such:image", "python3 train.py", code=1).stderr
    assert "127.0.0.1:9/no/such:image" in said
    [job] = shell.json("status")
    assert (job["state"], job["output"]) == ("failed", None)
    assert docker_runner.containers() == []
    assert not list((docker_runner.data_dir / "jobs").rglob("home"))
    assert "Known are: " in says(shell, "run", "--env", "python-3.1", "python3 train.py")
    assert len(shell.json("status")) == 1


@takes_root
def test_a_disk_that_is_full(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "8m") as disk, RunnerProcess(tmp_path / "runner", on=disk) as runner:
        shell = shell_for(tmp_path, local(runner))
        big = tmp_path / "big"
        big.mkdir()
        (big / "data.bin").write_bytes(os.urandom(16 << 20))
        said = says(shell, "data", "upload", str(big), "--name", "big")
        assert "16.0 MiB" in said
        assert shell.json("data", "ls") == []
        assert "trained" in shell("run", "--follow", "python3 train.py").stdout

        shell("run", "--follow", "head -c 20000000 /dev/urandom > huge.bin", code=1)
        job = shell.json("info", "2")
        assert (job["state"], job["exit_code"]) == ("failed", 1)
        assert "is full" in job["reason"]
        kept = Path(job["reason"].partition("lies in ")[2].removesuffix(" on the host."))
        assert (kept / "huge.bin").stat().st_size > 1 << 20
        assert shell("logs", "1").stdout == "trained\n"
