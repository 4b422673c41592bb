"""The whole road in a test: settings, a real sshd, a real runner behind it, and the link between."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from floyd_tui.client.link import HostLink
from floyd_tui.client.links import Links
from floyd_tui.config import Config, HostConfig
from tests.support.runner import RunnerProcess
from tests.support.sshd import Sshd

HOST = "gpu1"


def settings(folder: Path, server: Sshd, runner: RunnerProcess) -> Config:
    """Settings with one host, `HOST`: `runner` behind `server`, whose key is known."""
    server.trust(Path.home() / ".ssh" / "known_hosts")
    host = HostConfig(
        HOST,
        ssh=f"{server.user}@127.0.0.1:{server.port}",
        data_dir=str(runner.data_dir),
        identity_file=str(server.client_key),
    )
    return Config.load(folder).with_host(host).with_default_host(HOST)


@asynccontextmanager
async def road(folder: Path, server: Sshd, runner: RunnerProcess) -> AsyncIterator[HostLink]:
    """A live link to `HOST`."""
    links = Links(settings(folder, server, runner))
    try:
        link = links[HOST]
        await link.connected()
        yield link
    finally:
        await links.close()
