"""Stands over one job's command: starts it, waits for it, writes how it ended. Runs as a script of its own.

``python -I supervisor.py FOLDER RLIMIT_DATA COMMAND…``, standard library only: the runner may be killed, upgraded or
gone while this goes on. It begins only at the word ``go`` on its standard input, so that a runner that dies before it
has noted this process leaves nothing that runs unknown. In FOLDER it leaves ``began`` when it begins and, in one piece,
``ended`` (JSON: exit code and time) when every process of the job has gone. Output goes where its own goes.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36
# Room for the end, in bytes, written before the command begins: it may fill the disk.
_END_SIZE = 128


def main(folder: Path, memory: int, command: list[str]) -> int:
    """Run `command`; returns 0 once its end is written down."""
    if sys.stdin.readline() != "go\n":
        return 1
    # What a job leaves behind in the background becomes this process's child, and so can be found and ended.
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _pass_over)
    _write(folder / "began", str(time.time()))
    (folder / ".ended").write_text(" " * _END_SIZE)
    code = _run(command, memory)
    _end_others()
    _write(folder / "ended", json.dumps({"exit_code": code, "time": time.time()}).ljust(_END_SIZE))
    return 0


def _pass_over(_number: int, _frame: object) -> None:
    """Do nothing: a handler, unlike SIG_IGN, is not inherited by the command."""


def _run(command: list[str], memory: int) -> int:
    def limit() -> None:
        if memory:
            resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))

    try:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=limit)
    except OSError as error:
        print(f"floyd-runner: {command[0]} cannot be started: {error}", flush=True)
        return 126
    code = process.wait()
    return code if code >= 0 else 128 - code


def _end_others() -> None:
    """A job ends with its command, as a container does."""
    while children := _children():
        for child in children:
            os.kill(child, signal.SIGKILL)
        try:
            while os.waitpid(-1, 0):
                pass
        except ChildProcessError:
            return


def _children() -> list[int]:
    return [int(word) for word in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]


def _write(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}")
    # Over what is there, not in its place: that takes no room.
    with temporary.open("r+" if temporary.exists() else "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]))
