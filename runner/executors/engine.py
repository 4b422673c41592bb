"""A client of the Docker Engine's API over its Unix socket: versions, errors in plain words, streams."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx

from runner.errors import Unavailable
from runner.executors.base import Away

# What this client was written for; an older engine is spoken to in its own version.
NEWEST = (1, 43)
OLDEST = (1, 40)
# An engine that is well answers within this many seconds, however busy.
_CLOSING_SECONDS = 2.0
_TIMEOUT = httpx.Timeout(60.0, connect=10.0)


class EngineError(Unavailable):
    """The engine refused: with what `answer` (an HTTP status), and its own words, `message`."""

    def __init__(self, answer: int, message: str) -> None:
        super().__init__(f"The Docker Engine refused: {message.rstrip('.')}.", "Look at the engine's log on the host.")
        self.answer = answer
        self.message = message


def engine_address(chosen: str, environ: Mapping[str, str] = os.environ) -> str:
    """The socket that `chosen` names, else ``$DOCKER_HOST``, as Docker's own tools take it, else the usual one."""
    return chosen or environ.get("DOCKER_HOST", "").removeprefix("unix://") or "/var/run/docker.sock"


def _transport(address: str) -> httpx.AsyncHTTPTransport:
    """The way to a socket of this machine: no TLS, for which httpx would read 20 ms of certificates."""
    return httpx.AsyncHTTPTransport(uds=address, verify=False)


class Engine:
    """One engine. Every method raises `Away` where it does not answer, `EngineError` where it refuses."""

    def __init__(self, address: str) -> None:
        self.address = address
        transport = _transport(address)
        self._http = httpx.AsyncClient(transport=transport, base_url="http://docker", timeout=_TIMEOUT)
        self._prefix = ""
        self._discarded: set[str] = set()

    async def connect(self) -> str:
        """Agree on a version of the API; returns the engine's own version."""
        if "://" in self.address:
            raise Unavailable(
                f"DOCKER_HOST is {self.address}, and jobs need an engine of this very machine, by its Unix socket.",
                "Set DOCKER_HOST to unix:///…, or docker_socket in runner.yml.",
            )
        answer = (await self._send("GET", "/version")).json()
        found = tuple(int(part) for part in answer["ApiVersion"].split("."))
        if found < OLDEST:
            raise Unavailable(
                f"Docker {answer['Version']} is too old: its API is {answer['ApiVersion']}.",
                "Install Docker Engine 19.03 or newer on the host.",
            )
        self._prefix = "/v" + ".".join(map(str, min(found, NEWEST)))
        return str(answer["Version"])

    async def get(self, path: str, /, **params: str) -> Any:
        """GET `path`; the answer's JSON."""
        return (await self._request("GET", path, params)).json()

    async def post(self, path: str, /, json: object = None, timeout: float | None = 60.0, **params: str) -> Any:
        """POST `path`; the answer's JSON, None where it is empty. `timeout` in seconds, None: wait for ever."""
        answer = await self._request("POST", path, params, json=json, timeout=timeout)
        return answer.json() if answer.content else None

    async def delete(self, path: str, /, **params: str) -> None:
        """DELETE `path`; one that is not there is no error."""
        try:
            await self._request("DELETE", path, params)
        except EngineError as error:
            # 409: its removal is already under way.
            if error.answer not in (404, 409):
                raise

    async def discard(self, container: str) -> None:
        """Remove a container by its id. What could not go because the engine was away goes with the next one."""
        self._discarded.add(container)
        for each in sorted(self._discarded):
            await self.delete(f"/containers/{each}", force="1", v="1")
            self._discarded.discard(each)

    async def is_closing(self) -> bool:
        """Whether it takes no new connection: an engine that is told to stop ends its containers after that."""
        async with httpx.AsyncClient(transport=_transport(self.address), timeout=_CLOSING_SECONDS) as fresh:
            try:
                await fresh.get("http://docker/_ping")
            except httpx.TransportError:
                return True
        return False

    async def exists(self, path: str, /, **params: str) -> bool:
        """Whether HEAD `path` finds something."""
        try:
            await self._request("HEAD", path, params)
        except EngineError as error:
            if error.answer == 404:
                return False
            raise
        return True

    async def stream(
        self, path: str, /, headers: Mapping[str, str] | None = None, **params: str
    ) -> AsyncIterator[dict[str, Any]]:
        """POST `path`; the JSON objects of the answer as they come."""
        await self._ready()
        request = self._http.build_request("POST", self._prefix + path, params=params, headers=headers, timeout=None)
        try:
            answer = await self._http.send(request, stream=True)
            try:
                if answer.is_error:
                    await answer.aread()
                    raise _refusal(answer)
                async for line in answer.aiter_lines():
                    if line.strip():
                        yield json.loads(line)
            finally:
                await answer.aclose()
        except httpx.TransportError as error:
            raise self._gone(error) from error

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def _ready(self) -> None:
        if not self._prefix:
            await self.connect()

    async def _request(self, method: str, path: str, params: Mapping[str, str], **options: Any) -> httpx.Response:
        await self._ready()
        return await self._send(method, self._prefix + path, params=params, **options)

    async def _send(self, method: str, url: str, **options: Any) -> httpx.Response:
        try:
            answer = await self._http.request(method, url, **options)
        except httpx.TransportError as error:
            raise self._gone(error) from error
        if answer.is_error:
            raise _refusal(answer)
        return answer

    def _gone(self, error: httpx.TransportError) -> Unavailable:
        words = str(error)
        if "Permission denied" in words:
            return Unavailable(
                f"This account may not use Docker: {self.address} refuses it.",
                "Add it to the host's `docker` group (sudo usermod -aG docker $USER), then log in again.",
            )
        if "No such file" in words:
            return Away(f"No Docker Engine is here: there is no {self.address}.", "Install or start Docker.")
        if isinstance(error, httpx.ConnectError):
            return Away(f"No Docker Engine answers at {self.address}.", "Start it: sudo systemctl start docker")
        return Away(
            f"The Docker Engine broke off the connection ({type(error).__name__}).", "Look at the engine's own log."
        )


def _refusal(answer: httpx.Response) -> EngineError:
    try:
        message = str(answer.json()["message"])
    except (ValueError, KeyError, TypeError):
        message = answer.text.strip() or answer.reason_phrase
    return EngineError(answer.status_code, message)
