"""Several people on one host: real accounts, a real sshd that logs them in, and a runner that serves them all."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

from tests.support.api import Api
from tests.support.require import DOCKER
from tests.support.runner import RunnerProcess
from tests.support.sshd import Sshd
from tests.support.wait import wait_for


@contextmanager
def account(prefix: str) -> Iterator[str]:
    """The name of a Unix account made for this, with a home; it is gone afterwards."""
    name = f"{prefix}{os.getpid()}{os.urandom(2).hex()}"
    # A password that fits nothing: sshd takes an account without one for locked.
    subprocess.run(["useradd", "--create-home", "--password", "*", "--shell", "/bin/sh", name], check=True)
    try:
        yield name
    finally:
        # Its sshd session may take a moment to end.
        wait_for(lambda: subprocess.run(["userdel", "--force", name], capture_output=True).returncode in (0, 6), name)
        shutil.rmtree(f"/home/{name}", ignore_errors=True)


class SharedRunner(RunnerProcess):
    """A runner of root's that answers on a socket for everybody."""

    def __init__(
        self,
        folder: Path,
        place: Path,
        image: str,
        settings: dict[str, object] | None = None,
        env: dict[str, str] | None = None,
    ) -> None:
        shared: dict[str, object] = {"shared_socket": str(place / "shared.sock"), **(settings or {})}
        super().__init__(folder, "docker", image, shared, env)
        self._shared = place / "shared.sock"

    @property
    def socket(self) -> Path:
        """The shared socket."""
        return self._shared

    def networks(self) -> list[str]:
        """Names of the networks that this runner has in Docker."""
        listed = [DOCKER, "network", "ls", "--format", "{{.Name}}", "--filter", f"label=floyd.data-dir={self.data_dir}"]
        return subprocess.run(listed, capture_output=True, text=True, check=True).stdout.split()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        try:
            super().__exit__(kind, error, tb)
        finally:
            # A container that is just being removed may be on one still.
            wait_for(self._without_networks, "the networks to go")

    def _without_networks(self) -> bool:
        for name in self.networks():
            subprocess.run([DOCKER, "network", "rm", name], check=False, capture_output=True)
        return not self.networks()


@dataclass(frozen=True)
class Person:
    """Somebody who is logged in by SSH: their account's name, and the runner's API as they reach it."""

    name: str
    api: Api

    def status(self, method: str, path: str, **options: Any) -> int:
        """The status of an answer, whose body is passed over."""
        return self.api.http.request(method, path, **options).status_code

    def stop_jobs(self) -> None:
        """End all their jobs and wait for that."""
        for job in self.api.ask("GET", "/v1/jobs"):
            self.api.stop(f"{job['project']}/{job['number']}")
        for job in self.api.ask("GET", "/v1/jobs"):
            self.api.ended(f"{job['project']}/{job['number']}")


@contextmanager
def passable_folder() -> Iterator[Path]:
    """A folder of root's that everybody may pass through."""
    with tempfile.TemporaryDirectory(prefix="fp-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@contextmanager
def logged_in(server: Sshd, name: str, socket_there: Path) -> Iterator[Person]:
    """`name` with a line to the runner: OpenSSH's own forwarding, so that sshd connects as that account."""
    here = server.folder / f"{name}.sock"
    command = ["ssh", "-N", "-i", str(server.client_key), "-p", str(server.port), "-o", "StrictHostKeyChecking=no"]
    command += ["-o", "UserKnownHostsFile=/dev/null", "-o", "IdentitiesOnly=yes", "-o", "LogLevel=ERROR"]
    process = subprocess.Popen([*command, "-L", f"{here}:{socket_there}", f"{name}@127.0.0.1"])
    try:
        wait_for(lambda: answers(here), f"the line of {name}")
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(here)), base_url="http://runner", timeout=60) as http:
            yield Person(name, Api(http))
    finally:
        process.terminate()
        process.wait()


def answers(path: Path) -> bool:
    """Whether something listens on the Unix socket at `path`."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


@dataclass(frozen=True)
class People:
    """A host with a shared runner and two people on it."""

    runner: SharedRunner
    server: Sshd
    alice: Person
    mallory: Person


@contextmanager
def two_people(
    folder: Path, image: str, settings: dict[str, object] | None = None, env: dict[str, str] | None = None
) -> Iterator[People]:
    """Both logged in. Their jobs are ended afterwards, their accounts gone. `settings` and `env` are the runner's."""
    with ExitStack() as stack:
        place = stack.enter_context(passable_folder())
        runner = SharedRunner(folder / "runner", place, image, settings, env)
        stack.enter_context(runner)
        names = [stack.enter_context(account(prefix)) for prefix in ("alice", "mallory")]
        (place / "sshd").mkdir()
        server = Sshd(place / "sshd", {"FLOYD_RUNNER_SHARED": str(runner.socket)})
        stack.enter_context(server)
        alice, mallory = (stack.enter_context(logged_in(server, name, runner.socket)) for name in names)
        stack.callback(mallory.stop_jobs)
        stack.callback(alice.stop_jobs)
        yield People(runner, server, alice, mallory)
