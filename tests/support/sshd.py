"""A real OpenSSH server for tests: own host keys, own authorised keys, a free port on 127.0.0.1."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from types import TracebackType

from tests.support.wait import wait_for

SBIN = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


def free_port() -> int:
    """A TCP port on 127.0.0.1 that was free just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def make_key(path: Path, passphrase: str = "") -> Path:
    """Write a new ed25519 key pair to `path` and `path`.pub."""
    path.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-f", path], check=True)
    return path


class Sshd:
    """One sshd; use it as a context manager.

    `port`, `user`, `folder`, `host_key` (public line without comment), `client_key` (path of a key it lets in) and
    `env` (what sessions see: set before starting) are for the tests; `settings` are more lines of sshd_config. HOME of
    sessions is that of the user who runs the tests, so pass FLOYD_RUNNER_HOME in `env` to point sessions at a runner's
    data folder.
    """

    def __init__(self, folder: Path, env: dict[str, str] | None = None, settings: tuple[str, ...] = ()) -> None:
        self.folder = folder
        self.env = dict(env or {})
        self.settings = settings
        self.user = getpass.getuser()
        self.port = free_port()
        self.client_key = make_key(folder / "client_key")
        self._host_key = make_key(folder / "host_key")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def host_key(self) -> str:
        """The host's public key, ``ssh-ed25519 AAAA…``."""
        return " ".join((self.folder / "host_key.pub").read_text().split()[:2])

    @property
    def pid(self) -> int:
        """Pid of the listening sshd; its children serve the sessions."""
        assert self._process is not None
        return self._process.pid

    def trust(self, known_hosts: Path) -> None:
        """Write the host's key to a known_hosts file."""
        known_hosts.parent.mkdir(parents=True, exist_ok=True)
        with known_hosts.open("a") as file:
            file.write(f"[127.0.0.1]:{self.port} {self.host_key}\n")

    def change_host_key(self) -> None:
        """Restart with another host key, as a reinstalled host would."""
        self.stop()
        for name in ("host_key", "host_key.pub"):
            (self.folder / name).unlink()
        self._host_key = make_key(self.folder / "host_key")
        self.start()

    def start(self) -> None:
        """Start (again, on the same port) and wait until it takes connections."""
        lines = [
            *self.settings,  # the first of two that differ counts
            f"Port {self.port}",
            "ListenAddress 127.0.0.1",
            f"HostKey {self._host_key}",
            f"AuthorizedKeysFile {self.folder}/authorized_keys",
            "PasswordAuthentication no",
            "KbdInteractiveAuthentication no",
            "UsePAM no",
            "StrictModes no",
            "PermitRootLogin yes",
            "AllowStreamLocalForwarding yes",
            "AllowTcpForwarding yes",
            "Subsystem sftp internal-sftp",
            f"PidFile {self.folder}/pid",
            "MaxStartups 100",
            "LogLevel VERBOSE",
        ]
        if self.env:
            lines.append("SetEnv " + " ".join(f'"{name}={value}"' for name, value in self.env.items()))
        keys = self.folder / "authorized_keys"
        keys.write_text(self.client_key.with_suffix(".pub").read_text())
        config = self.folder / "sshd_config"
        config.write_text("\n".join(lines) + "\n")
        # sshd of Debian wants its privilege separation folder, which systemd would have made.
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        program = shutil.which("sshd", path=SBIN)
        assert program is not None
        log = (self.folder / "sshd.log").open("ab")
        with log:
            self._process = subprocess.Popen([program, "-D", "-e", "-f", str(config)], stderr=log)
        wait_for(self._answers, "sshd to listen")

    def _answers(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError((self.folder / "sshd.log").read_text())
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def sessions(self) -> list[int]:
        """Pids of the processes that serve connections now, straight below the listening one."""
        found = subprocess.run(["pgrep", "-P", str(self.pid)], capture_output=True, text=True, check=False)
        return [int(word) for word in found.stdout.split()]

    def stop(self) -> None:
        """End the listening process and all sessions."""
        if self._process is None:
            return
        # Who is cut off comes back at once: nobody is to be let in meanwhile.
        self._process.send_signal(signal.SIGSTOP)
        for pid in self.sessions():
            subprocess.run(["pkill", "-KILL", "-P", str(pid)], check=False)
            subprocess.run(["kill", "-KILL", str(pid)], check=False, stderr=subprocess.DEVNULL)
        self._process.kill()
        self._process.wait()
        self._process = None

    def __enter__(self) -> Sshd:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()
