"""The links to all hosts of the settings, each opened when it is first asked for."""

from __future__ import annotations

import asyncio
from difflib import get_close_matches
from importlib import import_module

from floyd_tui.client.link import HostLink
from floyd_tui.client.local import LocalDialer
from floyd_tui.client.session import Dialer, Session
from floyd_tui.config import Config, HostConfig
from floyd_tui.errors import HostKeyUnknown, UnknownHost


class Links:
    """Host names to links. Making one connects nowhere: `HostLink.start` does, or the first request."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._links: dict[str, HostLink] = {}

    @property
    def default(self) -> str:
        """The host that is meant where none is named; empty where there is none."""
        return self._config.default_host

    def names(self) -> list[str]:
        """All hosts of the settings, in their order."""
        return list(self._config.hosts)

    def __getitem__(self, name: str) -> HostLink:
        """The link to `name`; raises `UnknownHost`."""
        if name not in self._links:
            host = self._host(name)
            self._links[name] = HostLink(name, LocalDialer(host) if host.local else _LaterSSH(host))
        return self._links[name]

    def __contains__(self, name: object) -> bool:
        """Whether there is such a host."""
        return name in self._config.hosts

    async def reload(self, config: Config) -> None:
        """Take over new settings: the links of hosts that are gone or changed are closed."""
        old, self._config = self._config, config
        gone = [name for name in self._links if old.hosts.get(name) != config.hosts.get(name)]
        await asyncio.gather(*(self._links.pop(name).close() for name in gone))

    async def close(self) -> None:
        """Close every link that was opened."""
        await asyncio.gather(*(link.close() for link in self._links.values()))
        self._links.clear()

    def _host(self, name: str) -> HostConfig:
        if name in self._config.hosts:
            return self._config.hosts[name]
        if not self._config.hosts:
            raise UnknownHost("There are no hosts yet.", "Add one: floyd-tui host add NAME user@host")
        if not name:
            raise UnknownHost("No host is named.", f"Hosts are: {', '.join(self._config.hosts)}.")
        near = get_close_matches(name, self._config.hosts, 1)
        known = f"Do you mean {near[0]!r}?" if near else f"Hosts are: {', '.join(self._config.hosts)}."
        raise UnknownHost(f"There is no host {name!r} in {self._config.path}.", known)


class _LaterSSH:
    """A dialer over SSH whose libraries are loaded when it first dials, in a thread.

    asyncssh takes a third of a second to import: a person with only `local` never needs it, and a screen must not stand
    still for it.
    """

    def __init__(self, host: HostConfig) -> None:
        self._host = host

    async def dial(self) -> Session:
        return await (await self._dialer()).dial()

    async def trust(self, error: HostKeyUnknown) -> None:
        await (await self._dialer()).trust(error)

    async def install(self) -> None:
        await (await self._dialer()).install()

    async def _dialer(self) -> Dialer:
        module = await asyncio.to_thread(import_module, "floyd_tui.client.ssh")
        dialer: Dialer = module.SSHDialer(self._host)
        return dialer
