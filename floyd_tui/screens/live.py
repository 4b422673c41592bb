"""Keeping a view true: load once, then apply events, and begin anew after every lost connection."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from floyd_tui.client.protocol import Client, Link, LinkState, LinkStatus
from floyd_tui.errors import FloydError
from runner.models import Event

FIRST_DELAY, LAST_DELAY = 0.5, 8.0


async def follow(
    link: Link,
    load: Callable[[Client], Awaitable[None]],
    apply: Callable[[Event], None],
    trouble: Callable[[FloydError], None],
) -> None:
    """Keep a view of `link` true until cancelled.

    `load` runs after the first event has come, so that nothing falls between the two; `trouble` is told each error,
    after which this waits for the link, or a moment, and loads again.
    """
    delay = FIRST_DELAY
    while True:
        loaded = False
        try:
            await link.connected()
            async for event in link.client.events():
                if not loaded:
                    await load(link.client)
                    loaded, delay = True, FIRST_DELAY
                apply(event)
        except FloydError as error:
            trouble(error)
        await change_or(link, delay)
        delay = min(delay * 2, LAST_DELAY)


async def change_or(link: Link, seconds: float) -> None:
    """Wait for the link's next change; a live link that failed a question is asked again after `seconds`."""
    changed = asyncio.Event()
    was_failed = link.status.state is LinkState.FAILED

    def note(status: LinkStatus) -> None:
        changed.set()

    unwatch = link.watch(note)
    try:
        async with asyncio.timeout(None if was_failed else seconds):
            await changed.wait()
    except TimeoutError:
        return
    finally:
        unwatch()
