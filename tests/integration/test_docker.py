"""What is Docker's alone: users, limits, images, and what the engine refuses."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.errors import Unavailable
from runner.executors.base import Identity, Task
from runner.executors.container import container_config
from runner.executors.engine import Engine, EngineError
from runner.executors.images import Images
from runner.models import Job, JobState, Limits, Mount, Retry
from tests.support.api import Api, Refused
from tests.support.require import DOCKER
from tests.support.runner import RunnerProcess

pytestmark = pytest.mark.docker


@pytest.fixture
def api(docker_runner: RunnerProcess) -> Iterator[Api]:
    """The API of a runner over the real engine."""
    with docker_runner.http() as http:
        yield Api(http)


@pytest.fixture
async def engine() -> Iterator[Engine]:  # type: ignore[misc]
    """The real engine."""
    client = Engine("/var/run/docker.sock")
    yield client
    await client.close()


def test_a_job_sees_floydhubs_places_and_variables(api: Api) -> None:
    api.launch("pwd; echo $HOME $FLOYDHUB $USER $FLOYD_JOB; touch /output/kept; ls /floyd/home/output", env={"A": "b"})
    text, _ = api.follow("p/1")
    assert text == b"/floyd/home\n/floyd/home 1 root root/projects/p/1\nkept\n"
    assert list(api.files("p/1")) == ["output/kept"]


def test_a_mount_never_hides_what_the_image_has(api: Api) -> None:
    data = api.dataset("opt", {"mine": b"1"})
    mounts = (Mount(data, "home"), Mount(data, "usr"), Mount(data, "plain"))
    api.launch("ls /home /plain /floyd/input/home; ls /usr/bin/env", mounts=mounts)
    text, end = api.follow("p/1")
    assert end.exit_code == 0, text
    assert text.count(b"mine") == 2
    assert b"/usr/bin/env" in text


def test_a_job_has_no_more_rights_than_it_needs(api: Api) -> None:
    api.launch("grep -E 'CapBnd|NoNewPrivs' /proc/self/status; cat /proc/1/comm")
    lines = api.follow("p/1")[0].decode().split()
    bounding = int(lines[lines.index("CapBnd:") + 1], 16)
    assert bounding.bit_count() == 6
    assert lines[lines.index("NoNewPrivs:") + 1] == "1"
    assert "init" in lines[-1]


def test_a_kill_by_memory_says_so(api: Api) -> None:
    command = "exec python3 -c 'import os; x = bytearray(os.urandom(1 << 20)) * 400; print(len(x))'"
    api.launch(command, limits=Limits(memory=64 << 20, cpus=0.5, pids=50, shm_size=8 << 20))
    job = api.ended("p/1")
    assert (job.state, job.exit_code) == (JobState.FAILED, 137)
    assert job.reason == "It ran out of memory: its limit is 64.0 MiB."


def test_what_is_tried_again_for_want_of_memory_is_not_what_was_killed_or_went_on(api: Api) -> None:
    """Memory runs out for one process of several, too, and a job may live with that."""
    limits, retry = Limits(memory=64 << 20), Retry(1, ("oom",))
    too_much = "python3 -c 'import os; x = bytearray(os.urandom(1 << 20)) * 400'"
    api.launch(f"[ $FLOYD_ATTEMPT = 2 ] || exec {too_much}", limits=limits, retry=retry)
    api.launch(f"{too_much}; echo went on", limits=limits, retry=retry)
    api.launch("kill -KILL $$", limits=limits, retry=retry)
    again, went_on, killed = (api.ended(f"p/{number}") for number in (1, 2, 3))
    assert (again.state, [one.exit_code for one in again.attempts]) == (JobState.SUCCEEDED, [137])
    assert again.attempts[0].reason == "It ran out of memory: its limit is 64.0 MiB."
    assert (went_on.state, went_on.reason, went_on.attempts) == (JobState.SUCCEEDED, "", ())
    assert api.log("p/2").endswith(b"went on\n")
    assert (killed.exit_code, killed.reason, killed.attempts) == (137, "It was ended by SIGKILL.", ())


def test_limits_hold(api: Api) -> None:
    limits = Limits(memory=64 << 20, cpus=0.5, pids=50, shm_size=8 << 20)
    api.launch("df -B1 --output=size /dev/shm | tail -1; echo up; until [ -e go ]; do sleep 0.02; done", limits=limits)
    api.prints("p/1", b"up")
    assert api.log("p/1").split()[0] == str(8 << 20).encode()
    found = subprocess.run([DOCKER, "ps", "-q", "--filter", "label=floyd.job=root/projects/p/1"], capture_output=True)
    for container in found.stdout.decode().split():
        raw = subprocess.run([DOCKER, "inspect", container], capture_output=True, check=True).stdout
        config = json.loads(raw)[0]["HostConfig"]
        assert (config["Memory"], config["NanoCpus"], config["PidsLimit"]) == (64 << 20, 500_000_000, 50)
    api.ask("GET", "/v1/stats")
    (stats,) = api.ask("GET", "/v1/stats")["jobs"]
    assert (stats["job"], stats["memory_limit"]) == ("root/projects/p/1", 64 << 20)
    assert stats["memory_used"] > 0
    api.stop("p/1")


def test_an_image_that_cannot_be_had_fails_the_job_with_what_to_do(api: Api) -> None:
    api.launch("true", environment="127.0.0.1:1/nobody/nothing:9")
    job = api.ended("p/1")
    assert job.state is JobState.FAILED
    assert "127.0.0.1:1/nobody/nothing:9 could not be pulled" in job.reason
    assert "docker load" in job.reason
    assert job.exit_code is None
    assert api.follow("p/1")[1].size == 0


def test_an_unknown_environment_is_refused_with_the_known_ones(api: Api) -> None:
    with pytest.raises(Refused, match=r"no environment 'pyton-3'.*python-3\.11, python-3\.12"):
        api.launch("true", environment="pyton-3")
    names = [environment["name"] for environment in api.ask("GET", "/v1/environments")]
    assert {"python-3.11", "pytorch-2.7", "tensorflow-2.18"} <= set(names)
    (default,) = (e for e in api.ask("GET", "/v1/environments") if e["name"] == names[0])
    assert default["present"]


def test_a_stopped_job_leaves_no_container(api: Api, docker_runner: RunnerProcess) -> None:
    api.launch("echo up; sleep 600")
    api.prints("p/1", b"up")
    api.stop("p/1")
    api.ended("p/1")
    docker_runner.stop()
    assert docker_runner.containers() == []


def test_an_environment_that_needs_root_gives_its_files_back(docker_runner: RunnerProcess, docker_image: str) -> None:
    own = {"rooted": {"image": docker_image, "user": "root"}}
    (docker_runner.data_dir / "environments.yml").write_text(json.dumps(own))
    with docker_runner.http() as http:
        api = Api(http)
        api.launch("id -u; mkdir d; echo 1 >d/f; chown -R 4321 d; chmod 700 d", environment="rooted")
        job = api.ended("p/1")
        assert (job.state, job.environment) == (JobState.SUCCEEDED, "rooted")
        assert list(api.files("p/1")) == ["d/f"]


async def test_the_engine_explains_itself(engine: Engine, tmp_path: Path) -> None:
    assert (await engine.connect())[0].isdigit()
    with pytest.raises(EngineError) as refused:
        await engine.get("/containers/none-such/json")
    assert refused.value.answer == 404
    with pytest.raises(Unavailable, match="there is no"):
        await Engine(str(tmp_path / "none")).connect()


def test_no_permission_is_one_clear_sentence(tmp_path: Path) -> None:
    # As somebody who is not root, since root is let in everywhere.
    asking = """
import asyncio, os, sys
from runner.executors.engine import Engine
from runner.errors import Unavailable
os.chdir(sys.argv[1])

def told(socket):
    try:
        asyncio.run(Engine(socket).connect())
    except Unavailable as error:
        return f"{error.detail} {error.hint}"

told("none")  # loads what the other user may not read
if os.geteuid() == 0:
    os.setuid(65534)
print(told("docker.sock"))
"""
    with socket.socket(socket.AF_UNIX) as listener, tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "docker.sock"
        listener.bind(str(path))
        path.parent.chmod(0o711)
        path.chmod(0)
        listener.listen()
        done = subprocess.run([sys.executable, "-c", asking, folder], capture_output=True, text=True, check=True)
    assert "may not use Docker" in done.stdout
    assert "usermod -aG docker" in done.stdout


async def test_a_probe_tells_what_an_image_has_and_is_gone(engine: Engine, docker_image: str, tmp_path: Path) -> None:
    labels = {"floyd.data-dir": str(tmp_path)}
    images = Images(engine, labels)

    async def say(_: str) -> None:
        raise AssertionError("nothing is to be pulled")

    image = await images.ensure(docker_image, say)
    assert await images.has(image, ["/usr", "/nowhere"]) == {"/usr"}
    listed = await engine.get(
        "/containers/json", all="1", filters=json.dumps({"label": [f"floyd.data-dir={tmp_path}"]})
    )
    assert listed == []


def test_gpus_and_users_in_the_engines_words(tmp_path: Path) -> None:
    job = Job("ada", "p", 1, JobState.QUEUED, "x", 0.0, image="i", gpus=1, devices=("GPU-1",))
    config = container_config(Task(job, tmp_path, Identity(1000, 1001, "ada")), {"l": "1"}, [])
    assert config["User"] == "1000:1001"
    assert config["HostConfig"]["CapAdd"] == []
    (request,) = config["HostConfig"]["DeviceRequests"]
    assert request == {"Driver": "nvidia", "DeviceIDs": ["GPU-1"], "Capabilities": [["gpu"]]}
    assert config["Cmd"] == ["x"]
    assert "NVIDIA_VISIBLE_DEVICES=GPU-1" in config["Env"]
