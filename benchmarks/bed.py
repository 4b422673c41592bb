"""What a benchmark stands on: a real sshd, a real runner behind it, and the peers' way to the same place."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, TypeVar

from floyd_tui.client.links import Links
from tests.support.road import HOST, settings
from tests.support.runner import RunnerProcess
from tests.support.sshd import Sshd

T = TypeVar("T")
GCM = "aes128-gcm@openssh.com"


class Bed:
    """The road of a benchmark. `place` gives folders, `run` drives coroutines, `ssh` the options of the peers."""

    def __init__(self, folder: Path, server: Sshd, runner: RunnerProcess) -> None:
        self.folder, self.server, self.runner = folder, server, runner
        self._links = Links(settings(folder / "config", server, runner))
        self._loop = asyncio.new_event_loop()
        self.link = self._links[HOST]
        self.run(self.link.connected())

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end on the benchmark's own loop."""
        return self._loop.run_until_complete(work)

    def fresh(self, name: str) -> Path:
        """An empty folder of that name, in the place of the last one."""
        folder = self.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder

    def ssh(self, cipher: str | None = None) -> list[str]:
        """OpenSSH's options for the same server."""
        options = [
            f"-oPort={self.server.port}",
            f"-oIdentityFile={self.server.client_key}",
            f"-oUserKnownHostsFile={Path.home()}/.ssh/known_hosts",
            "-oBatchMode=yes",
        ]
        return [*options, f"-oCiphers={cipher}"] if cipher else options

    def scp(self, source: str, target: str, cipher: str | None = None, *options: str) -> None:
        """The peer ``scp -r``."""
        subprocess.run(["scp", "-qr", *options, *self.ssh(cipher), source, target], check=True)

    def rsync(self, source: str, target: str, cipher: str | None = None, *options: str) -> None:
        """The peer ``rsync -a``."""
        shell = " ".join(["ssh", *self.ssh(cipher)])
        subprocess.run(["rsync", "-a", *options, "-e", shell, source, target], check=True)

    def close(self) -> None:
        """Let go of the host."""
        self.run(self._links.close())
        # Streams that were left early are closed in tasks of their own.
        self.run(asyncio.sleep(0.1))
        self._loop.close()


@contextmanager
def bed(executor: Literal["docker", "process"] = "process", image: str | None = None) -> Iterator[Bed]:
    """A bed that leaves nothing behind; HOME and the caches are its own for as long as it stands."""
    with tempfile.TemporaryDirectory(prefix="floyd-bench-") as name:
        folder = Path(name)
        before = dict(os.environ)
        os.environ.update(HOME=str(folder / "home"), XDG_CACHE_HOME=str(folder / "cache"))
        (folder / "home").mkdir()
        try:
            with Sshd(folder / "sshd") as server, RunnerProcess(folder / "runner", executor, image) as runner:
                made = Bed(folder, server, runner)
                try:
                    yield made
                finally:
                    made.close()
        finally:
            os.environ.clear()
            os.environ.update(before)
