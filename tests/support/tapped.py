"""A line before a runner's own socket: what crosses it is HTTP, and no SSH stands guard over the bytes."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from floyd_tui.config import Config, HostConfig
from tests.support.line import Line
from tests.support.runner import RunnerProcess
from tests.support.shell import Shell


@contextmanager
def tapped(runner: RunnerProcess) -> Iterator[tuple[Line, HostConfig]]:
    """A line to `runner`, and the host ``local`` at its near end."""
    # A Unix socket's path holds 107 bytes, and pytest's folders are long.
    with (
        tempfile.TemporaryDirectory(prefix="ft-") as near,
        Line(runner.socket, at=Path(near) / "runner.sock") as line,
    ):
        yield line, HostConfig("local", data_dir=near)


@contextmanager
def tapped_shell(folder: Path, runner: RunnerProcess) -> Iterator[tuple[Line, Shell]]:
    """The line, and a person in the project ``p`` at its near end."""
    work = folder / "work"
    work.mkdir()
    with tapped(runner) as (line, host):
        Config.load(folder / "config").with_host(host)
        shell = Shell(work, folder / "config")
        shell("init", "p")
        yield line, shell
