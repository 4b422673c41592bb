"""Bodies of requests, as they come: cut where they are over their limit, or dawdle.

A body that is never finished would hold its connection, and what of it is in memory, for ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import AsyncExitStack
from typing import TypeVar
from weakref import WeakValueDictionary

from starlette.requests import Request

from runner.api.common import runner_of
from runner.errors import TooLarge, TooSlow
from runner.models import decode
from runner.threads import within

T = TypeVar("T")
# A launch with a long command and environment fits many times over.
MAX_JSON_BYTES = 1 << 20
# Bytes a second on the whole: a line that has less carries no log either.
_SLOWEST = 1024
# From this size on, in bytes, a person's bodies that are held in memory come one after the other.
_LARGE = 8 << 20
_turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()


async def body(request: Request, kind: type[T]) -> T:
    """The request's JSON body as `kind`; raises `BadMessage` naming what does not fit, `TooLarge`, or `TooSlow`."""
    data = bytearray()
    async for chunk in steady(request):
        data += chunk
        if len(data) > MAX_JSON_BYTES:
            raise TooLarge("The request is larger than 1 MiB.", "Send data as blobs, not in the request.")
    return decode(bytes(data), kind)


async def steady(request: Request) -> AsyncIterator[bytes]:
    """The body, as long as it comes; raises `TooSlow` after a silence, or below 1 KiB a second on the whole."""
    silence = runner_of(request).settings.request_silence
    loop = asyncio.get_running_loop()
    begun, came, source = loop.time(), 0, aiter(request.stream())
    while True:
        left = begun + silence + came / _SLOWEST - loop.time()
        try:
            chunk = await within(anext(source), min(silence, left))
        except StopAsyncIteration:
            return
        except asyncio.TimeoutError:
            raise TooSlow("The request was begun, and its rest does not come.", "Send it again.") from None
        came += len(chunk)
        yield chunk


async def in_turn(chunks: AsyncIterable[bytes], owner: str, held: AsyncExitStack) -> AsyncIterator[bytes]:
    """`chunks`; where they are many, only while no other large body of `owner` is kept, until `held` lets go of it."""
    came, turn = 0, None
    async for chunk in chunks:
        came += len(chunk)
        if came > _LARGE and turn is None:
            turn = _turns.setdefault(owner, asyncio.Lock())
            await held.enter_async_context(turn)
        yield chunk
