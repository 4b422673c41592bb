"""The Docker Engine goes down under running jobs, alone or with the machine: each end is told as it was."""

from __future__ import annotations

import signal
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from runner.models import JobState, Retry
from tests.support.api import Api
from tests.support.own_engine import OwnEngine, takes_root
from tests.support.runner import RunnerProcess
from tests.support.wait import wait_for

pytestmark = [pytest.mark.docker, takes_root]

# Prints and waits for the file `go`, then prints the rest.
WAITS = "seq 1 1000; until [ -e go ]; do sleep 0.05; done; seq 1001 2000; echo kept >out; exit {}"


@pytest.fixture(scope="module")
def engine(docker_image: str) -> Iterator[OwnEngine]:
    """An engine that may be killed, with the test image."""
    with OwnEngine() as own:
        own.start()
        own.load(docker_image)
        yield own


@pytest.fixture
def server(tmp_path: Path, engine: OwnEngine, docker_image: str) -> Iterator[RunnerProcess]:
    """A runner on that engine."""
    settings: dict[str, object] = {"docker_socket": str(engine.socket), "retry_delay": 1.0}
    with RunnerProcess(tmp_path / "runner", "docker", docker_image, settings) as process:
        yield process
        process.stop_jobs()
        wait_for(lambda: not engine.containers(), "the containers to be removed")


def home(server: RunnerProcess, number: int) -> Path:
    return server.data_dir / f"jobs/root/p/{number}/home"


def container(engine: OwnEngine, number: int) -> str:
    (found,) = (name for name in engine.containers() if f"-p-{number}-" in name)
    return found


def whole(api: Api, name: str) -> bool:
    return api.log(name) == "".join(f"{number}\n" for number in range(1, 2001)).encode()


def test_an_engine_that_ends_its_containers_with_itself(server: RunnerProcess, engine: OwnEngine) -> None:
    with server.http() as http:
        api = Api(http)
        api.launch(WAITS.format(5))
        api.launch("echo part >out; echo up; sleep 600")
        api.launch("echo up; [ $FLOYD_ATTEMPT = 2 ] || sleep 600", retry=Retry(1, ("lost",)))
        for number, words in ((1, b"1000\n"), (2, b"up"), (3, b"up")):
            api.prints(f"p/{number}", words)
            api.reaches(f"p/{number}", JobState.RUNNING)
        engine.kill()
        (home(server, 1) / "go").touch()
        wait_for(lambda: whole(api, "p/1"), "the first job to end, seen by nobody")
        assert api.job("p/1").state is JobState.RUNNING
        engine.start()
        own, cut, again = (api.ended(f"p/{number}") for number in (1, 2, 3))
        assert (own.state, own.exit_code, own.reason) == (JobState.FAILED, 5, "")
        assert list(api.files("p/1")) == ["go", "out"]
        assert cut.state is JobState.LOST
        assert cut.reason == "The Docker Engine stopped or was restarted, and ended it by SIGTERM."
        assert list(api.files("p/2")) == ["out"]
        assert (again.state, [one.state for one in again.attempts]) == (JobState.SUCCEEDED, [JobState.LOST])
        assert api.log("p/3").count(b"up\n") == 2


def test_an_engine_that_is_restarted_in_order(server: RunnerProcess, engine: OwnEngine) -> None:
    with server.http() as http:
        api = Api(http)
        api.launch("echo up; sleep 600")
        api.prints("p/1", b"up")
        engine.kill(signal.SIGTERM)
        api.launch("echo later")
        wait_for(lambda: "No Docker Engine" in api.job("p/2").progress, "the second job to wait for the engine")
        engine.start()
        assert api.ended("p/1").state is JobState.LOST
        assert (api.ended("p/2").state, api.log("p/2")) == (JobState.SUCCEEDED, b"later\n")


def test_an_engine_that_leaves_its_containers_alone(server: RunnerProcess, engine: OwnEngine) -> None:
    engine.kill(signal.SIGTERM)
    engine.start("--live-restore")
    try:
        with server.http() as http:
            api = Api(http)
            for code in (5, 7, 9):
                api.launch(WAITS.format(code))
            for number in (1, 2, 3):
                api.prints(f"p/{number}", b"1000\n")
                api.reaches(f"p/{number}", JobState.RUNNING)
            engine.kill()
            (home(server, 1) / "go").touch()
            wait_for(lambda: whole(api, "p/1"), "the first job to end, seen by nobody")
        # The runner comes back before the engine does.
        server.kill()
        server.start()
        with server.http() as http:
            api = Api(http)
            assert [api.job(f"p/{number}").state for number in (1, 2, 3)] == [JobState.RUNNING] * 3
            engine.start("--live-restore")
            (home(server, 2) / "go").touch()
            for number, code in ((1, 5), (2, 7)):
                job = api.ended(f"p/{number}")
                assert (job.state, job.exit_code, job.reason) == (JobState.FAILED, code, "")
                assert whole(api, f"p/{number}")
            # Killed long after the engine was away: that is not the engine's doing.
            engine.docker("kill", container(engine, 3))
            assert (api.ended("p/3").state, api.job("p/3").exit_code) == (JobState.FAILED, 137)
    finally:
        engine.kill(signal.SIGTERM)
        engine.start()


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM])
def test_an_engine_and_a_runner_that_are_down_at_once(
    server: RunnerProcess, engine: OwnEngine, signum: signal.Signals
) -> None:
    with server.http() as http:
        api = Api(http)
        api.launch("echo part >out; echo up; sleep 600")
        api.launch("echo up; [ $FLOYD_ATTEMPT = 2 ] || sleep 600", retry=Retry(1, ("lost",)))
        api.launch(WAITS.format(5))
        for number, words in ((1, b"up"), (2, b"up"), (3, b"1000\n")):
            api.prints(f"p/{number}", words)
            api.reaches(f"p/{number}", JobState.RUNNING)
    server.kill()
    (home(server, 3) / "go").touch()
    wait_for((home(server, 3) / "out").exists, "a job to end by itself")
    wait_for(lambda: engine.state(container(engine, 3))["Status"] == "exited", "the engine to know")
    engine.kill(signum)
    engine.start()
    server.start()
    with server.http() as http:
        api = Api(http)
        cut, again, own = (api.ended(f"p/{number}") for number in (1, 2, 3))
        assert cut.state is JobState.LOST
        assert cut.reason == "The Docker Engine stopped or was restarted, and ended it by SIGTERM."
        assert list(api.files("p/1")) == ["out"]
        assert (again.state, [one.state for one in again.attempts]) == (JobState.SUCCEEDED, [JobState.LOST])
        assert (own.state, own.exit_code, own.reason) == (JobState.FAILED, 5, "")
        assert whole(api, "p/3")
        api.launch("echo up; sleep 600")
        api.reaches("p/4", JobState.RUNNING)
    # Killed by somebody while the runner was down: that is not the engine's doing.
    server.kill()
    engine.docker("kill", container(engine, 4))
    server.start()
    with server.http() as http:
        killed = Api(http).ended("p/4")
        assert (killed.state, killed.exit_code, killed.reason) == (JobState.FAILED, 137, "It was ended by SIGKILL.")


@pytest.mark.parametrize("noted", [True, False])
def test_an_engine_that_was_killed_before_it_wrote_down_what_it_had_started(
    server: RunnerProcess, engine: OwnEngine, noted: bool
) -> None:
    """It leaves the processes alone, and can neither see nor end them; `noted`: the runner knew that the jobs ran."""
    with server.http() as http:
        api = Api(http)
        api.launch("echo 1 >>ran; echo up; sleep 600")
        # Says nothing: its log does not tell that it has begun.
        api.launch("echo 1 >>ran; [ $FLOYD_ATTEMPT = 2 ] || sleep 600", retry=Retry(1, ("lost",)))
        for number in (1, 2):
            wait_for((home(server, number) / "ran").exists, "the command to begin")
            api.reaches(f"p/{number}", JobState.RUNNING)
        api.prints("p/1", b"up")
    names = [container(engine, number) for number in (1, 2)]
    pids = [engine.state(name)["Pid"] for name in names]
    engine.kill()
    for name in names:
        engine.forget(name)
    if not noted:
        server.kill()
        with closing(sqlite3.connect(server.database)) as database, database:
            was = "json_set(document, '$.state', 'preparing', '$.started_at', null)"
            database.execute(f"UPDATE jobs SET state = 'preparing', document = {was}")
    engine.start()
    if not noted:
        assert [engine.state(name)["Status"] for name in names] == ["created"] * 2
        assert all(Path(f"/proc/{pid}").exists() for pid in pids)
        server.start()
    with server.http() as http:
        api = Api(http)
        lost, again = api.ended("p/1"), api.ended("p/2")
        assert (lost.state, lost.exit_code) == (JobState.LOST, None)
        assert (again.state, [one.state for one in again.attempts]) == (JobState.SUCCEEDED, [JobState.LOST])
        assert [api.content(place, "ran") for place in ("p/1", "p/2/attempt-1", "p/2")] == [b"1\n"] * 3
        assert api.log("p/1") == b"up\n"
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), "what ran to be ended")


def test_containers_that_somebody_kills_and_removes(server: RunnerProcess, engine: OwnEngine) -> None:
    with server.http() as http:
        api = Api(http)
        for _ in range(2):
            api.launch("echo part >out; echo up; sleep 600")
        for number in (1, 2):
            api.prints(f"p/{number}", b"up")
        for words, number in ((("kill",), 1), (("rm", "-f"), 2)):
            engine.docker(*words, container(engine, number))
        killed, removed = api.ended("p/1"), api.ended("p/2")
        assert (killed.state, killed.exit_code, killed.reason) == (JobState.FAILED, 137, "It was ended by SIGKILL.")
        assert (removed.state, removed.exit_code) == (JobState.LOST, None)
        assert removed.reason == "Its container was removed by somebody else while it ran."
        assert list(api.files("p/1")) == list(api.files("p/2")) == ["out"]


def test_the_machine_is_restarted(tmp_path: Path, engine: OwnEngine, docker_image: str) -> None:
    # The kernel's word for which run of the machine this is, as the runner sees it.
    boot = tmp_path / "boot_id"
    boot.write_text(f"{uuid.uuid4()}\n")
    place = "/proc/sys/kernel/random/boot_id"
    under = ("unshare", "--mount", "sh", "-c", f'mount --bind {boot} {place} && exec "$0" "$@"')
    settings: dict[str, object] = {"docker_socket": str(engine.socket), "max_running": 2}
    with RunnerProcess(tmp_path / "runner", "docker", docker_image, settings, under=under) as server:
        with server.http() as http:
            api = Api(http)
            api.launch("echo part >out; echo up; sleep 600")
            api.launch("echo up; [ $FLOYD_ATTEMPT = 2 ] || sleep 600", retry=Retry(1))
            api.launch("echo waited")
            for number in (1, 2):
                api.prints(f"p/{number}", b"up")
                api.reaches(f"p/{number}", JobState.RUNNING)
        stale_socket, stale_lock = server.socket, server.data_dir / "runner.lock"
        server.kill()
        engine.reboot()
        boot.write_text(f"{uuid.uuid4()}\n")
        assert stale_socket.exists()
        assert stale_lock.read_text().isdecimal()
        engine.start()
        server.start()
        with server.http() as http:
            api = Api(http)
            lost, again, waited = (api.ended(f"p/{number}") for number in (1, 2, 3))
            assert (lost.state, lost.exit_code) == (JobState.LOST, None)
            assert lost.reason == "The host was restarted while it ran."
            assert api.log("p/1") == b"up\n"
            assert list(api.files("p/1")) == ["out"]
            assert (again.state, again.attempts[0].state) == (JobState.SUCCEEDED, JobState.LOST)
            assert (waited.state, api.log("p/3")) == (JobState.SUCCEEDED, b"waited\n")
            wait_for(lambda: not list(server.data_dir.glob("jobs/*/*/*/home")), "the homes to be cleared away")
            wait_for(lambda: not engine.containers(), "the containers to be removed")
