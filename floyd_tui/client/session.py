"""One way to a runner while it holds, and what makes such ways."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

import httpcore
import httpx

from floyd_tui.client.bulk import BULK_URL, BulkTransport
from floyd_tui.client.pipe import Opener
from floyd_tui.client.transport import PoolTransport
from floyd_tui.errors import FloydError, HostKeyUnknown, HostUnreachable, RunnerMissing
from runner.models import API_VERSION, BadMessage, RunnerInfo, decode

# The host part of the URL goes nowhere; the socket is the address.
_BASE_URL = "http://runner"
# Seconds for the runner to answer a question that costs it nothing.
_ANSWER = 10.0


@dataclass
class Session:
    """A live connection: requests go through `http`; `lost` is done with the error when it has broken."""

    http: httpx.AsyncClient
    info: RunnerInfo
    latency: float
    """Seconds that a small request takes there and back, when last measured."""
    lost: asyncio.Future[FloydError] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    on_close: Callable[[], Awaitable[None]] | None = None

    def lose(self, error: FloydError) -> None:
        """Tell that the connection has broken; only the first telling counts."""
        if not self.lost.done():
            self.lost.set_result(error)

    async def alive(self, seconds: float) -> bool:
        """Whether the runner answers within `seconds`; measures the latency anew."""
        began = time.perf_counter()
        try:
            async with asyncio.timeout(seconds):
                response = await self.http.get("/v1/info")
        except (httpx.TransportError, TimeoutError):
            return False
        self.latency = time.perf_counter() - began
        return response.is_success

    async def close(self) -> None:
        """Let go of everything; quick, since nothing is asked of the host."""
        await self.http.aclose()
        if self.on_close is not None:
            await self.on_close()


class Dialer(Protocol):
    """Makes sessions with one host, over SSH or on this machine."""

    async def dial(self) -> Session:
        """Connect; raises `HostUnreachable` where trying again may help, other `HostError`s where it will not."""
        ...

    async def trust(self, error: HostKeyUnknown) -> None:
        """Know the key of `error` from now on."""
        ...

    async def install(self) -> None:
        """Put the runner on the host and start it."""
        ...


def open_http(pool: httpcore.AsyncConnectionPool, opener: Opener) -> httpx.AsyncClient:
    """An HTTP client over `pool`, and over pipes for large bodies. No proxies: the road is SSH's or a socket."""
    return httpx.AsyncClient(
        transport=PoolTransport(pool),
        mounts={BULK_URL: BulkTransport(opener)},
        base_url=_BASE_URL,
        trust_env=False,
        headers={"Accept-Encoding": "identity"},
    )


async def open_session(name: str, http: httpx.AsyncClient) -> Session:
    """Greet the runner behind `http`.

    Raises `httpx.ConnectError` where nothing listens, `HostUnreachable` where what listens does not answer, and
    `RunnerMissing` where it speaks another version of the API.
    """
    try:
        response = await http.get("/v1/info", timeout=_ANSWER)
        began = time.perf_counter()
        response = await http.get("/v1/info", timeout=_ANSWER)
        latency = time.perf_counter() - began
        info = decode(response.content, RunnerInfo)
    except httpx.ConnectError:
        raise
    except httpx.TransportError as error:
        raise HostUnreachable(
            f"The runner on {name} does not answer ({error or type(error).__name__}).",
            "If that lasts, see runner.log in its data folder there.",
        ) from error
    except BadMessage as error:
        raise RunnerMissing(
            f"What answers on {name} is not a runner that this floyd-tui understands.",
            f"Bring it up to date with `floyd-tui host install {name}`.",
        ) from error
    if info.api != API_VERSION:
        newer = "floyd-tui here" if info.api > API_VERSION else f"the runner with `floyd-tui host install {name}`"
        raise RunnerMissing(
            f"The runner on {name} ({info.version}) speaks version {info.api} of the API, and this floyd-tui "
            f"version {API_VERSION}.",
            f"Update {newer}.",
        )
    return Session(http, info, latency)
