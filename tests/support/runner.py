"""A real runner in a process of its own, to be asked over its socket and killed like one."""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Literal

import httpx

from tests.support.require import DOCKER
from tests.support.wait import wait_for

# struct ucred: pid, uid, gid.
_CREDENTIALS = struct.Struct("3i")


def path_without(program: str, folder: Path) -> str:
    """A PATH on which all is of the system but `program`: a folder that is made at `folder`."""
    folder.mkdir()
    for system in ("/usr/bin", "/bin"):
        for found in os.scandir(system):
            if found.name != program and not (folder / found.name).is_symlink():
                (folder / found.name).symlink_to(found.path)
    return str(folder)


class RunnerProcess:
    """One ``runner serve``; use it as a context manager.

    `executor` and `image` (the default environment) go into runner.yml, `settings` beside them. `env` is added to the
    runner's environment, `under` is a command to start it by, `on` a folder to put its data in, `program` the runner.
    `kill` ends it as a crash would, `start` starts it again on the same data folder.
    """

    def __init__(
        self,
        folder: Path,
        executor: Literal["docker", "process"] = "process",
        image: str | None = None,
        settings: dict[str, object] | None = None,
        env: dict[str, str] | None = None,
        under: tuple[str, ...] = (),
        on: Path | None = None,
        program: tuple[str, ...] = (sys.executable, "-m", "runner"),
    ) -> None:
        # A Unix socket's path holds 107 bytes, and pytest's folders are long.
        self._short = tempfile.TemporaryDirectory(prefix="fr-", dir=on)
        self.data_dir = Path(self._short.name) / "d"
        self.env = dict(env or {})
        self.command = [*under, *program, "serve", "--data-dir", str(self.data_dir)]
        self.log = folder.with_suffix(".log")
        self.data_dir.mkdir(mode=0o700)
        chosen: dict[str, object] = {"executor": executor, "stop_grace": 2.0, "retry_delay": 0.2, **(settings or {})}
        if image is not None:
            chosen["default_environment"] = image
        (self.data_dir / "runner.yml").write_text(json.dumps(chosen))  # JSON is YAML
        self._process: subprocess.Popen[bytes] | None = None
        self._last = 0

    @property
    def socket(self) -> Path:
        """The runner's socket."""
        return self.data_dir / "runner.sock"

    @property
    def database(self) -> Path:
        """The runner's database."""
        return self.data_dir / "runner.db"

    @property
    def pid(self) -> int:
        """The daemon's pid."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start and wait until the socket answers."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                env={**os.environ, **self.env},
                start_new_session=True,
            )
        wait_for(self._answers, "the runner's socket")

    def _answers(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError(f"the runner ended with {self._process.returncode}:\n{self.log.read_text()[-4000:]}")
        with socket.socket(socket.AF_UNIX) as probe:
            if probe.connect_ex(str(self.socket)):
                return False
            # One killed while it started a job's process is survived by that for a moment, and so is its socket.
            pid, _, _ = _CREDENTIALS.unpack(probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
            return bool(pid != self._last)

    def http(self) -> httpx.Client:
        """A plain HTTP client on the socket."""
        transport = httpx.HTTPTransport(uds=str(self.socket), verify=False)  # there is no TLS to get ready for
        return httpx.Client(transport=transport, base_url="http://runner", timeout=60)

    def containers(self) -> list[str]:
        """Ids of all containers that this runner has in Docker, also those that have ended."""
        listed = [DOCKER, "ps", "-aq", "--filter", f"label=floyd.data-dir={self.data_dir}"]
        return subprocess.run(listed, capture_output=True, text=True, check=True).stdout.split()

    def processes(self) -> list[int]:
        """Pids of the jobs that this runner has as processes, and of what stands over them."""
        found = []
        for words in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):
                if f"{self.data_dir}/jobs".encode() in words.read_bytes():
                    found.append(int(words.parent.name))
        return found

    def jobs_have(self, name: str) -> list[Path]:
        """What is called `name` in the folders of its jobs."""
        return list(self.data_dir.glob(f"jobs/*/*/*/{name}"))

    def kill(self) -> None:
        """SIGKILL, as a crash."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """SIGTERM, as an orderly end."""
        self._end(signal.SIGTERM)

    def _end(self, signum: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(signum)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise AssertionError("the runner did not end within 20 s of SIGTERM") from None
        finally:
            self._last, self._process = self._process.pid, None

    def stop_jobs(self) -> None:
        """Stop all jobs and wait until they have ended."""
        with self.http() as client:
            active = "/v1/jobs?state=queued&state=preparing&state=running"
            for job in client.get(active).json():
                name = f"{job['owner']}/projects/{job['project']}/{job['number']}"
                client.post("/v1/job/stop", params={"name": name})
            wait_for(lambda: not client.get(active).json(), "the last jobs to end")

    def __enter__(self) -> RunnerProcess:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        try:
            if self._process is None:
                self.start()
            self.stop_jobs()
        finally:
            self.stop()
            self._short.cleanup()
