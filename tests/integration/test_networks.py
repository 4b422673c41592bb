"""Containers of different people and the network: out goes each, to one another none, and addresses do not run out."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from runner.executors.container import labels_of
from runner.executors.engine import Engine
from runner.executors.networks import Networks
from runner.models import JobState
from tests.support.own_engine import OwnEngine, takes_root
from tests.support.people import People, two_people
from tests.support.require import DOCKER
from tests.support.wait import wait_for

pytestmark = [pytest.mark.docker, pytest.mark.sshd, pytest.mark.accounts, takes_root]

SERVE = """python3 -c "
import socket
server = socket.create_server(('', 7777))
print('at', socket.gethostbyname(socket.gethostname()), flush=True)
while True:
    with server.accept()[0] as one: one.sendall(b'hello')
"
"""
# Says what is heard at each address, or the error. A packet that is dropped is waited for to no end.
REACH = """python3 -c "
import socket, sys
for address in sys.argv[1:]:
    try:
        with socket.create_connection((address, 7777), 3) as one: print(address, one.recv(9).decode())
    except OSError as error: print(address, type(error).__name__)
" {}
"""
# Addresses of documentation (RFC 5737): nobody's. The first one is the host's end of a wire into the world.
HOST_END, WORLD = "198.51.100.9", "198.51.100.10"


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory, docker_image: str) -> Iterator[People]:
    """Two people, a shared runner."""
    with two_people(tmp_path_factory.mktemp("networks"), docker_image) as found:
        yield found


@contextmanager
def world() -> Iterator[str]:
    """A machine beyond the host, that knows no way to a container, and greets who connects; its address."""
    with subprocess.Popen(["unshare", "--net", "sleep", "infinity"]) as machine:
        inside = ["nsenter", f"--net=/proc/{machine.pid}/ns/net"]
        own = Path(f"/proc/{machine.pid}/ns/net")
        wait_for(lambda: own.readlink() != Path("/proc/self/ns/net").readlink(), "a network of its own")
        wire = f"fl{machine.pid}"
        try:
            for command in (
                f"ip link add {wire} type veth peer name world netns {machine.pid}",
                f"ip address add {HOST_END}/30 dev {wire}",
                f"ip link set {wire} up",
            ):
                subprocess.run(command.split(), check=True)
            for command in (f"ip address add {WORLD}/30 dev world", "ip link set world up"):
                subprocess.run([*inside, *command.split()], check=True)
            with subprocess.Popen([*inside, "sh", "-c", SERVE.replace("socket.gethostname()", "''")]) as server:
                wait_for(lambda: reached(), "the world to listen")
                yield WORLD
                server.kill()
        finally:
            machine.kill()


def reached() -> bool:
    return "hello" in subprocess.run(["sh", "-c", REACH.format(WORLD)], capture_output=True, text=True).stdout


def test_nobodys_container_reaches_anothers_and_each_reaches_the_world(people: People, docker_image: str) -> None:
    alice, mallory = people.alice.api, people.mallory.api
    alice.launch(SERVE, "serves")
    alice.prints("serves/1", b"at ")
    address = alice.log("serves/1").split()[1].decode()
    with world() as beyond:
        for api in (alice, mallory):
            api.launch(REACH.format(f"{address} {beyond}"), "reach")
            assert api.ended("reach/1").state is JobState.SUCCEEDED
    assert alice.log("reach/1").decode().splitlines() == [f"{address} hello", f"{beyond} hello"]
    assert mallory.log("reach/1").decode().splitlines() == [f"{address} TimeoutError", f"{beyond} hello"]
    # Nor does Docker's name server tell who has which job.
    (name,) = (one for one in names(people) if "serves" in one)
    for api, heard in ((alice, "hello"), (mallory, "gaierror")):
        api.launch(REACH.format(name), "names")
        api.ended("names/1")
        assert api.log("names/1").decode().split()[1] == heard
    # A container that is none of ours, on Docker's own bridge, reaches nobody either.
    command = [DOCKER, "run", "--rm", docker_image, "sh", "-c", REACH.format(address)]
    assert "TimeoutError" in subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert len(people.runner.networks()) == 2
    alice.stop("serves/1")
    alice.ended("serves/1")


def names(people: People) -> list[str]:
    listed = [DOCKER, "ps", "--format", "{{.Names}}", "--filter", f"label=floyd.data-dir={people.runner.data_dir}"]
    return subprocess.run(listed, capture_output=True, text=True, check=True).stdout.split()


def test_networks_without_jobs_go_with_a_collection_and_come_back(people: People) -> None:
    alice = people.alice.api
    alice.launch("echo up; sleep 600", "stays")
    alice.prints("stays/1", b"up")
    people.mallory.api.launch("true", "short")
    people.mallory.api.ended("short/1")
    wait_for(lambda: len(people.runner.networks()) == 2, "both networks")
    # A runner knows nothing of those of a killed one, and clears up the ones that have no jobs.
    people.runner.kill()
    people.runner.start()
    wait_for(lambda: [one.rpartition("-")[2] for one in people.runner.networks()] == [people.alice.name], "one to go")
    people.mallory.api.launch("true", "short")
    assert people.mallory.api.ended("short/2").state is JobState.SUCCEEDED
    wait_for(lambda: collected(people) == [people.alice.name], "a collection to take it")
    assert alice.job("stays/1").state is JobState.RUNNING
    # Somebody tidies up Docker itself: the next job has a network all the same.
    alice.stop("stays/1")
    alice.ended("stays/1")
    subprocess.run([DOCKER, "network", "prune", "-f", "--filter", f"label=floyd.data-dir={people.runner.data_dir}"],
                   check=True, capture_output=True)  # fmt: skip
    assert people.runner.networks() == []
    alice.launch("true", "again")
    done = alice.ended("again/1")
    assert (done.state, done.reason) == (JobState.SUCCEEDED, "")


def collected(people: People) -> list[str]:
    """Whose networks a collection leaves. It is the administrator's, so root's, to ask for."""
    with people.runner.http() as root:
        assert root.post("/v1/gc").status_code == 200
    return [one.rpartition("-")[2] for one in people.runner.networks()]


@asynccontextmanager
async def networks_of(own: OwnEngine, folder: Path) -> AsyncIterator[Networks]:
    engine = Engine(str(own.socket))
    try:
        yield Networks(engine, folder, labels_of(folder), apart=True)
    finally:
        await engine.close()


async def test_addresses_do_not_run_out_with_many_people(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Room for four networks, of which Docker's own bridge takes one.
    with OwnEngine() as own:
        own.start("--default-address-pool", "base=10.99.0.0/24,size=26")
        async with networks_of(own, tmp_path) as networks:
            said: list[str] = []
            told = asyncio.Event()

            async def say(words: str) -> None:
                said.append(words)
                told.set()

            for number in range(5):
                await networks.join(f"person{number}", "job", say)
                await networks.leave(f"person{number}", "job")
            assert said == [], "those that nobody uses make room"
            for person in ("ada", "bob", "eve"):
                await networks.join(person, "job", say)
            waits = asyncio.create_task(networks.join("zoe", "job", say))
            await told.wait()
            assert said[0].startswith("Docker has no addresses left")
            assert not waits.done()
            await networks.leave("bob", "job")
            await waits
            left = own.docker("network", "ls", "--format", "{{.Name}}").split()
            assert {networks.name(person) for person in ("ada", "eve", "zoe")} < set(left)
            assert networks.name("bob") not in left
            # They outlive the engine, and a runner that begins anew sweeps what is nobody's.
            own.kill()
            own.start("--default-address-pool", "base=10.99.0.0/24,size=26")
            await networks.leave("zoe", "job")
            await networks.sweep()
            left = own.docker("network", "ls", "--format", "{{.Name}}").split()
            assert [name for name in left if name.startswith("floyd-")] == sorted(
                networks.name(person) for person in ("ada", "eve")
            )
            # Nor are they all taken from others who use the engine: few are kept for people without a job.
            monkeypatch.setattr("runner.executors.networks._IDLE", 0)
            await networks.leave("ada", "job")
            assert networks.name("ada") not in own.docker("network", "ls", "--format", "{{.Name}}").split()
