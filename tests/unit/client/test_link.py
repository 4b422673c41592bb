"""A link's life over a real socket: live, lost, back, failed, closed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from floyd_tui.client.link import HostLink
from floyd_tui.client.links import Links
from floyd_tui.client.protocol import LinkState, LinkStatus
from floyd_tui.client.session import Session
from floyd_tui.config import Config, HostConfig
from floyd_tui.errors import HostError, HostKeyUnknown, HostUnreachable, LoginRefused, RunnerMissing, UnknownHost
from tests.support.unix_app import UnixApp, unix_app


class Scripted:
    """Dials a `UnixApp`, or fails as told."""

    def __init__(self, app: UnixApp) -> None:
        from floyd_tui.client.local import LocalDialer

        self._real = LocalDialer(HostConfig("local", data_dir=str(app.data_dir)))
        self.failures: list[Exception] = []
        self.sessions: list[Session] = []
        self.trusted: list[str] = []
        self.dials = 0

    async def dial(self) -> Session:
        self.dials += 1
        if self.failures:
            raise self.failures.pop(0)
        session = await self._real.dial()
        self.sessions.append(session)
        return session

    async def trust(self, error: HostKeyUnknown) -> None:
        self.trusted.append(error.fingerprint)

    async def install(self) -> None:
        self.failures.clear()


async def until_state(link: HostLink, state: LinkState) -> LinkStatus:
    arrived = asyncio.Event()
    end = link.watch(lambda status: arrived.set() if status.state is state else None)
    try:
        if link.status.state is not state:
            await asyncio.wait_for(arrived.wait(), 20)
    finally:
        end()
    return link.status


async def test_it_comes_back_by_itself_with_the_same_client() -> None:
    async with unix_app() as app:
        dialer = Scripted(app)
        link, seen = HostLink("gpu1", dialer), []
        link.watch(lambda status: seen.append(status.state))
        client = link.client
        await link.connected()
        assert link.status.latency is not None
        dialer.failures = [HostUnreachable("gone"), HostUnreachable("gone")]
        dialer.sessions[0].lose(HostUnreachable("cut"))
        await until_state(link, LinkState.RETRYING)
        waiting = link.status
        assert waiting.error is not None
        assert waiting.retry_at is not None
        assert waiting.retry_at > waiting.since
        with pytest.raises(HostUnreachable, match="gone"):
            await client.info()  # a person does not wait for a host that is away
        await link.connected()  # but a followed log does
        assert (await client.info()).owner == "ada"
        assert link.client is client
        await link.close()
        assert link.status.state is LinkState.CLOSED
        live, connecting, retrying = LinkState.LIVE, LinkState.CONNECTING, LinkState.RETRYING
        assert seen[:5] == [connecting, live, connecting, retrying, connecting]
        assert dialer.dials == 4


async def test_a_first_attempt_that_finds_nobody_says_so_and_goes_on_trying() -> None:
    async with unix_app() as app:
        dialer = Scripted(app)
        dialer.failures = [HostUnreachable("nobody there")]
        link = HostLink("gpu1", dialer)
        with pytest.raises(HostUnreachable, match="nobody there"):
            await link.connected()
        await until_state(link, LinkState.LIVE)
        await link.close()


@pytest.mark.parametrize("error", [LoginRefused("no key"), RunnerMissing("no runner"), HostError("odd")])
async def test_what_the_user_must_mend_is_not_tried_again(error: HostError) -> None:
    async with unix_app() as app:
        dialer = Scripted(app)
        dialer.failures = [error]
        link = HostLink("gpu1", dialer)
        for _ in range(2):
            with pytest.raises(type(error)):
                await link.connected()
        assert link.status.state is LinkState.FAILED
        assert dialer.dials == 1
        await link.retry()
        await link.connected()
        await link.close()


async def test_a_runner_that_is_being_replaced_is_waited_for() -> None:
    async with unix_app() as app:
        dialer = Scripted(app)
        link = HostLink("gpu1", dialer)
        await link.connected()
        dialer.failures = [RunnerMissing("not just now"), RunnerMissing("not yet")]
        dialer.sessions[0].lose(HostUnreachable("cut"))
        await until_state(link, LinkState.RETRYING)
        await link.connected()
        assert dialer.dials == 4
        await link.close()


async def test_a_fault_nobody_foresaw_does_not_hang_the_link() -> None:
    async with unix_app() as app:
        dialer = Scripted(app)
        dialer.failures = [ZeroDivisionError("oops")]
        link = HostLink("gpu1", dialer)
        with pytest.raises(HostError, match="oops"):
            await link.connected()
        await link.close()


async def test_a_watcher_that_fails_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    async with unix_app() as app:
        link, seen = HostLink("gpu1", Scripted(app)), []
        link.watch(lambda status: 1 / 0)  # type: ignore[arg-type]
        link.watch(lambda status: seen.append(status.state))
        await link.connected()
        await link.close()
    assert seen == [LinkState.CONNECTING, LinkState.LIVE, LinkState.CLOSED]
    assert "division by zero" in caplog.text


async def test_an_unknown_key_is_trusted_when_asked_to() -> None:
    async with unix_app() as app:
        dialer = Scripted(app)
        dialer.failures = [HostKeyUnknown("new", "compare", "gpu1", 22, "ssh-ed25519 AAAA", "SHA256:x")]
        link = HostLink("gpu1", dialer)
        with pytest.raises(HostKeyUnknown):
            await link.connected()
        await link.trust_host_key()
        await link.connected()
        assert dialer.trusted == ["SHA256:x"]
        with pytest.raises(HostError, match="no unknown key"):
            await link.trust_host_key()
        await link.close()


async def test_a_runner_that_stops_answering_is_noticed_on_the_next_request() -> None:
    async with unix_app() as app:
        dialer = Scripted(app)
        link = HostLink("gpu1", dialer)
        await link.connected()
        await app.stop()
        dialer.failures = [HostUnreachable("still down")] * 2
        with pytest.raises(HostUnreachable):
            await link.client.info()
        await app_again(app)
        await link.connected()
        assert (await link.client.info()).owner == "ada"
        await link.close()


async def test_a_sign_of_life_from_before_the_failure_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    async with unix_app() as app:
        dialer = Scripted(app)
        link = HostLink("gpu1", dialer)
        first = await link.http()
        asked, answered = asyncio.Event(), asyncio.Event()
        answers = [False, True]

        async def alive(seconds: float) -> bool:
            asked.set()
            await answered.wait()
            return answers.pop()

        monkeypatch.setattr(dialer.sessions[0], "alive", alive)
        await link.retry()
        await asyncio.wait_for(asked.wait(), 20)
        failed = asyncio.create_task(link.broken(first))
        await asyncio.sleep(0)
        answered.set()
        await asyncio.wait_for(failed, 20)
        assert await link.http() is not first
        await link.close()


async def app_again(app: UnixApp) -> None:
    app.__init__(app.data_dir, [])  # type: ignore[misc]  # the same place, a server of its own
    await app.start()


async def test_after_sleep_no_line_is_trusted_and_no_wait_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    wake = asyncio.Event()

    async def woken() -> AsyncIterator[float]:
        while True:
            await wake.wait()
            wake.clear()
            yield 3600.0

    monkeypatch.setattr("floyd_tui.client.link.woken", woken)
    monkeypatch.setattr("floyd_tui.client.backoff._FIRST", 1000.0)
    monkeypatch.setattr("floyd_tui.client.backoff._CAP", 1000.0)
    async with unix_app() as app:
        dialer = Scripted(app)
        dialer.failures = [HostUnreachable("asleep")]
        link = HostLink("gpu1", dialer)
        await link.start()
        await until_state(link, LinkState.RETRYING)
        wake.set()
        await until_state(link, LinkState.LIVE)
        probes = []
        link.watch(lambda status: probes.append(status.state))
        wake.set()
        await until_state_again(link)
        assert probes == [LinkState.LIVE]
        assert dialer.dials == 2
        await link.close()


async def until_state_again(link: HostLink) -> None:
    told = asyncio.Event()
    link.watch(lambda _: told.set())
    await asyncio.wait_for(told.wait(), 20)


async def test_closing_is_quick_and_ends_everything() -> None:
    async with unix_app() as app:
        link = HostLink("gpu1", Scripted(app))
        await link.connected()
        before = time.perf_counter()
        await link.close()
        assert time.perf_counter() - before < 2
        assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("link")]
        with pytest.raises(HostUnreachable, match="closed"):
            await link.client.info()
        await link.close()


async def test_links_open_when_asked_for_and_know_their_names(tmp_path: Path) -> None:
    config = Config.load(tmp_path).with_host(HostConfig("gpu1", "ada@gpu1"))
    links = Links(config)
    assert links.names() == ["local", "gpu1"]
    assert links.default == "local"
    assert links["gpu1"] is links["gpu1"]
    assert links["gpu1"].status.state is LinkState.CLOSED
    with pytest.raises(UnknownHost, match="'gpu1'"):
        links["gpu"]
    old = links["gpu1"]
    await links.reload(config.with_host(HostConfig("gpu1", "ada@gpu1:2222")))
    assert links["gpu1"] is not old
    await links.close()


async def test_closing_ends_a_link_whose_dialing_swallowed_the_cancellation() -> None:
    # As asyncssh's does on Python 3.11, when it has just connected.
    async with unix_app() as app:
        dialing = asyncio.Event()

        class Swallowing(Scripted):
            async def dial(self) -> Session:
                dialing.set()
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    return await super().dial()
                raise AssertionError("unreachable")

        dialer = Swallowing(app)
        link = HostLink("gpu1", dialer)
        await link.start()
        await dialing.wait()
        async with asyncio.timeout(20):
            await link.close()
        assert link.status.state is LinkState.CLOSED
        assert [session.http.is_closed for session in dialer.sessions] == [True]
