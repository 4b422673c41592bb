"""A launch whose answer is lost on the way: sent again, it makes no second job, and none is lost without a word."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from floyd_tui.client import requests
from floyd_tui.client.link import HostLink
from floyd_tui.client.links import Links
from floyd_tui.errors import HostUnreachable
from runner.models import JobState, Launch
from tests.support.api import Api
from tests.support.road import HOST, settings
from tests.support.runner import RunnerProcess
from tests.support.sshd import Sshd
from tests.support.wait import until, wait_for

pytestmark = pytest.mark.sshd
Act = Callable[[], Awaitable[None]]


class Tap:
    """A socket before the runner's, which breaks the first launch that passes.

    `at` says where: ``request`` before the runner has seen it, ``answer`` when it is carried out and its answer on the
    way. `act` is what breaks then.
    """

    def __init__(self, folder: Path, runner: Path, at: str, act: Act) -> None:
        self._socket = folder / "runner.sock"
        self._runner = runner
        self._at = at
        self._act = act
        self._armed = False
        self.broken = False

    async def listen(self) -> asyncio.Server:
        """Take connections."""
        return await asyncio.start_unix_server(self._serve, self._socket)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            there, back = await asyncio.open_unix_connection(self._runner)
            answers = asyncio.create_task(self._carry_back(there, writer))
            try:
                while data := await reader.read(1 << 16):
                    if data.startswith(b"POST /v1/jobs HTTP") and not self.broken:
                        if self._at == "request":
                            return await self._break()
                        self._armed = True
                    back.write(data)
            finally:
                back.close()
                await answers

    async def _carry_back(self, there: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError), contextlib.closing(writer):
            while data := await there.read(1 << 16):
                if self._armed and b" 201 " in data:
                    self._armed = False
                    return await self._break()
                writer.write(data)

    async def _break(self) -> None:
        self.broken = True
        await self._act()


@asynccontextmanager
async def tapped(folder: Path, sshd: Sshd, runner: RunnerProcess, at: str, act: Act) -> AsyncIterator[HostLink]:
    """A live link through a `Tap`."""
    with tempfile.TemporaryDirectory(prefix="ft-") as short:
        tap = Tap(Path(short), runner.socket, at, act)
        config = settings(folder, sshd, runner)
        config = config.with_host(replace(config.hosts[HOST], data_dir=short))
        links = Links(config)
        async with await tap.listen():
            try:
                await links[HOST].connected()
                yield links[HOST]
                assert tap.broken
            finally:
                await links.close()


def cutting(sshd: Sshd) -> Act:
    """Break the line: every SSH connection is gone without a word."""

    async def act() -> None:
        for pid in sshd.sessions():
            os.kill(pid, signal.SIGKILL)
        await asyncio.to_thread(wait_for, lambda: not sshd.sessions(), "the sessions to be gone")

    return act


@pytest.mark.parametrize("at", ["request", "answer"])
async def test_a_line_cut_beside_a_launch_leaves_one_job(
    tmp_path: Path, sshd: Sshd, runner: RunnerProcess, at: str
) -> None:
    async with tapped(tmp_path / "config", sshd, runner, at, cutting(sshd)) as link:
        job = await link.client.launch(Launch("once", "echo here"))
        assert job.short == "once/1"
    with runner.http() as http:
        api = Api(http)
        assert api.ended(job.name).state is JobState.SUCCEEDED
        assert [one["number"] for one in api.ask("GET", "/v1/jobs")] == [1]


async def test_a_runner_killed_behind_a_launch_still_knows_it(
    tmp_path: Path, sshd: Sshd, runner: RunnerProcess
) -> None:
    async def crash() -> None:
        await asyncio.to_thread(runner.kill)
        await asyncio.to_thread(runner.start)

    async with tapped(tmp_path / "config", sshd, runner, "answer", crash) as link:
        job = await link.client.launch(Launch("once", "echo here"))
    with runner.http() as http:
        api = Api(http)
        assert api.ended(job.name).state is JobState.SUCCEEDED
        assert [one["number"] for one in api.ask("GET", "/v1/jobs")] == [1]


async def test_a_host_that_stays_away_leaves_word(
    tmp_path: Path, sshd: Sshd, runner: RunnerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "_UNTIL_KNOWN", 0.3)

    async def leave() -> None:
        await asyncio.to_thread(sshd.stop)

    async with tapped(tmp_path / "config", sshd, runner, "answer", leave) as link:
        with pytest.raises(HostUnreachable, match="broke") as caught:
            await link.client.launch(Launch("once", "echo here"))
    assert "not known whether the job was made" in caught.value.hint
    with runner.http() as http:
        assert [one["number"] for one in Api(http).ask("GET", "/v1/jobs")] == [1]


async def test_launches_with_one_key_at_the_same_moment_make_one_job(runner: RunnerProcess) -> None:
    with runner.http() as http:
        api = Api(http)
        launches = [asyncio.to_thread(api.launch, "true", "keys", key="a") for _ in range(8)]
        assert {job.number for job in await asyncio.gather(*launches)} == {1}
        assert api.launch("true", "keys", key="b").number == 2
        assert [api.launch("true", "keys").number for _ in range(2)] == [3, 4]

        async def over() -> bool:
            return all(job["state"] == "succeeded" for job in api.ask("GET", "/v1/jobs"))

        await until(over, "all jobs to end")
        assert api.launch("true", "keys", key="a").state is JobState.SUCCEEDED
