"""Hosts that are only looked at: what would change something there is refused before it is sent.

What is not known to read only is refused, so that a method which is new to `Client` cannot slip through.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from floyd_tui.client.protocol import Client, Link, LinkSet
from floyd_tui.config import Config
from floyd_tui.errors import ReadOnly
from runner.models import GcReport, GcStep

# The methods of `Client` that leave a host as it is. `gc` is one only as far as it says what it would free.
READS = frozenset({
    "check_launch", "content", "contents", "curves", "dataset", "dataset_uses", "datasets", "diff", "environments",
    "events", "fetches", "files", "files_if_changed", "follow_fetch", "follow_stats", "info", "job", "jobs",
    "lineage", "logs", "metrics", "part", "projects", "secrets", "stats", "trash", "tree", "tree_status", "usage",
})  # fmt: skip


def read_only(links: LinkSet) -> LinkSet:
    """`links`, through which nothing on any host is changed: each such call raises `ReadOnly`."""
    return cast("LinkSet", ReadOnlyLinks(links))


def _refusal(host: str) -> ReadOnly:
    return ReadOnly(
        f"{host} is only looked at: floyd-tui was opened with --readonly, or `readonly` is on in the settings.",
        "Open it without to change something.",
    )


class ReadOnlyLinks:
    """A `LinkSet` whose links change nothing."""

    def __init__(self, links: LinkSet) -> None:
        self._links = links
        self._wrapped: dict[str, ReadOnlyLink] = {}

    @property
    def default(self) -> str:
        """The host meant where none is named."""
        return self._links.default

    def names(self) -> list[str]:
        """All hosts' names."""
        return self._links.names()

    async def reload(self, config: Config) -> None:
        """Take over new settings; hosts are those of this laptop's settings, not a host's own."""
        await self._links.reload(config)

    def __getitem__(self, name: str) -> Link:
        """The link to `name`; raises `UnknownHost`."""
        link, known = self._links[name], self._wrapped.get(name)
        if known is None or known.link is not link:
            known = self._wrapped[name] = ReadOnlyLink(link)
        return cast("Link", known)

    async def close(self) -> None:
        """Close every link."""
        await self._links.close()


class ReadOnlyLink:
    """A `Link` that installs nothing, and whose client changes nothing; the rest is `link`'s own."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.client: Client = cast("Client", ReadOnlyClient(link.client, link.name))

    async def install_runner(self) -> None:
        """Raises `ReadOnly`."""
        raise _refusal(self.link.name)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.link, name)


class ReadOnlyClient:
    """A `Client` of which `READS` alone, and what a collection would free, are let through."""

    def __init__(self, client: Client, host: str) -> None:
        self._client, self._host = client, host

    async def gc(self, dry_run: bool = False, tell: Callable[[GcStep], None] | None = None) -> GcReport:
        """What could be freed; raises `ReadOnly` where it is to be."""
        if not dry_run:
            raise _refusal(self._host)
        return await self._client.gc(dry_run, tell)

    def __getattr__(self, name: str) -> Any:
        if name in READS:
            return getattr(self._client, name)

        async def refuse(*_: object, **__: object) -> None:
            raise _refusal(self._host)

        return refuse
