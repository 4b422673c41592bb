"""Waiting for a condition, never for a while."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


def wait_for(condition: Callable[[], T | None], what: str, seconds: float = 60) -> T:
    """Return the first true answer of `condition`; fails the test, naming `what`, after `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := condition():
            return answer
        time.sleep(0.02)
    raise AssertionError(f"waited {seconds} s in vain for {what}")


async def until(condition: Callable[[], Awaitable[T | None]], what: str, seconds: float = 60) -> T:
    """The same for a coroutine function."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := await condition():
            return answer
        await asyncio.sleep(0.02)
    raise AssertionError(f"waited {seconds} s in vain for {what}")


async def comes(condition: Callable[[], object], what: str, seconds: float = 60) -> None:
    """The same for a plain condition, with the event loop going on."""

    async def answer() -> bool:
        return bool(condition())

    await until(answer, what, seconds)
