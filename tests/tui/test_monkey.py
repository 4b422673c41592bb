"""A monkey at the keyboard, before a real runner: keys at random, seeded. Nothing breaks, and nothing is left running.

``FLOYD_MONKEY=SEED:KEYS`` has it press more, or what it pressed when it broke something.
"""

from __future__ import annotations

import asyncio
import os
import random
from pathlib import Path
from typing import Any

import pytest
from textual.app import App
from textual.pilot import Pilot

from floyd_tui.app import FloydApp
from floyd_tui.client.links import Links
from floyd_tui.config import Config, HostConfig
from floyd_tui.screens.errors import FAULT
from floyd_tui.screens.home import HomeScreen
from tests.support.api import Api
from tests.support.job_ui import wait_until
from tests.support.runner import RunnerProcess

# No `/`, `.` or `~`: what it types as a path stays in the test's folder.
LETTERS = "abcdlrx0123 =-_:{}[]'\"\\é漢"
MOVES: tuple[str, ...] = ("up", "down", "left", "right", "tab", "shift+tab", "pageup", "pagedown", "home", "end")
ALWAYS: tuple[str, ...] = ("escape", "enter", "space", "backspace", "ctrl+l", "ctrl+u", "ctrl+a", "f1", *"1234")
# These would leave the app, or send the test to sleep.
NEVER = {"q", "ctrl+q", "ctrl+c", "ctrl+z"}
NAMES = {" ": "space", "=": "equals_sign", "-": "minus", "_": "underscore", ":": "colon", "\\": "backslash"}
SEED, KEYS = (os.environ.get("FLOYD_MONKEY") or "7:150").split(":")

pytestmark = pytest.mark.timeout(120 + int(KEYS))


@pytest.fixture
def config(tmp_path: Path, runner: RunnerProcess, monkeypatch: pytest.MonkeyPatch) -> Config:
    """A runner with jobs that ended, that runs and that waits, and a dataset; the person stands in a project."""
    folder = tmp_path / "net"
    folder.mkdir()
    (folder / "floyd.yml").write_text("command: sh train.sh\n")
    (folder / "train.sh").write_text("seq 1 2000; mkdir out; echo 1 >out/one; sleep 2\n")
    monkeypatch.chdir(folder)
    with runner.http() as http:
        api = Api(http)
        api.dataset("digits", {"train": b"1 2 3\n", "more/test.csv": b"a,b\n1,2\n"})
        points = 'for s in 1 2 3 4; do echo \'{"metric": "loss", "value": 0.\'$s\', "step": \'$s\'}\'; done'
        api.launch(f"{points}; echo '{{\"a\": [1, 2]}}' >out.json; seq 1 3000")
        api.launch("echo Traceback; exit 3", project="other")
        api.ended("other/1")
        api.ended("p/1")
        api.launch("while :; do date; sleep 0.05; done", project="other")
        api.launch("true", project="other", after=("other/2",))
    return Config(tmp_path / "config", {"local": HostConfig("local", data_dir=str(runner.data_dir))})


class Monkey:
    """What it presses depends on the seed, on which keys the screen offers, and on how long it has been there."""

    def __init__(self, pilot: Pilot[Any], seed: int) -> None:
        self._pilot, self._random = pilot, random.Random(seed)
        self._place: object = None
        self._patience = 0
        self.pressed: list[str] = []

    async def press(self) -> None:
        """Press one key, or leave for another page once it is bored."""
        screen = self._pilot.app.screen
        if screen is not self._place:
            self._place, self._patience = screen, self._random.randrange(5, 40)
        self._patience -= 1
        if self._patience < 0:
            await self._press("escape", "escape", "escape", self._random.choice("1112234"), "enter")
        else:
            await self._press(self._one())

    def _one(self) -> str:
        bound: list[str] = sorted(set(self._pilot.app.screen.active_bindings) - NEVER)
        kind = self._random.random()
        if kind < 0.55 and bound:
            return self._random.choice(bound)
        if kind < 0.7:
            letter = self._random.choice(LETTERS)
            return NAMES.get(letter, letter)
        return self._random.choice(MOVES if kind < 0.85 else ALWAYS)

    async def _press(self, *keys: str) -> None:
        self.pressed += keys
        await self._pilot.press(*keys)


async def test_a_monkey_breaks_nothing(config: Config) -> None:
    links = Links(config)
    app = FloydApp(links, config)
    told: list[str] = []
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await wait_until(pilot, lambda: app.screen.is_mounted, "the first page")
        monkey = Monkey(pilot, int(SEED))
        for _ in range(int(KEYS)):
            await monkey.press()
            told += [str(note.message) for note in app._notifications if note.title == FAULT]
            assert not told, f"after {' '.join(monkey.pressed[-40:])}"
        while not (isinstance(app.screen, HomeScreen) and len(app.screen_stack) == 1):
            await pilot.press("escape", "1")
        await wait_until(pilot, lambda: leftover(app) == [], "all that was begun to end")
    left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    assert not left


def leftover(app: App[Any]) -> list[str]:
    """Workers of screens that are gone."""
    there = {screen for stack in app._screen_stacks.values() for screen in stack}
    return [str(worker) for worker in app.workers if worker.node.screen not in there and not worker.is_finished]
