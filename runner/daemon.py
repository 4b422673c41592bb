"""The daemon from outside: starting it in the background, asking it, stopping it."""

from __future__ import annotations

import contextlib
import http.client
import logging
import logging.handlers
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO

import runner
from runner.errors import RunnerError, Unavailable
from runner.folder import lock_holder, prepare_folder
from runner.models import RunnerInfo, decode
from runner.settings import Settings
from runner.versions import own_archive

_LOG_BYTES, _LOG_FILES = 4 << 20, 3
_START_SECONDS = 30.0
_STOP_SECONDS = 20.0
_POLL_SECONDS = 0.02
_ASK_SECONDS = 5.0


def log_to(path: Path | None) -> None:
    """Send the log to `path`, rotated by size, or to standard error where it is None."""
    handler: logging.Handler = logging.StreamHandler()
    if path is not None:
        handler = logging.handlers.RotatingFileHandler(path, maxBytes=_LOG_BYTES, backupCount=_LOG_FILES, delay=True)
    logging.basicConfig(
        level=logging.INFO, handlers=[handler], format="%(asctime)s %(levelname)s %(name)s: %(message)s", force=True
    )
    logging.getLogger("httpx").setLevel(logging.WARNING)


def start(settings: Settings, replace: bool = False) -> Path:
    """Make sure that a daemon answers, and return its socket.

    With `replace`, one of another version is stopped first. Raises `Unavailable` with the daemon's own words if it
    does not come up within 30 s.
    """
    prepare_folder(settings.data_dir)
    info = ask(settings)
    if info is not None and replace and info.version != runner.__version__:
        stop(settings)
        info = None
    if info is None:
        with tempfile.TemporaryFile() as words:
            _wait_for_answer(settings, _spawn(settings, words), words)
    return settings.socket


def stop(settings: Settings) -> int | None:
    """Stop the daemon and return its process id, or None where none runs; raises `Unavailable` if it does not end."""
    pid = lock_holder(settings.lock)
    if not pid:
        return None
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        return None
    except PermissionError as error:
        raise Unavailable(f"Process {pid} is another user's runner.", "Ask its owner to stop it.") from error
    deadline = time.monotonic() + _STOP_SECONDS
    while lock_holder(settings.lock) == pid:
        if time.monotonic() > deadline:
            raise Unavailable(f"The runner (process {pid}) does not end.", f"See {settings.log}, or kill -9 {pid}.")
        time.sleep(_POLL_SECONDS)
    return pid


class _SocketConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket; httpx takes longer to load than all else that starting and stopping needs."""

    def __init__(self, path: Path) -> None:
        super().__init__("runner", timeout=_ASK_SECONDS)
        self._path = str(path)

    def connect(self) -> None:
        """Connect to the socket; raises `OSError`."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(_ASK_SECONDS)
        self.sock.connect(self._path)


def ask(settings: Settings) -> RunnerInfo | None:
    """What the daemon says of itself; None where none answers. Raises `Unavailable` if it answers nonsense."""
    try:
        with contextlib.closing(_SocketConnection(settings.socket)) as connection:
            connection.request("GET", "/v1/info")
            answer = connection.getresponse()
            said = answer.read()
    except (http.client.HTTPException, OSError):
        return None
    if answer.status != 200:
        raise Unavailable(f"The runner on {settings.socket} answers {answer.status}.", f"See {settings.log}.")
    return decode(said, RunnerInfo)


def wait_until_it_answers(settings: Settings) -> None:
    """Return when a daemon that something else starts answers; raises `Unavailable` after 30 s."""
    deadline = time.monotonic() + _START_SECONDS
    while ask(settings) is None:
        if time.monotonic() > deadline:
            raise Unavailable("The runner does not answer after 30 s.", f"See {settings.log}.")
        time.sleep(_POLL_SECONDS)


def _spawn(settings: Settings, words: IO[bytes]) -> subprocess.Popen[bytes]:
    """Start ``serve`` in a session of its own, so that the end of this login does not end it."""
    command = [*_entry(), "serve", "--log-file", "--data-dir", str(settings.data_dir)]
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=words, stderr=words, start_new_session=True, close_fds=True
    )


def _entry() -> list[str]:
    """The command that runs this very runner again: from its zipapp, or as a module."""
    if (archive := own_archive()) is not None:
        return [sys.executable, str(archive)]
    return [sys.executable, "-m", "runner"]


def _wait_for_answer(settings: Settings, process: subprocess.Popen[bytes], words: IO[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while ask(settings) is None:
        ended = process.poll() is not None
        # Another start at the same moment may have won; then its daemon is the one to wait for.
        if ended and lock_holder(settings.lock) is None:
            raise _failed(words)
        if time.monotonic() > deadline:
            raise Unavailable("The runner does not answer after 30 s.", f"See {settings.log}.")
        time.sleep(_POLL_SECONDS)


def _failed(words: IO[bytes]) -> RunnerError:
    words.seek(0)
    said = words.read().decode("utf-8", "replace").strip().splitlines()
    return Unavailable(f"The runner did not start: {said[-1] if said else 'it said nothing'}", "Correct that first.")
