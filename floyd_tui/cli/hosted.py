"""Running a command's work on a host: settings, connection, and the questions that come up on the way."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

import click

from floyd_tui.cli.asking import can_ask, confirm
from floyd_tui.cli.show import note
from floyd_tui.client.links import Links
from floyd_tui.client.protocol import Link, LinkState, LinkStatus
from floyd_tui.config import Config
from floyd_tui.errors import HostKeyUnknown

T = TypeVar("T")


def on_host(host: str | None, work: Callable[[Link], Awaitable[T]]) -> T:
    """Connect to `host` (None: the default one), do `work` there, close; raises what connecting or `work` raises."""

    async def session() -> T:
        links = Links(Config.load())
        try:
            link = links[host or links.default]
            await connect(link)
            link.watch(_breaks_told(link.name))
            return await work(link)
        finally:
            await links.close()

    logging.getLogger("asyncio").addFilter(_worth_saying)
    return asyncio.run(session())


def _worth_saying(record: logging.LogRecord) -> bool:
    """Not that a Ctrl-C at the very end cancelled the future by which asyncio waits for its own threads."""
    return record.exc_info is None or not isinstance(record.exc_info[1], asyncio.InvalidStateError)


def _breaks_told(name: str) -> Callable[[LinkStatus], None]:
    """Says that a line broke, and that it is back: what waits for it meanwhile must not look as if it had died."""
    lost = False

    def tell(now: LinkStatus) -> None:
        nonlocal lost
        if now.state is LinkState.CONNECTING and now.error is not None and not lost:
            lost = True
            note(str(now.error))
        elif now.state is LinkState.LIVE and lost:
            lost = False
            note(f"The connection to {name} is back.")

    return tell


async def connect(link: Link, trust: bool = False, otherwise: str = "") -> None:
    """Wait until `link` is live; an unknown host key is shown and asked about once, where somebody can answer.

    `otherwise` is the command that trusts it; left out, ``host check --trust``.
    """
    try:
        await link.connected()
    except HostKeyUnknown as unknown:
        if not trust and not await _trusted(link, unknown):
            raise HostKeyUnknown(
                unknown.message,
                f"Compare it with the host's own, then: {otherwise or f'floyd-tui host check {link.name} --trust'}",
                unknown.host,
                unknown.port,
                unknown.key,
                unknown.fingerprint,
            ) from unknown
        await link.trust_host_key()
        await link.connected()


async def _trusted(link: Link, unknown: HostKeyUnknown) -> bool:
    if not can_ask():
        return False
    click.echo(f"The key of {unknown.host} (port {unknown.port}) is not known yet:", err=True)
    click.echo(f"  {unknown.key.split()[0]} {unknown.fingerprint}", err=True)
    return await confirm(f"Trust it as the key of {link.name} from now on?")
