"""A runner for everybody, set up over SSH by root and used by somebody else who has said nothing of where it is."""

from __future__ import annotations

import configparser
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from floyd_tui.config import Config, HostConfig
from runner import sharing
from runner.errors import Unavailable
from runner.settings import Settings
from runner.sharing import unit_text
from tests.support.people import account, passable_folder
from tests.support.shell import Shell
from tests.support.sshd import Sshd
from tests.support.wait import wait_for

pytestmark = [pytest.mark.sshd, pytest.mark.accounts]


@dataclass(frozen=True)
class Site:
    """A host with an sshd, the place for a shared runner, and somebody who has an account."""

    server: Sshd
    folder: Path
    socket: Path
    somebody: str

    def config(self, folder: Path, user: str) -> Config:
        """Settings that say how to log in, and no more."""
        self.server.trust(Path.home() / ".ssh" / "known_hosts")
        key = str(self.server.client_key)
        host = HostConfig("gpu1", ssh=f"{user}@127.0.0.1:{self.server.port}", identity_file=key)
        return Config.load(folder).with_host(host).with_default_host("gpu1")


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Nothing is installed there yet. Whatever runner is started in its place is ended."""
    with passable_folder() as folder, account("ada") as somebody:
        data, socket = folder / "data", folder / "run" / "runner.sock"
        (folder / "sshd").mkdir()
        (folder / "root").mkdir()
        env = {"FLOYD_RUNNER_SHARED": str(socket), "XDG_DATA_HOME": str(folder / "root")}
        with Sshd(folder / "sshd", env) as server:
            yield Site(server, data, socket, somebody)
        lock = data / "runner.lock"
        pid = int(lock.read_text() or 0) if lock.exists() else 0
        if pid and Path(f"/proc/{pid}").exists():
            os.kill(pid, signal.SIGTERM)
            wait_for(lambda: not Path(f"/proc/{pid}").exists(), "the runner to end")


def share(site: Site, *words: str, code: int = 0) -> str:
    """``floyd-runner share`` there, as root types it; what it says."""
    where = ["--data-dir", str(site.folder), "--socket", str(site.socket)]
    command = [sys.executable, "-m", "runner", "share", *where, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


def runner_pid(site: Site) -> int:
    return int((site.folder / "runner.lock").read_text())


def test_it_is_set_up_updated_and_found_without_a_word(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLOYD_RUNNER_SHARED", str(site.socket))
    share(site)
    first = runner_pid(site)
    assert site.folder.stat().st_mode & 0o777 == 0o700
    assert site.socket.stat().st_mode & 0o777 == 0o666
    site.config(tmp_path / "config", site.somebody)
    (tmp_path / "work").mkdir()
    shell = Shell(tmp_path / "work", tmp_path / "config")
    said = shell("host", "check").stdout
    assert f"as {site.somebody}" in said
    assert str(site.folder) in said
    assert "has a runner for many already" in shell("host", "install", "gpu1", code=3).stderr
    shell("secret", "ls")
    share(site)
    assert runner_pid(site) == first, "the same version goes on"
    # Down, it is not mistaken for one of somebody's own.
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: not Path(f"/proc/{first}").exists(), "the runner to die")
    assert "does not answer" in shell("host", "check", code=3).stderr


def test_root_sets_it_up_over_ssh(site: Site, tmp_path: Path) -> None:
    site.config(tmp_path / "config", "root")
    shell = Shell(tmp_path, tmp_path / "config")
    said = shell("host", "install", "gpu1", "--shared", "--data-dir", str(site.folder)).stderr
    assert "no systemd is here" in said
    assert (site.folder / "current" / "floyd-runner.pyz").is_file()
    site.config(tmp_path / "other", site.somebody)
    assert f"as {site.somebody}" in Shell(tmp_path, tmp_path / "other")("host", "check").stdout


def test_who_is_not_root_is_told_what_to_run(site: Site, tmp_path: Path) -> None:
    site.config(tmp_path / "config", site.somebody)
    shutil.chown(site.server.folder.parent / "root", site.somebody)
    said = Shell(tmp_path, tmp_path / "config")("host", "install", "gpu1", "--shared", code=3).stderr
    assert "is not root's" in said
    assert "share --socket" in said
    assert not site.folder.exists()


OURS = "# ours\nmax_running: 2\nshared_group: adm\nshared_socket: /run/x/y\n"


def test_a_group_may_have_it_and_its_settings_keep_what_else_they_say(site: Site, tmp_path: Path) -> None:
    site.folder.mkdir(mode=0o700)
    (site.folder / "runner.yml").write_text(OURS)
    assert "none-such" in share(site, "--group", "none-such", code=1)
    share(site, "--group", "root")
    assert site.socket.stat().st_mode & 0o777 == 0o660
    site.config(tmp_path / "config", site.somebody)
    assert "this account may not use" in Shell(tmp_path, tmp_path / "config")("status", code=3).stderr
    share(site, "--group", "")
    settings = Settings.load(site.folder)
    assert (settings.max_running, settings.shared_group, settings.socket) == (2, "", site.socket)
    assert (site.folder / "runner.yml").read_text().startswith("# ours\n")


def test_only_root_shares(site: Site) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "geteuid", lambda: 1000)
        with pytest.raises(Unavailable, match="root's to set up"):
            sharing.share(sharing.Place(site.folder, site.socket))
    assert not site.folder.exists()


def test_systemd_reads_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / "floyd-runner.service"
    program = tmp_path / "current" / "floyd-runner.pyz"
    unit.write_text(unit_text(tmp_path, program))
    read = configparser.ConfigParser()
    read.read_string(unit.read_text())
    assert read["Service"]["ExecStart"] == f"{sys.executable} {program} serve --log-file --data-dir {tmp_path}"
    if analyze := shutil.which("systemd-analyze"):
        done = subprocess.run([analyze, "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False)
        assert str(unit) not in done.stderr, done.stderr
