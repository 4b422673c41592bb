"""The road, over a real OpenSSH sshd to a real runner: keys, logins, jumps, and lines that break."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

import runner as runner_package
from floyd_tui.client.links import Links
from floyd_tui.client.protocol import LinkState
from floyd_tui.config import Config, HostConfig
from floyd_tui.errors import (
    ConfigError,
    FloydError,
    HostError,
    HostKeyChanged,
    HostKeyUnknown,
    HostUnreachable,
    LoginRefused,
    RunnerMissing,
)
from runner.models import JobState, Launch
from tests.support.runner import RunnerProcess
from tests.support.sshd import Sshd, free_port, make_key
from tests.support.wait import wait_for

pytestmark = pytest.mark.sshd


@pytest.fixture
def known_hosts(home: Path) -> Path:
    return home / ".ssh/known_hosts"


def config_for(folder: Path, ssh: str, **values: str) -> Config:
    return Config.load(folder / "config").with_host(HostConfig("gpu1", ssh, **values))


def config_of(folder: Path, sshd: Sshd, data_dir: Path) -> Config:
    """Settings with one host `gpu1`: the runner in `data_dir` behind `sshd`."""
    place = f"{sshd.user}@127.0.0.1:{sshd.port}"
    return config_for(folder, place, data_dir=str(data_dir), identity_file=str(sshd.client_key))


@asynccontextmanager
async def opened(config: Config) -> AsyncIterator[Links]:
    links = Links(config)
    try:
        yield links
    finally:
        await links.close()


async def refusal(config: Config) -> FloydError:
    """The error that connecting to `gpu1` ends with."""
    async with opened(config) as links:
        with pytest.raises(FloydError) as caught:
            await links["gpu1"].connected()
    return caught.value


def ssh_config(home: Path, text: str) -> None:
    write(home / ".ssh/config", text)


def write(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


def text_of(path: Path) -> str | None:
    return path.read_text() if path.exists() else None


def tool(*command: str | Path) -> str:
    """Run one of OpenSSH's own tools and return what it says."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


async def test_an_unknown_key_is_asked_about_once(
    tmp_path: Path, sshd: Sshd, runner: RunnerProcess, known_hosts: Path
) -> None:
    async with opened(config_of(tmp_path, sshd, runner.data_dir)) as links:
        link = links["gpu1"]
        with pytest.raises(HostKeyUnknown) as caught:
            await link.connected()
        error = caught.value
        assert (error.host, error.port, error.key) == ("127.0.0.1", sshd.port, sshd.host_key)
        assert error.fingerprint in tool("ssh-keygen", "-lf", sshd.folder / "host_key.pub")
        assert error.fingerprint in error.message
        assert text_of(known_hosts) is None
        await link.trust_host_key()
        await link.connected()
        assert (await link.client.info()).owner == sshd.user
    assert text_of(known_hosts) == f"[127.0.0.1]:{sshd.port} {sshd.host_key}\n"
    async with opened(config_of(tmp_path, sshd, runner.data_dir)) as links:
        await links["gpu1"].connected()


async def test_a_changed_key_is_refused_and_the_line_named(tmp_path: Path, sshd: Sshd, known_hosts: Path) -> None:
    write(known_hosts, "# mine\n")
    sshd.trust(known_hosts)
    sshd.change_host_key()
    before = text_of(known_hosts)
    error = await refusal(config_of(tmp_path, sshd, tmp_path))
    assert isinstance(error, HostKeyChanged)
    assert f"{known_hosts}, line 2" in error.message
    assert "ssh-keygen -R" in error.hint
    assert text_of(known_hosts) == before


async def test_a_key_of_another_kind_than_the_known_one_is_a_changed_key(
    tmp_path: Path, sshd: Sshd, known_hosts: Path
) -> None:
    tool("ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", tmp_path / "other")
    write(known_hosts, f"[127.0.0.1]:{sshd.port} {text_of(tmp_path / 'other.pub')}")
    assert isinstance(await refusal(config_of(tmp_path, sshd, tmp_path)), HostKeyChanged)


async def test_a_revoked_key_is_refused(tmp_path: Path, sshd: Sshd, known_hosts: Path) -> None:
    write(known_hosts, f"@revoked * {sshd.host_key}\n")
    error = await refusal(config_of(tmp_path, sshd, tmp_path))
    assert isinstance(error, HostKeyChanged)
    assert "revoked" in error.message


async def test_a_refused_login_names_the_keys_that_were_tried(tmp_path: Path, sshd: Sshd, known_hosts: Path) -> None:
    sshd.trust(known_hosts)
    wrong = make_key(tmp_path / "wrong")
    place = f"{sshd.user}@127.0.0.1:{sshd.port}"
    error = await refusal(config_for(tmp_path, place, identity_file=str(wrong)))
    assert isinstance(error, LoginRefused)
    assert str(wrong) in error.message
    assert f"ssh-copy-id -p {sshd.port}" in error.hint


async def test_a_locked_key_is_to_be_unlocked(tmp_path: Path, home: Path, sshd: Sshd, known_hosts: Path) -> None:
    sshd.trust(known_hosts)
    locked = make_key(home / ".ssh/id_ed25519", "a passphrase")
    error = await refusal(config_for(tmp_path, f"{sshd.user}@127.0.0.1:{sshd.port}"))
    assert isinstance(error, LoginRefused)
    assert "none to show" in error.message
    assert f"ssh-add {locked}" in error.hint


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A real ssh-agent, in SSH_AUTH_SOCK."""
    with subprocess.Popen(["ssh-agent", "-D", "-a", tmp_path / "a"], stdout=subprocess.DEVNULL) as process:
        wait_for(lambda: (tmp_path / "a").exists(), "ssh-agent")
        monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "a"))
        yield
        process.terminate()


@pytest.mark.usefixtures("agent")
async def test_the_agents_keys_open_the_door(
    tmp_path: Path, sshd: Sshd, runner: RunnerProcess, known_hosts: Path
) -> None:
    sshd.trust(known_hosts)
    place = f"{sshd.user}@127.0.0.1:{sshd.port}"
    tool("ssh-add", "-q", make_key(tmp_path / "other"))
    error = await refusal(config_for(tmp_path, place))
    assert isinstance(error, LoginRefused)
    assert "(agent)" in error.message
    tool("ssh-add", "-q", sshd.client_key)
    async with opened(config_for(tmp_path, place, data_dir=str(runner.data_dir))) as links:
        await links["gpu1"].connected()


async def test_an_alias_of_ssh_config_is_honoured(
    tmp_path: Path, home: Path, sshd: Sshd, runner: RunnerProcess
) -> None:
    write(
        home / ".ssh/more",
        f"Host biggpu\n  HostName 127.0.0.1\n  Port {sshd.port}\n  User {sshd.user}\n"
        f"  IdentityFile ~/.ssh/not-there\n  IdentityFile {sshd.client_key}\n  UserKnownHostsFile ~/.ssh/kept_here\n"
        "  HostKeyAlias the-big-one\n",
    )
    ssh_config(home, "Include more\nHost *\n  User nobody\n")
    async with opened(config_for(tmp_path, "biggpu", data_dir=str(runner.data_dir))) as links:
        link = links["gpu1"]
        with pytest.raises(HostKeyUnknown, match="the-big-one"):
            await link.connected()
        await link.trust_host_key()
        await link.connected()
        assert (await link.client.info()).owner == sshd.user
    assert "the-big-one" in (text_of(home / ".ssh/kept_here") or "")
    assert text_of(home / ".ssh/known_hosts") is None


async def test_a_jump_host_is_gone_through_and_its_key_checked_too(
    tmp_path: Path, home: Path, sshd: Sshd, runner: RunnerProcess
) -> None:
    with Sshd(tmp_path / "jump") as jump:
        ssh_config(
            home,
            f"Host door\n  HostName 127.0.0.1\n  Port {jump.port}\n  IdentityFile {jump.client_key}\n"
            f"Host inner\n  HostName 127.0.0.1\n  Port {sshd.port}\n  IdentityFile {sshd.client_key}\n"
            "  ProxyJump door\n",
        )
        async with opened(config_for(tmp_path, "inner", data_dir=str(runner.data_dir))) as links:
            link = links["gpu1"]
            for port in (jump.port, sshd.port):
                with pytest.raises(HostKeyUnknown) as caught:
                    await link.connected()
                assert caught.value.port == port
                await link.trust_host_key()
            await link.connected()
            assert len(jump.sessions()) == len(sshd.sessions()) == 1
            await cut(jump)
            assert (await link.client.info()).owner == sshd.user
        wait_for(lambda: not jump.sessions() and not sshd.sessions(), "the sessions to end")


async def test_jumps_in_a_circle_end(tmp_path: Path, home: Path) -> None:
    ssh_config(home, "Host a\n  ProxyJump b\nHost b\n  ProxyJump a\n")
    error = await refusal(config_for(tmp_path, "a"))
    assert isinstance(error, ConfigError)
    assert "circle" in error.message


async def test_ssh_settings_that_do_not_parse_are_named(tmp_path: Path, home: Path) -> None:
    ssh_config(home, "Host gpu\n  Port many\n")
    error = await refusal(config_for(tmp_path, "gpu"))
    assert isinstance(error, ConfigError)
    assert "line 2" in error.message


async def test_nobody_at_the_door(tmp_path: Path) -> None:
    error = await refusal(config_for(tmp_path, f"127.0.0.1:{free_port()}"))
    assert isinstance(error, HostUnreachable)
    assert "Nothing listens" in error.message
    error = await refusal(config_for(tmp_path, "no-such-machine.invalid"))
    assert isinstance(error, HostUnreachable)
    assert "No machine is called no-such-machine.invalid" in error.message


async def test_what_is_no_sshd_is_not_waited_for(tmp_path: Path) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        error = await refusal(config_for(tmp_path, f"127.0.0.1:{port}"))
    assert isinstance(error, HostUnreachable)


async def test_a_host_without_a_runner_says_how_to_get_one(tmp_path: Path, sshd: Sshd, known_hosts: Path) -> None:
    sshd.trust(known_hosts)
    error = await refusal(config_of(tmp_path, sshd, tmp_path / "nothing"))
    assert isinstance(error, RunnerMissing)
    assert "host install gpu1" in error.hint
    assert not (tmp_path / "nothing").exists()


async def test_an_account_without_a_shell_is_told_apart(tmp_path: Path, known_hosts: Path) -> None:
    with Sshd(tmp_path / "sftp", settings=("ForceCommand internal-sftp",)) as sshd:
        sshd.trust(known_hosts)
        error = await refusal(config_of(tmp_path, sshd, tmp_path))
    assert isinstance(error, HostError)
    assert "runs no commands" in error.message


async def cut(sshd: Sshd) -> None:
    """Break every connection of `sshd` as a lost line does: its processes are gone without a word."""
    for pid in sshd.sessions():
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not sshd.sessions(), "the sessions to be gone")


async def test_a_cut_line_comes_back_and_requests_with_it(
    tmp_path: Path, sshd: Sshd, runner: RunnerProcess, known_hosts: Path
) -> None:
    sshd.trust(known_hosts)
    async with opened(config_of(tmp_path, sshd, runner.data_dir)) as links:
        link, states = links["gpu1"], []
        await link.connected()
        link.watch(lambda status: states.append(status.state))
        client = link.client
        for _ in range(3):
            await cut(sshd)
            assert (await client.info()).pid == runner.pid
        assert LinkState.FAILED not in states
        assert link.status.latency is not None


async def test_a_runner_that_restarts_is_found_again(
    tmp_path: Path, sshd: Sshd, runner: RunnerProcess, known_hosts: Path
) -> None:
    sshd.trust(known_hosts)
    async with opened(config_of(tmp_path, sshd, runner.data_dir)) as links:
        link = links["gpu1"]
        await link.connected()
        await asyncio.to_thread(runner.kill)
        with pytest.raises(HostError):
            await link.client.info()
        await asyncio.to_thread(runner.start)
        await link.connected()
        assert (await link.client.info()).pid == runner.pid


async def test_a_followed_log_has_every_byte_once_though_line_and_runner_break(
    tmp_path: Path, sshd: Sshd, runner: RunnerProcess, known_hosts: Path
) -> None:
    sshd.trust(known_hosts)
    script = "i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); [ $((i % 200)) = 0 ] && sleep 0.1; done; exit 3"
    async with opened(config_of(tmp_path, sshd, runner.data_dir)) as links:
        client = links["gpu1"].client
        job = await client.launch(Launch("talk", script))
        data, ends, breaks = b"", [], 0
        async for chunk in client.logs(job.name, follow=True):
            assert chunk.offset == len(data)
            data += chunk.data
            ends += [chunk.end] if chunk.end else []
            if len(data) > 6000 * (breaks + 1) and breaks < 3:
                breaks += 1
                if breaks == 2:
                    await asyncio.to_thread(runner.kill)
                    await asyncio.to_thread(runner.start)
                else:
                    await cut(sshd)
    assert breaks == 3
    assert data == b"".join(b"line %d\n" % number for number in range(3000))
    assert [(end.state, end.exit_code, end.size) for end in ends] == [(JobState.FAILED, 3, len(data))]


async def test_this_machine_starts_its_own_runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory(prefix="fr-") as folder:  # a socket's path is short
        monkeypatch.setenv("FLOYD_RUNNER_HOME", f"{folder}/own")
        async with opened(Config.load(tmp_path / "config")) as links:
            await links["local"].connected()
            info = await links["local"].client.info()
        assert info.data_dir == f"{folder}/own"
        os.kill(info.pid, signal.SIGTERM)
        wait_for(lambda: not Path(f"/proc/{info.pid}/cmdline").exists(), "the runner to end")


def older_runner(folder: Path, data_dir: str) -> None:
    """Start the runner of an earlier version, which is this one under another number."""
    shutil.copytree(Path(runner_package.__file__).parent, folder / "runner")
    (folder / "runner/__init__.py").write_text('__version__ = "0.0.9"\n')
    command = [sys.executable, "-m", "runner", "start", "--data-dir", data_dir]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


async def test_this_machines_runner_is_updated_with_floyd_tui(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory(prefix="fr-") as folder:
        monkeypatch.setenv("FLOYD_RUNNER_HOME", f"{folder}/own")
        await asyncio.to_thread(older_runner, tmp_path / "old", f"{folder}/own")
        async with opened(Config.load(tmp_path / "config")) as links:
            await links["local"].connected()
            info = await links["local"].client.info()
        assert info.version == runner_package.__version__
        os.kill(info.pid, signal.SIGTERM)
        wait_for(lambda: not Path(f"/proc/{info.pid}/cmdline").exists(), "the runner to end")


async def test_a_socket_that_could_not_be_is_not_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOYD_RUNNER_HOME", str(tmp_path / ("long" * 30)))
    async with opened(Config.load(tmp_path / "config")) as links:
        with pytest.raises(RunnerMissing, match="too long"):
            await links["local"].connected()
    assert not (tmp_path / ("long" * 30)).exists()
