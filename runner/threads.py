"""Work in threads that is never left half done."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def to_the_end(work: Callable[[], T]) -> T:
    """Run `work` in a thread; where the caller is cancelled, only after it is done.

    `asyncio.to_thread` would return at once and leave the thread at it, beside whatever the caller then clears away.
    """
    running = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait((running,))
        raise
