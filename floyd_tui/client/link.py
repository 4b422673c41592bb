"""A connection to one host that keeps itself up.

::

            dial ok                 line lost, runner gone
    CONNECTING ──▶ LIVE ──────────────────────┐
      ▲  │  └─▶ FAILED (the user must act) ◀──│─ unknown or changed key, refused login, no runner
      │  └─▶ RETRYING (waits, doubling) ──┐   │
      └───────────────────────────────────┴───┘
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from typing import Any

import httpx

from floyd_tui.client.api import HttpClient
from floyd_tui.client.backoff import Backoff
from floyd_tui.client.protocol import LinkState, LinkStatus
from floyd_tui.client.session import Dialer, Session
from floyd_tui.client.sleep_watch import woken
from floyd_tui.client.watched import Watched
from floyd_tui.errors import FloydError, HostError, HostKeyUnknown, HostUnreachable, RunnerMissing

_log = logging.getLogger(__name__)
# Seconds for one whole attempt, and for a sign of life when there is doubt.
_ATTEMPT = 40.0
_PROBE = 5.0


class HostLink(Watched[HttpClient]):
    """A `Link` over any `Dialer`, and the `Road` that its client's requests take."""

    def __init__(self, name: str, dialer: Dialer) -> None:
        super().__init__(name, HttpClient(self), LinkStatus(LinkState.CLOSED, time.monotonic()))
        self._dialer = dialer
        self._session: Session | None = None
        self._task: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._doubt = asyncio.Event()
        self._changed = asyncio.Event()
        self._closed = False
        self._was_live = False

    async def start(self) -> None:
        """Begin connecting in the background; nothing where that has begun already."""
        if self._task is None and not self._closed:
            self._set(LinkState.CONNECTING)
            self._task = asyncio.create_task(self._run(), name=f"link {self._name}")

    async def connected(self) -> None:
        """Wait until LIVE.

        Raises the error of a FAILED link, and of a first attempt that found nobody: a link that was live once is
        waited for, however long its host is away.
        """
        await self.start()
        while self._status.state is not LinkState.LIVE:
            if self._status.state is LinkState.RETRYING and self._was_live:
                await self._changed.wait()
            else:
                await self._settled()

    async def http(self) -> httpx.AsyncClient:
        """The connection as it is now; waits while it is being made, raises why there is none."""
        await self.start()
        while self._session is None:
            await self._settled()
        return self._session.http

    async def broken(self, http: httpx.AsyncClient) -> None:
        """Find out whether `http`, on which a request failed, still works; returns when that is known."""
        self._doubt.set()
        while self._session is not None and self._session.http is http:
            await self._changed.wait()
            # With the doubt still there, what has just been answered was asked before `http` failed.
            if self._status.state is LinkState.LIVE and not self._doubt.is_set():
                return

    async def retry(self) -> None:
        """Try again now."""
        await self.start()
        if self._status.state in (LinkState.FAILED, LinkState.RETRYING):
            self._set(LinkState.CONNECTING)
        self._doubt.set()
        self._wake.set()

    async def trust_host_key(self) -> None:
        """Write the unknown host key of the last error to known_hosts and try again."""
        if not isinstance(self._status.error, HostKeyUnknown):
            raise HostError(f"{self._name} has shown no unknown key.", "Connect to it first.")
        await self._dialer.trust(self._status.error)
        await self.retry()

    async def install_runner(self) -> None:
        """Put the runner on the host, start it and try again."""
        await self._dialer.install()
        await self.retry()

    async def close(self) -> None:
        """Let go of the host; what runs there goes on."""
        self._closed = True
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._set(LinkState.CLOSED)

    def _set(self, state: LinkState, error: FloydError | None = None, retry_at: float | None = None) -> None:
        latency = self._session.latency if self._session else None
        self._become(LinkStatus(state, time.monotonic(), error, retry_at, latency))
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def _tell(self, watcher: Callable[[LinkStatus], None]) -> None:
        try:
            super()._tell(watcher)
        except Exception:  # a watcher's fault is not the link's, which others hold as well
            _log.exception("A watcher of the link to %s failed.", self._name)

    async def _settled(self) -> None:
        """Wait for a change while an attempt runs; raise its error when it has come to nothing."""
        status = self._status
        if status.state in (LinkState.RETRYING, LinkState.FAILED) and status.error is not None:
            raise status.error
        if status.state is LinkState.CLOSED:
            raise _closed(self._name)
        await self._changed.wait()

    async def _run(self) -> None:
        backoff = Backoff()
        watching_sleep = asyncio.create_task(self._notice_sleep())
        try:
            # asyncssh's waits swallow a cancellation now and then (see `runner.threads.within`).
            while not self._closed:
                self._wake.clear()
                session = await self._attempt(backoff)
                if session is not None:
                    backoff.reset()
                    error = await self._until_lost(session)
                    self._session = None
                    self._set(LinkState.CONNECTING, error)
                    await session.close()
        finally:
            watching_sleep.cancel()
            session, self._session = self._session, None
            if session is not None:
                await session.close()

    async def _attempt(self, backoff: Backoff) -> Session | None:
        """Dial once; on failure wait for as long as makes sense before the next time."""
        try:
            async with asyncio.timeout(_ATTEMPT):
                session = await self._dialer.dial()
        except Exception as error:  # what nobody foresaw must not leave the link hanging
            await self._pause(_as_shown(self._name, error), backoff)
            return None
        self._session, self._was_live = session, True
        self._doubt.clear()
        self._set(LinkState.LIVE)
        return session

    async def _pause(self, error: FloydError, backoff: Backoff) -> None:
        # A runner that was there a moment ago is being replaced, or its host starts anew: that is worth waiting for.
        if isinstance(error, HostUnreachable) or (self._was_live and isinstance(error, RunnerMissing)):
            delay = backoff.next()
            self._set(LinkState.RETRYING, error, time.monotonic() + delay)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await self._wake.wait()
        else:
            backoff.reset()
            self._set(LinkState.FAILED, error)
            await self._wake.wait()
        if self._status.state is not LinkState.CONNECTING:
            self._set(LinkState.CONNECTING)

    async def _until_lost(self, session: Session) -> FloydError:
        """Stay live until the connection breaks, or is in doubt and does not answer."""
        while not self._closed:
            doubt = asyncio.create_task(self._doubt.wait())
            ends: set[asyncio.Future[Any]] = {doubt, session.lost}
            try:
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            finally:
                doubt.cancel()
            if session.lost.done():
                return session.lost.result()
            self._doubt.clear()
            if not await session.alive(_PROBE):
                return HostUnreachable(f"The runner on {self._name} no longer answers.", "Trying again by itself.")
            self._set(LinkState.LIVE)
        return _closed(self._name)

    async def _notice_sleep(self) -> None:
        """After the laptop slept, no line can be trusted and no wait makes sense any more."""
        async for _ in woken():
            self._doubt.set()
            self._wake.set()


def _closed(name: str) -> HostUnreachable:
    return HostUnreachable(f"The connection to {name} is closed.", "Start floyd-tui anew to go on.")


def _as_shown(name: str, error: Exception) -> FloydError:
    if isinstance(error, FloydError):
        return error
    if isinstance(error, TimeoutError):
        return HostUnreachable(f"{name} took too long to answer.", "See whether the network and the host are well.")
    return HostError(f"Connecting to {name} failed: {error!r}.", "This is a fault of floyd-tui: please report it.")
