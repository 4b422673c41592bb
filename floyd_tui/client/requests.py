"""Requests over a road that may break: what is safe to send again is, problem documents become errors."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterable, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar
from urllib.parse import urlencode

import httpx

from floyd_tui.client.bulk import BULK_URL
from floyd_tui.errors import FloydError, HostError, HostUnreachable, RouteMissing, RunnerProblem
from runner.models import CONTENT_DIGEST, JSON, PROBLEM, BadMessage, Problem, content_digest, decode, encode

T = TypeVar("T")
Params = Mapping[str, str | int | float | list[str] | None]

# Seconds. A dead line is noticed by SSH's own keepalives; these are for a runner that hangs.
_CONNECT, _READ, _WRITE = 10.0, 60.0, 60.0
# A launch or a new version may have the runner lay out a large tree first.
_LONG_READ = 600.0
# How long a request whose answer must be known is tried again, in seconds without one.
_UNTIL_KNOWN = 60.0
# The runner's word for an address that its API does not have: it is of another time.
NO_ROUTE = "no_route"
# Answers from this size on are read in a thread, in bytes.
_LARGE = 128 << 10
QUICK = httpx.Timeout(_READ, connect=_CONNECT, write=_WRITE, pool=None)
PATIENT = httpx.Timeout(_LONG_READ, connect=_CONNECT, write=_WRITE, pool=None)


class Road(Protocol):
    """What carries requests to one runner, and mends itself. A link is one."""

    @property
    def name(self) -> str:
        """The host's name in the settings."""
        ...

    async def http(self) -> httpx.AsyncClient:
        """The connection as it is now; waits while it is being made, raises why there is none."""
        ...

    async def broken(self, http: httpx.AsyncClient) -> None:
        """Tell that `http` failed; returns when it is known whether it still works, or is replaced."""
        ...

    async def connected(self) -> None:
        """Wait until there is a connection again; raises where waiting is no use."""
        ...


@dataclass(frozen=True, slots=True)
class Request:
    """One request. `repeatable` says that sending it twice does no more than sending it once.

    A `bulk` one has a large body or answer, whose length is told, and travels over a connection of its own.
    `unsure` is the hint for a person who must know whether it was done: it is sent until its answer is known, and the
    hint shown only where that cannot be.
    """

    method: str
    path: str
    params: Params | None = None
    body: object | None = None
    content: AsyncIterable[bytes] | None = None
    headers: Mapping[str, str] | None = None
    timeout: httpx.Timeout = field(default_factory=lambda: QUICK)
    repeatable: bool = True
    bulk: bool = False
    unsure: str = ""

    def build(self, http: httpx.AsyncClient) -> httpx.Request:
        """This request for httpx; parameters that are None are left out."""
        params = {key: value for key, value in (self.params or {}).items() if value is not None}
        headers = dict(self.headers or {})
        content: Any = self.content
        if self.body is not None:
            headers["Content-Type"], content = JSON, encode(self.body)
        # Names of files need not be UTF-8: their bytes travel as they are, which httpx's own encoding refuses.
        query = urlencode(params, doseq=True, errors="surrogateescape")
        path = f"{BULK_URL}{self.path}" if self.bulk else self.path
        url = f"{path}?{query}" if query else path
        return http.build_request(self.method, url, content=content, headers=headers, timeout=self.timeout)


class _Damaged(httpx.RemoteProtocolError):
    """An answer that is not what its digest says: as good as none, over a line as good as broken."""


class Requester:
    """Sends requests along a road."""

    def __init__(self, road: Road) -> None:
        self.road = road

    async def fetch(self, request: Request, kind: type[T]) -> T:
        """Send `request` and read the answer as `kind`."""
        return await self._read(await self.send(request), kind)

    async def fetch_if_changed(self, request: Request, kind: type[T], tag: str) -> tuple[T | None, str]:
        """As `fetch`, with the answer's ETag; None where that is `tag` still, and then nothing was sent."""
        asked = replace(request, headers={**(request.headers or {}), **({"If-None-Match": tag} if tag else {})})
        response = await self._answer(asked)
        if response.status_code == httpx.codes.NOT_MODIFIED:
            return None, tag
        return await self._read(response.content, kind), response.headers.get("ETag", "")

    async def _read(self, body: bytes, kind: type[T]) -> T:
        # A list of a hundred thousand files takes a second to read, and the screen must not stand still for it.
        return self.read(body, kind) if len(body) < _LARGE else await asyncio.to_thread(self.read, body, kind)

    async def send(self, request: Request) -> bytes:
        """Send `request` and return the answer's body; a repeatable one is sent once more over a new connection."""
        return (await self._answer(request)).content

    async def _answer(self, request: Request) -> httpx.Response:
        http = await self.road.http()
        try:
            return await self._once(http, request)
        except httpx.TransportError as error:
            again = request.repeatable and request.content is None and not isinstance(error, httpx.TimeoutException)
            failure = self.failure(error, request)
        await self.road.broken(http)
        if not again:
            raise failure
        if request.unsure:
            return await self._until_known(request, failure)
        http = await self.road.http()
        try:
            return await self._once(http, request)
        except httpx.TransportError as error:
            raise self.failure(error, request) from error

    async def _until_known(self, request: Request, failure: FloydError) -> httpx.Response:
        """Send `request` over each new connection until it is answered; raises `failure` where there comes none."""
        give_up = time.monotonic() + _UNTIL_KNOWN
        while time.monotonic() < give_up:
            try:
                async with asyncio.timeout_at(asyncio.get_running_loop().time() + give_up - time.monotonic()):
                    await self.road.connected()
                    http = await self.road.http()
            except HostUnreachable:
                continue  # lost again since: `connected` waits for the next
            except (HostError, TimeoutError) as error:
                raise failure from error
            try:
                return await self._once(http, request)
            except httpx.TransportError:
                await self.road.broken(http)
        raise failure

    async def _once(self, http: httpx.AsyncClient, request: Request) -> httpx.Response:
        response = await http.send(request.build(http))
        self.check(response, response.content)
        await _check_digest(response)
        return response

    @asynccontextmanager
    async def stream(self, http: httpx.AsyncClient, request: Request) -> AsyncIterator[httpx.Response]:
        """Send `request` and hand out the answer while it comes; httpx's transport errors go through."""
        response = await http.send(request.build(http), stream=True)
        try:
            if response.is_error:
                self.check(response, await response.aread())
            yield response
        finally:
            await response.aclose()

    def check(self, response: httpx.Response, body: bytes) -> None:
        """Raise what an answer that is an error says."""
        if not response.is_error:
            return
        if response.headers.get("Content-Type", "").partition(";")[0] == PROBLEM:
            problem = self.read(body, Problem)
            if problem.code == NO_ROUTE:
                raise self.strange("does not have what this floyd-tui asks for", RouteMissing)
            raise RunnerProblem(problem)
        detail = f"The runner on {self.road.name} answered {response.status_code} {response.reason_phrase}."
        hint = "Its log (runner.log in its data folder) says more."
        raise RunnerProblem(Problem("internal", "The runner failed", response.status_code, detail, hint))

    def read(self, body: bytes | str, kind: type[T]) -> T:
        """Read JSON as `kind`; an answer that does not fit comes from a runner of another time."""
        try:
            return decode(body, kind)
        except BadMessage as error:
            raise self.strange(f"answered something that this floyd-tui does not understand ({error})") from error

    def strange(self, what: str, kind: type[RunnerProblem] = RunnerProblem) -> RunnerProblem:
        """An answer that does not fit: the runner is of another time than this floyd-tui."""
        name = self.road.name
        hint = f"Its version differs: `floyd-tui host install {name}` brings it up to date."
        return kind(Problem("bad_message", "Not understood", 502, f"The runner on {name} {what}.", hint))

    def failure(self, error: httpx.TransportError, request: Request) -> FloydError:
        """What a broken connection is called before people."""
        name = self.road.name
        if isinstance(error, _Damaged):
            message = f"What {name} answered was damaged on its way."
        elif isinstance(error, httpx.ReadTimeout):
            message = f"The runner on {name} did not answer in time."
        elif isinstance(error, httpx.TimeoutException):
            message = f"The connection to {name} stalled."
        else:
            message = f"The connection to {name} broke."
        if request.unsure:
            return HostUnreachable(message, request.unsure)
        if request.repeatable:
            return HostUnreachable(message, "Try again; what runs there goes on.")
        return HostUnreachable(message, "Look whether it was done before you try again.")


async def _check_digest(response: httpx.Response) -> None:
    """Raise `_Damaged` for a body that is not what was sent; a runner of an older version tells no digest."""
    digest, body = response.headers.get(CONTENT_DIGEST), response.content
    if digest is None:
        return
    if digest != (content_digest(body) if len(body) < _LARGE else await asyncio.to_thread(content_digest, body)):
        raise _Damaged("the body is not what its digest says", request=response.request)
