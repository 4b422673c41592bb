"""A program at a terminal of its own, as a person sees it: what it draws, how soon, and what it takes.

What comes is looked for as it comes, colours and all, so `words` are such as a program draws in one piece. The terminal
answers no questions that programs ask it, as many terminals do not.
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

WIDTH, HEIGHT = 160, 48
# Seconds after which what is waited for will not come.
PATIENCE = 60.0
_TICKS = os.sysconf("SC_CLK_TCK")


class Screen:
    """`command` at a terminal; use it as a context manager, which kills it at the end."""

    def __init__(self, command: Sequence[str], folder: Path, env: Mapping[str, str]) -> None:
        self._terminal, child = os.openpty()
        fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))
        self.started = time.perf_counter()
        self._process = subprocess.Popen(
            list(command), cwd=folder, env=dict(env), stdin=child, stdout=child, stderr=child, start_new_session=True
        )
        os.close(child)
        self._seen = b""

    def until(self, words: str) -> float:
        """Read until `words` come, after what was looked for before; returns the moment, by `perf_counter`."""
        wanted, deadline = words.encode(), time.perf_counter() + PATIENCE
        while wanted not in self._seen:
            if not self._read(deadline):
                raise AssertionError(f"{words!r} never came; the last was {self._seen[-2000:]!r}")
        now = time.perf_counter()
        self._seen = b""
        return now

    def rest(self, seconds: float) -> None:
        """Read for so long, whatever comes."""
        deadline = time.perf_counter() + seconds
        while self._read(deadline):
            self._seen = b""

    def press(self, key: str, words: str) -> float:
        """Press `key`; returns the seconds until `words` are drawn."""
        self._seen = b""
        start = time.perf_counter()
        os.write(self._terminal, key.encode())
        return self.until(words) - start

    def _read(self, deadline: float) -> bool:
        """Take in what comes until then; whether something came."""
        left = deadline - time.perf_counter()
        if left <= 0 or not select.select([self._terminal], [], [], left)[0]:
            return False
        try:
            self._seen += os.read(self._terminal, 1 << 16)
        except OSError as error:  # the program has ended
            raise AssertionError(f"it ended with {self._process.wait(10)}: {self._seen[-2000:]!r}") from error
        return True

    @property
    def cpu(self) -> float:
        """Seconds of CPU that it has taken."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    @property
    def memory(self) -> int:
        """The most memory that it has held, in bytes."""
        return self._status("VmHWM")

    @property
    def resident(self) -> int:
        """The memory that it holds now, in bytes."""
        return self._status("VmRSS")

    def _status(self, field: str) -> int:
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(next(line.split()[1] for line in status.splitlines() if line.startswith(field))) << 10

    def __enter__(self) -> Screen:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        os.close(self._terminal)
