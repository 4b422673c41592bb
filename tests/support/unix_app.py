"""A small HTTP server on a Unix socket, in the test's own event loop, whose connections a test may cut."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from runner.models import JSON, RunnerInfo, encode
from tests.support.wait import until

INFO = RunnerInfo("0.1.0", 1, "ada", "gpu1", "process", "", "/data", 1, 0.0)


class UnixApp:
    """`socket` is where it answers, in `data_dir` under the runner's name for it."""

    def __init__(self, data_dir: Path, routes: list[Route]) -> None:
        self.data_dir = data_dir
        self.socket = data_dir / "runner.sock"
        self.info = INFO
        app = Starlette(routes=[Route("/v1/info", self._info), *routes])
        config = uvicorn.Config(app, uds=str(self.socket), log_level="critical", lifespan="off", ws="none")
        self._server = uvicorn.Server(config)
        self._task: asyncio.Task[None] | None = None

    async def _info(self, request: Request) -> Response:
        return Response(encode(self.info), media_type=JSON)

    async def start(self) -> None:
        """Listen."""
        self._task = asyncio.create_task(self._server._serve())
        await until(self._listening, "the server to listen")

    async def _listening(self) -> bool:
        return self._server.started

    def cut(self) -> None:
        """Break every connection, as a lost line does."""
        for connection in list(self._server.server_state.connections):
            connection.transport.abort()

    async def stop(self) -> None:
        """Stop listening and break what is open."""
        self._server.should_exit = self._server.force_exit = True
        self.cut()
        if self._task is not None:
            await self._task
            self._task = None
        with contextlib.suppress(FileNotFoundError):
            self.socket.unlink()


@asynccontextmanager
async def unix_app(*routes: Route) -> AsyncIterator[UnixApp]:
    """A listening `UnixApp` with ``/v1/info`` and `routes`."""
    # A Unix socket's path holds 107 bytes, and pytest's folders are long.
    with tempfile.TemporaryDirectory(prefix="fa-") as folder:
        app = UnixApp(Path(folder), list(routes))
        await app.start()
        try:
            yield app
        finally:
            await app.stop()
