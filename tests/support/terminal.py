"""`floyd-tui` at a terminal without a screen: what it asks, answered, and what it prints."""

from __future__ import annotations

import contextlib
import os
import pty
import subprocess

from tests.support.shell import PROGRAM, Shell


class AtTerminal:
    """``floyd-tui WORDS`` with a terminal for all three streams; read until a question, answer it, end."""

    def __init__(self, shell: Shell, *words: str) -> None:
        self._terminal, child = pty.openpty()
        # A session of its own whose terminal this is: Ctrl-C reaches the program and nobody else.
        self._process = subprocess.Popen(
            [*PROGRAM, *words],
            cwd=shell.folder,
            env=shell.env,
            stdin=child,
            stdout=child,
            stderr=child,
            start_new_session=True,
            preexec_fn=_take_terminal,
        )
        os.close(child)
        self.said = ""

    def until(self, words: str) -> None:
        """Read on until `words` were printed."""
        while words not in self.said:
            part = self._read()
            assert part, f"{words!r} never came:\n{self.said}"
            self.said += part

    def type(self, text: str) -> None:
        """Press the keys of `text`."""
        os.write(self._terminal, text.encode())

    def end(self) -> int:
        """Read on to the end; returns the exit code."""
        while part := self._read():
            self.said += part
        os.close(self._terminal)
        return self._process.wait(60)

    def _read(self) -> str:
        with contextlib.suppress(OSError):  # the program has closed the other side
            return os.read(self._terminal, 4096).decode(errors="replace")
        return ""


def _take_terminal() -> None:
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
