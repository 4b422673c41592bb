"""Serving: one daemon a data folder, on a Unix socket, each caller named by the kernel.

Only its owner can open the socket, or on a shared host everybody, or the members of a group.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn
from starlette.applications import Starlette

from runner.app import create_app
from runner.errors import Unavailable
from runner.folder import locked, prepare_folder
from runner.peers import PeerProtocol
from runner.service import Runner
from runner.settings import Settings
from runner.shared import open_to, prepare_shared_folder

# sun_path holds 108 bytes, the last of them NUL.
_MAX_SOCKET_PATH = 107
_BACKLOG = 512
# What the runner writes is its own to read, whatever the account's default is.
_MASK = 0o077
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
    with locked(settings.lock), _listening(settings) as listener:
        # A lease on a file that a job opens again (see store/blobs.py) may signal; it must not end the runner.
        signal.signal(signal.SIGIO, _pass_over)
        asyncio.run(_serve(settings, listener))


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
