"""A host behind SSH: log in, find its runner, speak HTTP with it over channels of the one connection."""

from __future__ import annotations

import asyncio
from functools import partial

import httpx

from floyd_tui.client.channel import ChannelBackend, open_channel
from floyd_tui.client.known_hosts import KnownHosts
from floyd_tui.client.remote import RemoteHost, find_python, look, run_pyz
from floyd_tui.client.session import Session, open_http, open_session
from floyd_tui.client.ssh_login import Login, log_in
from floyd_tui.client.ssh_target import Target
from floyd_tui.client.transport import channel_pool
from floyd_tui.config import HostConfig
from floyd_tui.errors import HostError, HostKeyUnknown, HostUnreachable, RunnerMissing


class SSHDialer:
    """Dials one host of the settings."""

    def __init__(self, host: HostConfig) -> None:
        self._host = host

    async def dial(self) -> Session:
        """Log in and reach the runner, starting an installed one that is not running (its host was restarted)."""
        login = await self._log_in()
        try:
            session = await self._reach(login)
        except BaseException:
            await login.close()
            raise
        session.on_close = login.close
        login.lost.add_done_callback(lambda lost: session.lose(self._lost(lost.result())))
        return session

    async def trust(self, error: HostKeyUnknown) -> None:
        """Append the key of `error` to known_hosts, of a jump host as well as of the host itself."""
        known = await asyncio.to_thread(self._known_hosts)
        try:
            await asyncio.to_thread(known.add, error.host, error.port, error.key)
        except OSError as failure:
            raise HostError(f"The key cannot be written down: {failure}.", "Mend ~/.ssh/known_hosts.") from failure

    async def install(self) -> None:
        """Put this version of the runner on the host and start it in the place of an older one."""
        from floyd_tui.client.install import install

        login = await self._log_in()
        try:
            await install(login.connection, self._host)
        finally:
            await login.close()

    async def install_shared(self, group: str | None, data_dir: str | None) -> str:
        """Set up one runner for everybody on the host; what it says."""
        from floyd_tui.client.install import install_shared

        login = await self._log_in()
        try:
            return await install_shared(login.connection, self._host, group, data_dir)
        finally:
            await login.close()

    async def _log_in(self) -> Login:
        return await log_in(self._host.name, self._host.destination, self._host.identity_file)

    def _known_hosts(self) -> KnownHosts:
        return Target.resolve(self._host.destination).known

    async def _reach(self, login: Login) -> Session:
        remote = await look(login.connection, self._host)
        if remote.shared and not remote.has_socket:
            raise RunnerMissing(
                f"{self._host.name} has a runner for many, which this account may not use ({remote.shared}).",
                "Ask its administrator to let you in. "
                f"For a runner of your own, set hosts.{self._host.name}.data_dir in config.yaml.",
            )
        if remote.has_socket:
            try:
                return await self._open(login, remote)
            except httpx.ConnectError:
                if remote.shared or not remote.installed:
                    raise self._missing(remote) from None
        if not remote.installed:
            raise self._missing(remote)
        python = await find_python(login.connection, self._host)
        await run_pyz(login.connection, self._host, python, remote.installed, "start", remote.data_dir)
        try:
            return await self._open(login, remote)
        except httpx.ConnectError as error:
            raise HostError(
                f"The runner on {self._host.name} runs, but SSH does not lead to its socket {remote.socket}.",
                "sshd there must allow it: AllowStreamLocalForwarding yes, and no DisableForwarding.",
            ) from error

    async def _open(self, login: Login, remote: RemoteHost) -> Session:
        pool = channel_pool(remote.socket, ChannelBackend(login.connection))
        http = open_http(pool, partial(open_channel, login.connection, remote.socket))
        try:
            return await open_session(self._host.name, http)
        except BaseException:
            await http.aclose()
            raise

    def _missing(self, remote: RemoteHost) -> RunnerMissing:
        if remote.shared:
            return RunnerMissing(
                f"The runner for many on {self._host.name} does not answer ({remote.shared}).",
                "Ask its administrator to start it: systemctl start floyd-runner, or floyd-runner start.",
            )
        what = "does not answer" if remote.has_socket else "is not there"
        return RunnerMissing(
            f"{self._host.name} answers, but a runner {what} ({remote.socket}).",
            f"Install it with `floyd-tui host install {self._host.name}`, or start it there: floyd-runner start.",
        )

    def _lost(self, reason: Exception | None) -> HostUnreachable:
        why = f": {reason}" if reason else ""
        return HostUnreachable(f"The connection to {self._host.name} was lost{why}.", "Trying again by itself.")
