"""The host `local`: this machine's own runner, started where it does not run yet."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import sys
from functools import partial
from pathlib import Path

import httpx

from floyd_tui import __version__
from floyd_tui.client.pipe import open_socket
from floyd_tui.client.session import Session, open_http, open_session
from floyd_tui.client.transport import socket_pool
from floyd_tui.config import HostConfig
from floyd_tui.errors import HostError, HostKeyUnknown, RunnerMissing

SOCKET_NAME = "runner.sock"
# Where a runner that serves everybody on a machine answers; FLOYD_RUNNER_SHARED names another place.
SHARED = "/run/floyd-runner/runner.sock"
# Seconds that the runner gets to start: it opens its database and adopts running jobs first.
_START = 30.0
# Unix sockets' paths are this long at most on Linux, in bytes.
_MAX_SOCKET_PATH = 107


class LocalDialer:
    """Dials the runner's socket of this machine."""

    def __init__(self, host: HostConfig) -> None:
        self._host = host

    @property
    def data_dir(self) -> Path:
        """The runner's data folder, found by the same rule as the runner's own."""
        if self._host.data_dir:
            return Path(self._host.data_dir).expanduser().absolute()
        if own := os.environ.get("FLOYD_RUNNER_HOME"):
            return Path(own).expanduser().absolute()
        base = os.environ.get("XDG_DATA_HOME")
        return (Path(base) if base else Path.home() / ".local" / "share") / "floyd-runner"

    @property
    def shared(self) -> Path | None:
        """The socket of a runner that serves everybody here, unless a data folder is chosen."""
        if self._host.data_dir or os.environ.get("FLOYD_RUNNER_HOME"):
            return None
        path = Path(os.environ.get("FLOYD_RUNNER_SHARED") or SHARED)
        return path if path.is_socket() else None

    async def dial(self) -> Session:
        """Connect to the socket, starting the runner first where none answers there, or one of an older version."""
        if (shared := self.shared) is not None:
            return await self._open_shared(shared)
        path = str(self.data_dir / SOCKET_NAME)
        if len(os.fsencode(path)) > _MAX_SOCKET_PATH:
            raise RunnerMissing(
                f"The runner's socket would be {path}, which is too long for a Unix socket.",
                f"Set hosts.{self._host.name}.data_dir to a folder with a shorter path.",
            )
        try:
            session = await self._open(path)
            if not _older(session.info.version):
                return session
            # floyd-tui was updated since: this runner's files are no longer what it runs.
            await session.close()
        except httpx.ConnectError:
            pass
        await self._start()
        try:
            return await self._open(path)
        except httpx.ConnectError as error:
            raise RunnerMissing(
                f"The runner was started, but nothing answers at {path}.", f"See {self.data_dir / 'runner.log'}."
            ) from error

    async def _open_shared(self, path: Path) -> Session:
        try:
            return await self._open(str(path))
        except httpx.ConnectError as error:
            raise RunnerMissing(
                f"This machine has a runner for many, which does not let this account in, or is down ({path}).",
                "Ask its administrator. "
                f"For a runner of your own, set hosts.{self._host.name}.data_dir in config.yaml.",
            ) from error

    async def _open(self, path: str) -> Session:
        http = open_http(socket_pool(path), partial(open_socket, path))
        try:
            return await open_session(self._host.name, http)
        except BaseException:
            await http.aclose()
            raise

    async def trust(self, error: HostKeyUnknown) -> None:
        """There is no key between this machine and itself."""
        raise HostError(f"{self._host.name} is this machine and has no host key.")

    async def install(self) -> None:
        """The runner is here already: start it."""
        if (shared := self.shared) is not None:
            raise HostError(f"This machine has a runner for many already ({shared}).", "Its administrator updates it.")
        await self._start()

    async def _start(self) -> None:
        """Run ``runner start``, which returns when the socket answers; raises `RunnerMissing` with what it said."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "runner",
            "start",
            "--replace",
            "--data-dir",
            str(self.data_dir),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(_START):
                _, said = await process.communicate()
        except TimeoutError as error:
            raise RunnerMissing(
                f"The runner did not start within {_START:.0f} s.", f"See {self.data_dir / 'runner.log'}."
            ) from error
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        if process.returncode:
            last = said.decode(errors="replace").strip().splitlines()[-1:] or [f"exit code {process.returncode}"]
            raise RunnerMissing(
                f"The runner of this machine does not start: {last[0]}", f"See {self.data_dir / 'runner.log'}."
            )


def _older(version: str) -> bool:
    """Whether a runner of `version` is older than this floyd-tui; what is no version is left alone."""
    theirs, ours = (tuple(map(int, re.findall(r"\d+", text)[:3])) for text in (version, __version__))
    return len(theirs) == len(ours) and theirs < ours
