"""`floyd-tui` in a real terminal of 80 columns and 24 lines, over a real runner."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.api import Api
from tests.support.runner import RunnerProcess
from tests.support.shell import PROGRAM
from tests.support.wait import wait_for

pytestmark = pytest.mark.tmux
SECONDS = 60


class Terminal:
    """A shell in tmux, on a server of its own; `env` is what its programs see."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self._socket = folder / "t"
        self._env = {**os.environ, **env, "TERM": "xterm-256color"}
        self._tmux("-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24", "env PS1='ready> ' sh")
        wait_for(lambda: "ready>" in self.text, "the shell's prompt", SECONDS)

    def _tmux(self, *words: str) -> str:
        command = ["tmux", "-S", str(self._socket), *words]
        return subprocess.run(command, env=self._env, check=True, capture_output=True, text=True).stdout

    @property
    def text(self) -> str:
        """What is on it."""
        return self._tmux("capture-pane", "-p")

    def press(self, *keys: str) -> None:
        """Press keys, named as tmux names them."""
        self._tmux("send-keys", *keys)

    def sees(self, text: str) -> None:
        """Wait until `text` is on it."""
        try:
            wait_for(lambda: text in self.text, repr(text), SECONDS)
        except AssertionError as error:
            raise AssertionError(f"{error}:\n{self.text}") from None

    def close(self) -> None:
        """End it and what runs in it."""
        self._tmux("kill-server")


@pytest.fixture
def terminal(tmp_path: Path, runner: RunnerProcess) -> Iterator[Terminal]:
    """A terminal whose settings name the runner as this machine's."""
    config = tmp_path / "config"
    config.mkdir()
    (config / "config.yaml").write_text(f"hosts:\n  local:\n    data_dir: {runner.data_dir}\n")
    # A Unix socket's path holds 107 bytes, and pytest's folders are long.
    made = Terminal(
        runner.data_dir.parent,
        {"FLOYD_TUI_CONFIG": str(config), "PYTHONPATH": str(Path.cwd())},
    )
    yield made
    made.close()


def test_a_visit(terminal: Terminal, runner: RunnerProcess) -> None:
    with runner.http() as http:
        api = Api(http)
        api.ended(api.launch("echo a line of the log", "net").name)
    terminal.press(f"{shlex.join(PROGRAM)}; echo code=$?", "Enter")
    terminal.sees("net")
    terminal.sees("● live")
    terminal.press("Enter")
    terminal.sees("a line of the log")
    terminal.sees("floyd › local › net › 1")  # noqa: RUF001  (the sign of the breadcrumb)
    terminal.press("Escape")
    terminal.sees("Projects")
    terminal.press("q")
    # The screen from before is back, with what the shell said, and the program ended well.
    terminal.sees("code=0")
    left = terminal.text
    assert left.startswith("ready>")
    assert "Jobs go on without you." in left
    assert "●" not in left
    terminal.press("echo typed", "Enter")
    terminal.sees("\ntyped")


def test_the_app_ends_with_a_terminal_that_nobody_hangs_up(tmp_path: Path, runner: RunnerProcess) -> None:
    (tmp_path / "config.yaml").write_text(f"hosts:\n  local:\n    data_dir: {runner.data_dir}\n")
    ours, theirs = os.openpty()
    app = subprocess.Popen(
        PROGRAM,
        cwd=Path.cwd(),
        env={**os.environ, "FLOYD_TUI_CONFIG": str(tmp_path), "HOME": str(tmp_path), "TERM": "xterm-256color"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,  # no terminal is its controlling one, so the kernel sends it no SIGHUP
    )
    try:
        os.close(theirs)
        seen = b""
        while b"No jobs here yet" not in seen:
            seen += os.read(ours, 65536)
        os.close(ours)
        assert app.wait(SECONDS) == -signal.SIGHUP
    finally:
        app.kill()
        app.wait()
