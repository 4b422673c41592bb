"""Notice that the machine slept: a clock that jumped says so on every platform."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable

_TICK = 2.0
# Clocks are set by a second or two now and then; a loop that was busy for so long is worth the same look.
_JUMP = 5.0


async def woken(
    monotonic: Callable[[], float] = time.monotonic, wall: Callable[[], float] = time.time, tick: float = _TICK
) -> AsyncIterator[float]:
    """Yield about how many seconds were slept, each time after the machine woke.

    On Linux and macOS the monotonic clock stands still in sleep and the wall clock does not; on Windows both go on,
    and a tick that took far too long tells the same.
    """
    while True:
        before = monotonic(), wall()
        await asyncio.sleep(tick)
        passed = max(monotonic() - before[0], wall() - before[1]) - tick
        if passed > _JUMP:
            yield passed
