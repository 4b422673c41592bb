"""The runner put on a host over a real sshd, and run there with Pythons that have nothing installed."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from floyd_tui.client.links import Links
from floyd_tui.config import Config, HostConfig
from floyd_tui.errors import HostError, RunnerMissing
from tests.support.pythons import PYTHONS
from tests.support.sshd import Sshd
from tests.support.wait import wait_for

pytestmark = pytest.mark.sshd


def runs(pid: int) -> bool:
    return Path(f"/proc/{pid}/cmdline").exists()


def command_of(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/cmdline").read_text().split("\0")


def end(pid: int, signum: signal.Signals) -> None:
    os.kill(pid, signum)
    wait_for(lambda: not runs(pid), "the runner to end")


def installed(data_dir: Path) -> list[str]:
    """The files below versions/; private folders only."""
    assert data_dir.stat().st_mode & 0o777 == 0o700
    return [path.name for path in data_dir.glob("versions/*/*")]


def nothing_in(folder: Path) -> bool:
    return not list(folder.iterdir())


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A data folder with a path short enough for a socket, and the end of whatever was started in it."""
    with tempfile.TemporaryDirectory(prefix="fi-") as folder:
        yield Path(folder) / "data"
        lock = Path(folder) / "data/runner.lock"
        pid = lock.read_text().strip() if lock.exists() else ""
        if pid and runs(int(pid)):
            end(int(pid), signal.SIGTERM)


@pytest.fixture
def host(sshd: Sshd, home: Path, data_dir: Path) -> HostConfig:
    sshd.trust(home / ".ssh/known_hosts")
    place = f"{sshd.user}@127.0.0.1:{sshd.port}"
    return HostConfig("gpu1", place, data_dir=str(data_dir), identity_file=str(sshd.client_key))


def links_to(tmp_path: Path, host: HostConfig, **values: str) -> Links:
    return Links(Config.load(tmp_path / "config").with_host(replace(host, **values)))


@pytest.mark.parametrize("python", PYTHONS)
async def test_a_bare_host_gets_a_runner_and_keeps_it(
    tmp_path: Path, host: HostConfig, data_dir: Path, python: str
) -> None:
    links = links_to(tmp_path, host, python=python)
    link = links["gpu1"]
    with pytest.raises(RunnerMissing):
        await link.connected()
    await link.install_runner()
    await link.connected()
    first = await link.client.info()
    assert first.data_dir == str(data_dir)
    assert installed(data_dir) == ["floyd-runner.pyz"]
    assert command_of(first.pid)[0] == python
    assert command_of(first.pid)[1].startswith(f"{data_dir}/versions/")

    # Once more: the same file, a new daemon, and nothing half-made beside it.
    await link.install_runner()
    await link.connected()
    second = await link.client.info()
    assert second.pid != first.pid
    assert installed(data_dir) == ["floyd-runner.pyz"]

    # The host starts anew: nobody has to install or start anything.
    end(second.pid, signal.SIGKILL)
    third = await link.client.info()
    assert third.pid not in (first.pid, second.pid)
    await links.close()


async def test_without_a_new_enough_python_it_says_so(tmp_path: Path, host: HostConfig, data_dir: Path) -> None:
    old = tmp_path / "python3"
    old.write_text('#!/bin/sh\ncase "$2" in *print*) echo 3.8.10 ;; *) exit 1 ;; esac\n')
    old.chmod(0o755)
    links = links_to(tmp_path, host, python=str(old))
    with pytest.raises(RunnerMissing, match=r"no Python 3\.10 or newer .*3\.8\.10") as caught:
        await links["gpu1"].install_runner()
    assert "hosts.gpu1.python" in caught.value.hint
    await links.close()
    assert nothing_in(data_dir.parent)


async def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, host: HostConfig) -> None:
    (tmp_path / "file").write_text("")
    links = links_to(tmp_path, host, data_dir=str(tmp_path / "file/data"))
    with pytest.raises(HostError, match="cannot be put into"):
        await links["gpu1"].install_runner()
    await links.close()


async def test_sshd_that_leads_to_no_socket_is_told(tmp_path: Path, home: Path, data_dir: Path) -> None:
    with Sshd(tmp_path / "strict", settings=("AllowStreamLocalForwarding no",)) as sshd:
        sshd.trust(home / ".ssh/known_hosts")
        place = f"{sshd.user}@127.0.0.1:{sshd.port}"
        host = HostConfig("gpu1", place, data_dir=str(data_dir), identity_file=str(sshd.client_key))
        links = links_to(tmp_path, host)
        await links["gpu1"].install_runner()
        with pytest.raises(HostError, match="does not lead to its socket") as caught:
            await links["gpu1"].connected()
        assert "AllowStreamLocalForwarding" in caught.value.hint
        await links.close()
