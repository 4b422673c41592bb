"""A host that is gone, slow or flaky while a screen is open: the screen stays, says so, takes keys, and comes back.

A slow host here never answers until it is well again, so that whoever waits for it in the way of keys is found out; a
flaky one lets about half of its answers break off, by a seeded draw.
``FLOYD_BAD_HOSTS=SEED:SCREENS`` has more screens seen, in another order and with other keys.
"""

from __future__ import annotations

import asyncio
import os
import random
from pathlib import Path

import pytest
from textual.screen import ModalScreen

from floyd_tui.client.fake import FakeHost, FakeLink, FakeLinks
from floyd_tui.client.fake_data import gpu_host, laptop_host
from floyd_tui.client.protocol import LinkState
from floyd_tui.errors import HostUnreachable
from floyd_tui.screens.home import HomeScreen
from floyd_tui.widgets.top_bar import TopBar
from tests.support.shell_ui import ShellUi, shell_ui
from tests.tui.test_monkey import NEVER, leftover

GONE = HostUnreachable("gauss.lab:22 does not answer.", "Is it on?")
# A second on a machine three times faster.
AT_ONCE = 3.0
KEYS = 4
SEED, SCREENS_SEEN = (os.environ.get("FLOYD_BAD_HOSTS") or "7:2").split(":")
JOB = ("enter",)
SCREENS: dict[str, tuple[str, ...]] = {
    "jobs": (),
    "projects": ("p",),
    "filter": ("slash", "d"),
    "compare": ("space", "j", "space", "c"),
    "stop": ("s",),
    "launch": ("n",),
    "again": ("r",),
    "watch": ("w",),
    "datasets": ("2",),
    "a dataset": ("2", "enter"),
    "upload": ("2", "u"),
    "from the net": ("2", "a"),
    "environments": ("3",),
    "hosts": ("4",),
    "disk": ("4", "d"),
    "secrets": ("4", "S"),
    "logs": JOB,
    "metrics": (*JOB, "M"),
    "use": (*JOB, "U"),
    "output": (*JOB, "O"),
    "a file": (*JOB, "O", "j", "enter"),
    "sync": (*JOB, "O", "S"),
    "code": (*JOB, "C"),
    "info": (*JOB, "I"),
    "download": (*JOB, "d"),
    "help": ("question_mark",),
    "palette": ("ctrl+p",),
}


class BadHost(FakeHost):
    """A host whose answers fail as `how` says."""

    how = "well"
    _draw = random.Random(5)
    _hung = asyncio.Event()

    def begin(self, how: str) -> None:
        """Be well, gone, slow or flaky from now on; what hung is answered."""
        self.how = how
        self._hung.set()
        self._hung = asyncio.Event()
        if how != "well":
            for queue in list(self.listeners):
                queue.put_nowait(None)

    async def gate(self, method: str) -> None:
        if self.how == "slow":
            await self._hung.wait()
        if self.how == "gone" or (self.how == "flaky" and self._draw.random() < 0.5):
            raise GONE
        await super().gate(method)


def said(ui: ShellUi) -> str:
    """What the uppermost top bar says."""
    for screen in reversed(ui.app.screen_stack):
        for bar in screen.query(TopBar):
            return " ".join(str(part.render()) for part in bar.walk_children(with_self=True))
    return ""


async def press(ui: ShellUi, *keys: str) -> None:
    """Press keys, each of which is taken in at once: `TimeoutError` is of one that waited for the host."""
    for key in keys:
        async with asyncio.timeout(AT_ONCE):
            await ui.pilot.press(key)


async def some_keys(ui: ShellUi, draw: random.Random) -> None:
    """A few of those that the screen offers."""
    for _ in range(KEYS):
        await press(ui, draw.choice(sorted(set(ui.app.screen.active_bindings) - NEVER)))


async def out(ui: ShellUi) -> None:
    """Leave everything by Esc."""
    for _ in range(12):
        if len(ui.app.screen_stack) == 1:
            return
        await press(ui, "escape")
    raise AssertionError(f"Esc does not lead out of {ui.app.screen}")


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BadHost:
    """The demo's GPU host, still well; the person stands in a project."""
    project = tmp_path / "net"
    project.mkdir()
    (project / "train.py").write_text("print()\n")
    monkeypatch.chdir(project)
    return BadHost(**vars(gpu_host()))


def links(host: BadHost) -> FakeLinks:
    """That host, and this machine."""
    return FakeLinks(FakeLink("gauss", host), FakeLink("local", laptop_host()))


async def test_a_host_goes_and_comes_back_at_every_screen(tmp_path: Path, host: BadHost) -> None:
    async with shell_ui(tmp_path / "config", (80, 24), links(host)) as ui:
        for name, keys in SCREENS.items():
            await ui.sees("digits")
            await press(ui, *keys)
            await gone_and_back(ui, host, name)
            await out(ui)
            await press(ui, "1")
        await ui.until(lambda: leftover(ui.app) == [], "all that was begun to end")


async def gone_and_back(ui: ShellUi, host: BadHost, name: str) -> None:
    """The host goes while a screen is open, and comes back: it is said, and all is live again."""
    screen, asked = ui.app.screen, len(host.calls)
    host.begin("gone")
    ui.link.set_status(LinkState.RETRYING, GONE, 4.0)
    await ui.until(lambda: "retry in 4 s" in said(ui) or not said(ui), f"{name}: that it is tried again")
    await press(ui, "tab")
    host.begin("well")
    ui.link.set_status(LinkState.LIVE)
    await ui.until(lambda: "live" in said(ui) or not said(ui), f"{name}: that it is there")
    await ui.until(lambda: not ui.app.screen.query(".-stale"), f"{name}: nothing to be stale")
    assert ui.app.screen is screen
    if not isinstance(screen, ModalScreen):
        await ui.until(lambda: len(host.calls) > asked, f"{name}: the host to be asked again")


async def test_a_comparison_asks_a_host_again_that_comes_back(tmp_path: Path, host: BadHost) -> None:
    async with shell_ui(tmp_path / "config", (80, 24), links(host)) as ui:
        await ui.sees("digits")
        host.begin("gone")
        await press(ui, *SCREENS["compare"], "M")
        await ui.sees(GONE.message)
        assert "loss" not in ui.text
        host.begin("well")
        ui.link.set_status(LinkState.LIVE)
        await ui.sees("loss")


@pytest.mark.parametrize("how", ["slow", "flaky", "gone"])
async def test_every_screen_takes_keys_before_a_host_that_is(tmp_path: Path, host: BadHost, how: str) -> None:
    draw = random.Random(f"{how} {SEED}")
    async with shell_ui(tmp_path / "config", (80, 24), links(host)) as ui:
        await ui.sees("digits")
        for keys in draw.sample(list(SCREENS.values()), int(SCREENS_SEEN)):
            await press(ui, *keys)
            host.begin(how)
            await some_keys(ui, draw)
            await out(ui)
            await press(ui, "1", *keys)
            await out(ui)
            host.begin("well")
            ui.link.set_status(LinkState.LIVE)
            await press(ui, "1")
            await ui.until(lambda: isinstance(ui.app.screen, HomeScreen), "the jobs")
        await ui.until(lambda: not ui.app.screen.query(".-stale"), "the jobs as they are")
        await ui.until(lambda: leftover(ui.app) == [], "all that was begun to end")
