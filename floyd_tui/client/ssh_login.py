"""Log in to a host over SSH, through its jump hosts, and say in plain words why that fails."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import asyncssh

from floyd_tui.client.known_hosts import entry_name
from floyd_tui.client.lane import Inlet
from floyd_tui.client.packets import without_empty_ones
from floyd_tui.client.ssh_target import Target
from floyd_tui.client.wire import Wire
from floyd_tui.config import Destination
from floyd_tui.errors import (
    ConfigError,
    FloydError,
    HostError,
    HostKeyChanged,
    HostKeyUnknown,
    HostUnreachable,
    LoginRefused,
)

# A line that is dead is noticed after two questions without an answer: 15 s at most.
_KEEPALIVE_SECONDS, _KEEPALIVE_COUNT = 5, 2
_LOGIN_SECONDS = 20
_CLOSE_SECONDS = 1.0
_MAX_JUMPS = 8


class Watcher(asyncssh.SSHClient):
    """Remembers the key that a host showed, and tells when its connection ends."""

    def __init__(self) -> None:
        self.shown: tuple[str, int, asyncssh.SSHKey] | None = None
        self.lost: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        """Asked only of a key that known_hosts does not have."""
        self.shown = (host, port, key)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended, with the reason where it was not asked for."""
        if not self.lost.done():
            self.lost.set_result(exc)


class Login:
    """A logged-in connection with the jumps it goes through."""

    def __init__(self, target: Target, chain: Sequence[asyncssh.SSHClientConnection], watcher: Watcher) -> None:
        self.target = target
        self.chain = chain
        self.connection = chain[-1]
        self.lost = watcher.lost

    async def close(self) -> None:
        """Say goodbye and hang up; a host that does not answer is not waited for."""
        await close_all(self.chain)


async def close_all(chain: Sequence[asyncssh.SSHClientConnection]) -> None:
    """Close connections, the outermost last."""
    for connection in reversed(chain):
        connection.close()
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await connection.wait_closed()
        except TimeoutError:
            connection.abort()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_SECONDS):
                    await connection.wait_closed()


async def log_in(name: str, destination: Destination, identity_file: str = "") -> Login:
    """Log in to host `name`; raises `ConfigError` or the `HostError` that says what is the matter."""
    chain: list[asyncssh.SSHClientConnection] = []
    try:
        target = await asyncio.to_thread(Target.resolve, destination, identity_file)
        watcher = await _through(name, target, chain, depth=0)
    except BaseException:
        await close_all(chain)
        raise
    return Login(target, chain, watcher)


async def _through(name: str, target: Target, chain: list[asyncssh.SSHClientConnection], depth: int) -> Watcher:
    """Connect to `target` after its jumps; every connection made is appended to `chain`."""
    if depth > _MAX_JUMPS:
        raise ConfigError(f"ProxyJump of {target.destination} goes round in a circle.", "Mend ~/.ssh/config.")
    for number, jump in enumerate(target.jumps):
        hop = await asyncio.to_thread(Target.resolve, jump)
        if number:  # only the first of a list is reached by jumps of its own, as OpenSSH has it
            await _connect(name, hop, chain)
        else:
            await _through(name, hop, chain, depth + 1)
    return await _connect(name, target, chain)


async def _connect(name: str, target: Target, chain: list[asyncssh.SSHClientConnection]) -> Watcher:
    watcher = Watcher()
    tunnel = chain[-1] if chain else _wire(target)
    try:
        options: dict[str, Any] = await asyncio.to_thread(target.options)
        connection = await asyncssh.connect(
            **options,
            tunnel=tunnel,
            client_factory=lambda: watcher,
            keepalive_interval=_KEEPALIVE_SECONDS,
            keepalive_count_max=_KEEPALIVE_COUNT,
            login_timeout=_LOGIN_SECONDS,
            connect_timeout=_LOGIN_SECONDS,
        )
    except asyncssh.HostKeyNotVerifiable as error:
        raise _host_key_error(target, watcher, error) from error
    except asyncssh.PermissionDenied as error:
        raise await _login_refused(name, target) from error
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
        raise LoginRefused(f"A private key for {target.address} cannot be read: {error}.", "Name another.") from error
    except (asyncssh.Error, OSError, TimeoutError, ValueError) as error:
        raise _unreachable(target, error) from error
    without_empty_ones(connection)
    Inlet(connection)
    chain.append(connection)
    return watcher


def _wire(target: Target) -> Wire | None:
    """The wire, or None where ~/.ssh/config says how to reach the host in a way that is asyncssh's to know."""
    special = ("ProxyCommand", "AddressFamily", "BindAddress")
    return None if any(target.config.get(option) for option in special) else Wire()


def _host_key_error(target: Target, watcher: Watcher, error: Exception) -> FloydError:
    if watcher.shown is None:
        return HostKeyChanged(
            f"The key of {target.address} must not be trusted: {error}.", "Ask the one who runs the host."
        )
    host, port, key = watcher.shown
    fingerprint = key.get_fingerprint()
    kind, data, *_ = key.export_public_key().decode("ascii").split()
    if lines := target.known.about(host, port):
        places = " and ".join(str(line) for line in lines)
        return HostKeyChanged(
            f"{entry_name(host, port)} shows another key ({fingerprint}) than the one known from {places}: it was "
            "set up anew, or somebody listens in.",
            f'If you know why, run `ssh-keygen -R "{entry_name(host, port)}"` and connect again.',
        )
    return HostKeyUnknown(
        f"{entry_name(host, port)} was never seen before; its {kind} key is {fingerprint}.",
        "Compare it with what the host's owner says (`ssh-keygen -lf` on its public host key), then trust it.",
        host,
        port,
        f"{kind} {data}",
        fingerprint,
    )


async def _login_refused(name: str, target: Target) -> LoginRefused:
    open_files, locked = await asyncio.to_thread(_sorted_keys, target)
    tried = [*open_files, *(f"{comment} (agent)" for comment in await _agent_keys(target.agent))]
    if tried:
        message = f"{target.address} accepts none of your keys; tried: {', '.join(tried)}."
    else:
        message = f"{target.address} wants a key, and there is none to show."
    if locked:
        hint = f"{locked[0]} is locked by a passphrase: unlock it with `ssh-add {locked[0]}`, then try again."
    elif tried:
        place = f"-p {target.port} {target.user}@{target.host}"
        hint = f"Let one in with `ssh-copy-id {place}`, or name another: hosts.{name}.identity_file in config.yaml."
    else:
        hint = "Make one with `ssh-keygen`, and let it in with `ssh-copy-id`."
    return LoginRefused(message, hint)


def _sorted_keys(target: Target) -> tuple[list[str], list[str]]:
    """The key files that could be shown, and those that a passphrase locks."""
    states = {str(path): _key_state(path) for path in target.key_files()}
    return [path for path in states if states[path] == "open"], [path for path in states if states[path] == "locked"]


def _key_state(path: Path) -> Literal["open", "locked", "broken"]:
    try:
        asyncssh.read_private_key(path)
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError, OSError) as error:
        return "locked" if "assphrase" in str(error) else "broken"
    return "open"


async def _agent_keys(path: str) -> list[str]:
    if not path:
        return []
    try:
        async with asyncssh.connect_agent(path) as agent:
            return [key.get_comment() or "a key without a comment" for key in await agent.get_keys()]
    except (OSError, ValueError, asyncssh.Error):
        return []


def _unreachable(target: Target, error: Exception) -> FloydError:
    place = entry_name(target.host, target.port)
    if isinstance(error, asyncssh.ChannelOpenError):
        return HostUnreachable(
            f"The jump host cannot reach {place}: {error.reason}.", "See ProxyJump in ~/.ssh/config."
        )
    if isinstance(error, socket.gaierror):
        return HostUnreachable(f"No machine is called {target.host}.", "See the host's `ssh` in config.yaml, or DNS.")
    if isinstance(error, ConnectionRefusedError):
        return HostUnreachable(f"Nothing listens at {place}.", "See whether sshd runs there, and the port is right.")
    if isinstance(error, TimeoutError):
        return HostUnreachable(f"{place} does not answer.", "See whether the host is on and the network (VPN?) is up.")
    if isinstance(error, asyncssh.KeyExchangeFailed):
        return HostError(f"{place} and this side agree on no way to talk: {error.reason}.", "Its sshd may be too old.")
    if isinstance(error, asyncssh.Error):
        return HostUnreachable(f"{place} ended the connection: {error.reason}.", "Trying again may help.")
    if isinstance(error, ValueError):
        return ConfigError(f"Your SSH settings for {target.destination} do not work: {error}.", "Mend ~/.ssh/config.")
    return HostUnreachable(f"{place} cannot be reached: {error}.", "See whether the network is up.")
