"""A Docker Engine of a test's own, to be killed: containerd and dockerd on sockets and in a network of their own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType

import pytest

from tests.support.require import DOCKER
from tests.support.wait import wait_for

takes_root = pytest.mark.skipif(os.geteuid() != 0, reason="an engine of one's own takes root")
_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


class OwnEngine:
    """Use it as a context manager. `socket` is where it answers.

    `kill` ends dockerd alone, as a crash does; `reboot` takes all that runs with it, as the machine's restart does.
    """

    def __init__(self) -> None:
        # Short, for the paths of sockets.
        self._root = Path(tempfile.mkdtemp(prefix="fe-"))
        self.socket = self._root / "d.sock"
        self._containerd_socket = self._root / "c.sock"
        self._network: subprocess.Popen[bytes] | None = None
        self._containerd: subprocess.Popen[bytes] | None = None
        self._dockerd: subprocess.Popen[bytes] | None = None

    def start(self, *options: str) -> None:
        """Start what does not run, dockerd with `options` besides; returns when it answers."""
        if self._containerd is None:
            self._containerd = self._run("containerd", "-c", str(self._config()))
            wait_for(self._containerd_socket.exists, "containerd")
        paths = {"data-root": "r", "exec-root": "x", "pidfile": "d.pid"}
        places = [f"--{option}={self._root / name}" for option, name in paths.items()]
        sockets = [f"--host=unix://{self.socket}", f"--containerd={self._containerd_socket}"]
        self._dockerd = self._run("dockerd", *places, *sockets, *options)
        wait_for(self._answers, "dockerd to answer")

    def kill(self, signum: signal.Signals = signal.SIGKILL) -> None:
        """End dockerd; what it started runs on, until it is told otherwise."""
        _end(self._dockerd, signum)
        self._dockerd = None

    def reboot(self) -> None:
        """End dockerd, containerd and every container at once, and forget what the machine keeps in memory only."""
        self.kill()
        _end(self._containerd, signal.SIGKILL)
        self._containerd = None
        self._kill_shims()
        for mounted in self._mounts():
            subprocess.run(["umount", "--lazy", mounted], check=True)
        for gone in ("x", "cs"):
            shutil.rmtree(self._root / gone)
        for stale in ("c.sock", "d.pid"):
            (self._root / stale).unlink(missing_ok=True)

    def forget(self, container: str) -> None:
        """While dockerd is down: let it be that it was killed before it wrote down that it had started `container`."""
        for written in (self._root / "r" / "containers").glob("*/config.v2.json"):
            config = json.loads(written.read_text())
            if config["Name"] == f"/{container}":
                config["State"] |= {"Running": False, "Pid": 0, "StartedAt": "0001-01-01T00:00:00Z"}
                written.write_text(json.dumps(config))

    def docker(self, *words: str) -> str:
        """What ``docker WORDS`` prints."""
        command = [DOCKER, "-H", f"unix://{self.socket}", *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    def containers(self) -> list[str]:
        """Names of all containers, also of those that have ended."""
        return self.docker("ps", "-a", "--format", "{{.Names}}").split()

    def state(self, container: str) -> dict[str, object]:
        """How the engine says that a container stands."""
        found: dict[str, object] = json.loads(self.docker("inspect", container))[0]["State"]
        return found

    def load(self, image: str) -> None:
        """Bring `image` here from the machine's own engine."""
        with subprocess.Popen([DOCKER, "save", image], stdout=subprocess.PIPE) as saved:
            command = [DOCKER, "-H", f"unix://{self.socket}", "load", "-q"]
            subprocess.run(command, stdin=saved.stdout, capture_output=True, check=True)

    def __enter__(self) -> OwnEngine:
        # Its networks and packet filters are not the machine's; they outlive a dockerd, as a machine's do.
        self._network = subprocess.Popen(["unshare", "--net", "sleep", "infinity"], stdin=subprocess.DEVNULL)
        own = Path(f"/proc/{self._network.pid}/ns/net")
        wait_for(lambda: own.readlink() != Path("/proc/self/ns/net").readlink(), "a network of its own")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if self._dockerd is not None and (left := self.containers()):
            self.docker("rm", "-f", *left)
        self.kill(signal.SIGTERM)
        _end(self._containerd, signal.SIGTERM)
        self._kill_shims()
        _end(self._network, signal.SIGKILL)
        for mounted in self._mounts():
            subprocess.run(["umount", "--lazy", mounted], check=True)
        shutil.rmtree(self._root)

    def _config(self) -> Path:
        config = self._root / "c.toml"
        lines = ["version = 2", f'root = "{self._root}/cr"', f'state = "{self._root}/cs"']
        lines += [
            'disabled_plugins = ["io.containerd.grpc.v1.cri"]',
            "[grpc]",
            f'address = "{self._containerd_socket}"',
        ]
        config.write_text("\n".join(lines) + "\n")
        return config

    def _run(self, program: str, *words: str) -> subprocess.Popen[bytes]:
        assert self._network is not None, "use it as a context manager"
        path = shutil.which(program, path=_PATH)
        assert path is not None, f"{program} is not installed"
        command = ["nsenter", f"--net=/proc/{self._network.pid}/ns/net", path, *words]
        with (self._root / f"{program}.log").open("ab") as log:
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def _answers(self) -> bool:
        assert self._dockerd is not None
        assert self._dockerd.poll() is None, (self._root / "dockerd.log").read_text()[-2000:]
        probe = [DOCKER, "-H", f"unix://{self.socket}", "version"]
        return subprocess.run(probe, capture_output=True, check=False).returncode == 0

    def _kill_shims(self) -> None:
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
                children = (entry / "task" / entry.name / "children").read_text().split()
            except OSError:
                continue
            if str(self._containerd_socket).encode() in words:
                # A container's first process takes all of its others with it.
                for pid in (entry.name, *children):
                    os.kill(int(pid), signal.SIGKILL)

    def _mounts(self) -> list[str]:
        lines = Path("/proc/self/mounts").read_text().splitlines()
        return [place for line in reversed(lines) if (place := line.split()[1]).startswith(f"{self._root}/")]


def _end(process: subprocess.Popen[bytes] | None, signum: signal.Signals) -> None:
    if process is not None:
        process.send_signal(signum)
        process.wait(30)
