"""Serving: one daemon a data folder, on a Unix socket, each caller named by the kernel.

Only its owner can open the socket, or on a shared host everybody, or the members of a group.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import resource
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn
from starlette.applications import Starlette

from runner.app import create_app
from runner.errors import Conflict, Unavailable
from runner.peers import PeerProtocol
from runner.service import Runner
from runner.settings import Settings
from runner.shared import open_to, prepare_shared_folder

# sun_path holds 108 bytes, the last of them NUL.
_MAX_SOCKET_PATH = 107
_BACKLOG = 512
# What the runner writes is its own to read, whatever the account's default is.
_MASK = 0o077
_LOCK_TRIES, _LOCK_SECONDS = 10, 0.02
# The other end keeps its connections in a pool and decides itself when one is too old.
_KEEP_ALIVE_SECONDS = 3600


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; raises `Conflict` if another daemon has the folder, `Unavailable` if it cannot be.

    Jobs run on when this returns.
    """
    _check_socket_path(settings.socket)
    prepare_folder(settings.data_dir)
    os.umask(_MASK)
    _raise_open_files()
    with _locked(settings.lock), _listening(settings) as listener:
        # A lease on a file that a job opens again (see store/blobs.py) may signal; it must not end the runner.
        signal.signal(signal.SIGIO, _pass_over)
        asyncio.run(_serve(settings, listener))


def prepare_folder(folder: Path) -> None:
    """Make the data folder, private; raises `Unavailable` where that cannot be."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
    except OSError as error:
        hint = "Choose a folder of yours with --data-dir."
        raise Unavailable(f"The data folder {folder} cannot be used: {error.strerror}.", hint) from error


def lock_holder(lock: Path) -> int | None:
    """Process id of the daemon that holds `lock`, or None where no daemon runs."""
    try:
        with lock.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(file.read() or 0)
    except FileNotFoundError:
        pass
    return None


class _Server(uvicorn.Server):
    """Tells the runner that it closes before it waits for open answers, so that followed streams do not hold it."""

    def __init__(self, config: uvicorn.Config, runner: Runner) -> None:
        super().__init__(config)
        self._runner = runner

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End in order; uvicorn's own would raise the signal again at the end, and the socket would be left behind."""
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._runner.closing.set()
        await super().shutdown(sockets)


async def _serve(settings: Settings, listener: socket.socket) -> None:
    runner = Runner(settings)
    app = create_app(runner)
    server = _Server(_config(app, settings), runner)
    await server.serve(sockets=[listener])
    if not server.started:
        raise app.state.failure or Unavailable("The runner could not start.", f"See {settings.log}.")


def _config(app: Starlette, settings: Settings) -> uvicorn.Config:
    options: dict[str, Any] = {
        "loop": "asyncio",
        "http": PeerProtocol,
        "ws": "none",
        "lifespan": "on",
        "log_config": None,
        "access_log": False,
        "server_header": False,
        "date_header": False,
        "proxy_headers": False,
        "backlog": _BACKLOG,
        "timeout_keep_alive": _KEEP_ALIVE_SECONDS,
        "timeout_graceful_shutdown": max(1, round(settings.shutdown_grace)),
    }
    return uvicorn.Config(app, **options)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the folder's lock, which a crash lets go of by itself."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if not _lock(descriptor):
            raise Conflict(
                f"A runner (process {path.read_text()}) serves {path.parent} already.",
                "Use it, or stop it: floyd-runner stop.",
            )
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    """Take the lock; False if another keeps it. `lock_holder` holds it for a moment to ask, so one try is too few."""
    for _ in range(_LOCK_TRIES):
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        time.sleep(_LOCK_SECONDS)
    return False


@contextlib.contextmanager
def _listening(settings: Settings) -> Iterator[socket.socket]:
    """A bound socket, mode 0600 from its first moment; one that a crash left there is replaced."""
    path = settings.socket
    if settings.shared:
        prepare_shared_folder(path.parent)
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        mask = os.umask(0o177)
        try:
            listener.bind(str(path))
        finally:
            os.umask(mask)
        if settings.shared:
            open_to(path, settings.shared_group)
        yield listener
    finally:
        listener.close()
        path.unlink(missing_ok=True)


def _raise_open_files() -> None:
    """As many open files as the system allows: many people may be connected at once."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _check_socket_path(path: Path) -> None:
    length = len(os.fsencode(path))
    if length > _MAX_SOCKET_PATH:
        raise Unavailable(
            f"The socket's path is too long for Linux: {length} bytes of {_MAX_SOCKET_PATH} ({path}).",
            "Choose a shorter data folder with --data-dir or FLOYD_RUNNER_HOME.",
        )


def _pass_over(_: int, __: FrameType | None) -> None:
    return None
