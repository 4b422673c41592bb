"""A job's end is told: on every screen, by the terminal, and to a webhook."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from floyd_tui.client.fake import FakeLinks
from floyd_tui.client.protocol import LinkState
from floyd_tui.config import Config
from floyd_tui.errors import ConfigError
from floyd_tui.notifying import Notify, WebhookFailed, escape_codes, message, post
from floyd_tui.screens.job import JobScreen
from runner.models import JobState
from tests.support.api import Api
from tests.support.runner import RunnerProcess
from tests.support.shell import Shell
from tests.support.shell_ui import ShellUi, shell_ui
from tests.support.terminal import AtTerminal
from tests.support.wait import wait_for

DIGITS = FakeLinks.demo()["gauss"].host.find_job("digits/6")


@contextmanager
def webhook(*answers: int) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A web server of this machine that answers so, one after the other, the last for ever; and what came."""
    came: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            came.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(answers[min(len(came), len(answers)) - 1])
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/secret-path", came
        server.shutdown()
        thread.join()


def test_which_ends_are_told() -> None:
    failed = replace(DIGITS, state=JobState.FAILED)
    other = replace(DIGITS, owner="grace")
    short = replace(DIGITS, started_at=100.0, ended_at=130.0)
    stopped = replace(DIGITS, state=JobState.STOPPED)
    told = {
        jobs: [Notify(jobs=jobs).wants(job, DIGITS.owner) for job in (DIGITS, failed, other, short, stopped)]
        for jobs in ("all", "own", "failed", "never")
    }
    assert told == {
        "all": [True, True, True, False, True],
        "own": [True, True, False, False, True],
        "failed": [False, True, False, False, False],
        "never": [False] * 5,
    }
    assert Notify(longer_than=0).wants(short, DIGITS.owner)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("jobs: mine", "it may be all, own, failed, never"),
        ("desktop: loud", "it may be auto, osc9, osc777, both, off"),
        ("bell: ding", "should be true or false"),
        ("longer_than: soon", "is not a duration"),
        ("webhook: example.org", "should be an address"),
        ("who: all", "there is no setting notify.who"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(tmp_path: Path, said: str, why: str) -> None:
    (tmp_path / "config.yaml").write_text(f"notify:\n  {said}\n")
    with pytest.raises(ConfigError, match=why):
        Config.load(tmp_path)
    (tmp_path / "config.yaml").write_text("notify: {jobs: failed, longer_than: 0, bell: false, desktop: off}\n")
    assert Config.load(tmp_path).notify == Notify("failed", 0, False, "off")


def test_what_a_host_says_cannot_steer_the_terminal_and_tmux_lets_it_through() -> None:
    codes = escape_codes("a\x1b]0;x\a;b", "done\x9c\n", Notify(desktop="both"), {})
    assert codes == "\x1b]9;a]0;x;b: done\x1b\\\x1b]777;notify;a]0,x,b;done\x1b\\\a"
    assert escape_codes("a", "b", Notify(bell=False), {"TERM_PROGRAM": "WezTerm"}) == "\x1b]9;a: b\x1b\\"
    within = escape_codes("a", "b", Notify(bell=False, desktop="osc9"), {"TMUX": "/tmp/t"})
    assert within == "\x1bPtmux;\x1b\x1b]9;a: b\x1b\x1b\\\x1b\\"
    assert escape_codes("a", "b", Notify(bell=False, desktop="off"), {}) == ""


async def test_a_webhook_is_tried_again_and_its_address_is_told_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("floyd_tui.notifying.PAUSES", (0.0, 0.0))
    with webhook(503, 500, 200) as (url, came):
        await post(url, message("gauss", DIGITS, "digits/6 succeeded"))
        assert len(came) == 3
        assert came[0] == came[2]
        assert came[0] | {"job": DIGITS.name, "state": "succeeded", "host": "gauss"} == came[0]
    with webhook(404) as (url, came):
        with pytest.raises(WebhookFailed, match="it answered 404") as caught:
            await post(url, {})
        assert len(came) == 1
    with pytest.raises(WebhookFailed, match="ConnectError"):
        await post(url, {})
    assert "secret" not in str(caught.value)


async def test_an_end_is_told_on_every_screen_and_opens(tmp_path: Path) -> None:
    links = FakeLinks.demo()
    with webhook(404) as (url, came):
        async with shell_ui(tmp_path, (120, 40), links) as ui:
            await ui.sees("protein-fold")
            ui.app.config = replace(ui.app.config, notify=Notify(webhook=url))
            await ui.until(lambda: ui.app.notices and "info" in links["local"].host.calls, "both hosts followed")
            await ui.press("2")
            ui.host.finish("digits/7", JobState.FAILED, 1, "The command ended with 1.")
            await said(ui, "✘ digits/7 failed", "on gauss: The command ended with 1.")
            await said(ui, "Webhook", "127.0.0.1 did not take the message")
            assert came[0]["text"].startswith("✘ digits/7 failed after")
            await ui.press("colon")
            await ui.type("ended")
            await ui.press("enter")
            await ui.until(lambda: isinstance(ui.app.screen, JobScreen), "the job")
            # One that ends while the connection is broken is told once it is back.
            before = len(came)
            ui.link.set_status(LinkState.RETRYING)
            for queue in ui.host.listeners:
                queue.put_nowait(None)
            await ui.until(lambda: not ui.host.listeners, "the connection to break")
            ui.host.finish("whisper-nl/13")
            ui.link.set_status(LinkState.LIVE)
            ui.app.config = replace(ui.app.config, notify=Notify(longer_than=0))
            await said(ui, "✔ whisper-nl/13 succeeded", "on gauss")
            assert len(came) == before
            assert sum(note.title == "Webhook" for note in ui.app._notifications) == 1


async def said(ui: ShellUi, title: str, words: str) -> None:
    """Wait for a toast."""

    def there() -> bool:
        return any(note.title == title and words in note.message for note in ui.app._notifications)

    await ui.until(there, f"{title}: {words}")


@pytest.mark.timeout(120)
async def test_a_real_terminal_gets_the_sequences(tmp_path: Path, runner: RunnerProcess) -> None:
    with webhook(200) as (url, came):
        (tmp_path / "config.yaml").write_text(
            f"hosts:\n  local:\n    data_dir: {runner.data_dir}\n"
            f"notify:\n  longer_than: 0\n  desktop: both\n  webhook: {url}\n"
        )
        (tmp_path / "commands.yaml").write_text(
            "- {name: Say, key: f9, command: 'echo has the terminal $((40 + 2)) on {host}', run: suspend}\n"
        )
        app = AtTerminal(Shell(tmp_path, tmp_path))
        await asyncio.to_thread(app.until, "live")
        with runner.http() as http:
            job = Api(http).launch("sleep 2", "net").short
        await asyncio.to_thread(app.until, f"\x1b]777;notify;✔ {job} succeeded;after ")
        assert f"\x1b]9;✔ {job} succeeded: after " in app.said
        await asyncio.to_thread(wait_for, lambda: came, "the webhook", 60)
        app.type("\x1b[20~")  # F9: one of the person's own commands gets the terminal
        await asyncio.to_thread(app.until, "has the terminal 42 on local")
        await asyncio.to_thread(app.until, "live")
        app.type("q")
        assert await asyncio.to_thread(app.end) == 0
        assert [each["project"] for each in came] == ["net"]
