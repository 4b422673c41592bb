"""The server: textual-serve's, on 127.0.0.1 alone, with a gate before all of it and an end that waits for nobody."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from aiohttp import web
from textual_serve.app_service import AppService
from textual_serve.server import Server

from floyd_tui.web.gate import Gate

_CLOSING_SECONDS = 5.0


class WebServer(Server):
    """Serves the app that `command` starts, one process a page, on `listening`, a bound socket of 127.0.0.1."""

    def __init__(self, command: str, listening: socket.socket) -> None:
        host, port = listening.getsockname()
        super().__init__(command, host, port, "floyd-tui", templates_path=Path(__file__).parent)
        self._listening = listening
        self._open: set[web.WebSocketResponse] = set()
        self.gate = Gate(f"{host}:{port}")

    async def _make_app(self) -> web.Application:
        app = await super()._make_app()
        app.middlewares.append(self.gate.check)
        app.on_response_prepare.append(self.gate.harden)
        return app

    async def on_startup(self, app: web.Application) -> None:
        """Say nothing: the command line says where it is."""

    async def on_shutdown(self, app: web.Application) -> None:
        """Close the pages, which ends their apps; jobs go on."""
        for page in list(self._open):
            await page.close()

    async def _process_messages(self, websocket: web.WebSocketResponse, app_service: AppService) -> None:
        self._open.add(websocket)
        try:
            await super()._process_messages(websocket, app_service)
        finally:
            self._open.discard(websocket)

    async def run(self, ready: Callable[[], None]) -> None:
        """Serve until Ctrl-C or SIGTERM; `ready` is called once it answers."""
        runner = web.AppRunner(await self._make_app(), shutdown_timeout=_CLOSING_SECONDS)
        await runner.setup()
        try:
            await web.SockSite(runner, self._listening).start()
            ended = _on_signals()
            ready()
            await ended.wait()
        finally:
            await runner.cleanup()


def _on_signals() -> asyncio.Event:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    with suppress(NotImplementedError):  # Windows: Ctrl-C raises KeyboardInterrupt, which ends it as well
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, ended.set)
    return ended
