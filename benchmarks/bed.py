"""What a benchmark stands on: a real sshd, a real runner behind it, and the peers' way to the same place."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeVar

from benchmarks.harness import Work, with_memory
from floyd_tui.client.links import Links
from floyd_tui.client.transfer import download
from tests.support.road import HOST, settings
from tests.support.runner import RunnerProcess
from tests.support.sshd import Sshd

T = TypeVar("T")
GCM = "aes128-gcm@openssh.com"


class Bed:
    """The road of a benchmark. `place` gives folders, `run` drives coroutines, `ssh` the options of the peers;
    `config` is the folder of the settings."""

    def __init__(self, folder: Path, server: Sshd, runner: RunnerProcess) -> None:
        self.folder, self.server, self.runner = folder, server, runner
        self.config = folder / "config"
        self._links = Links(settings(self.config, server, runner))
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

    def kept_ssh(self) -> list[str]:
        """The same over a connection that is open already, opened by the first that asks and kept for a while."""
        kept = ["-oControlMaster=auto", f"-oControlPath={self.folder}/mux", "-oControlPersist=600"]
        return [*kept, *self.ssh(GCM)]

    def scp(self, source: str, target: str, cipher: str | None = None, *options: str) -> None:
        """The peer ``scp -r``."""
        subprocess.run(["scp", "-qr", *options, *self.ssh(cipher), source, target], check=True)

    def rsync(self, source: str, target: str, cipher: str | None = None, *options: str) -> None:
        """The peer ``rsync -a``."""
        self.rsync_by(self.ssh(cipher), source, target, *options)

    def rsync_by(self, ssh: list[str], source: str, target: str, *options: str) -> None:
        """The same with these options for ssh."""
        subprocess.run(["rsync", "-a", *options, "-e", " ".join(["ssh", *ssh]), source, target], check=True)

    def close(self) -> None:
        """Let go of the host."""
        subprocess.run(["ssh", *self.kept_ssh(), "-O", "exit", "127.0.0.1"], check=False, capture_output=True)
        self.run(self._links.close())
        # Streams that were left early are closed in tasks of their own.
        self.run(asyncio.sleep(0.1))
        self._loop.close()


def fetch(road: Bed, name: str, memory: int = 0) -> Work:
    """A dataset down, to a place that is empty each time."""
    down = partial(road.fresh, "down")
    ready = with_memory(memory, road.folder / "down", down) if memory else down
    return Work(lambda: road.run(download(road.link, name, "", road.folder / "down")), ready)


def peers(road: Bed, source: Path, memory: int = 0, *, up: bool = True) -> dict[str, Work]:
    """scp and rsync to or from a place that is empty each time, with their default cipher and with aes128-gcm."""

    def work(tool: str, cipher: str | None) -> Work:
        move = road.scp if tool == "scp" else road.rsync
        here, there = road.folder / "peer", f"127.0.0.1:{road.folder}/peer/"
        ends = (f"{source}/", there) if up else (f"127.0.0.1:{source}/", f"{here}/")
        place = partial(road.fresh, "peer")
        return Work(
            lambda: move(*ends, cipher),
            with_memory(memory, road.runner.data_dir if up else here, place) if memory else place,
        )

    ciphers = (("", None), (" gcm", GCM))
    return {f"{tool}{suffix}": work(tool, cipher) for tool in ("scp", "rsync") for suffix, cipher in ciphers}


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
