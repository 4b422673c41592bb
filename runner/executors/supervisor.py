"""Stands over one job's command: starts it, waits for it, writes how it ended. Runs as a script of its own.

``python -I supervisor.py FOLDER MEMORY COMMAND…`` (bytes; 0: no limit), standard library only: the runner may be killed
or gone while this goes on. It begins only at the word ``go`` on its standard input, so that a runner that dies
before it has noted this process leaves nothing that runs unknown. In FOLDER it leaves ``began`` when it begins and, in
one piece, ``ended`` (JSON: exit code, time, whether for want of memory) when every process of the job has gone. Output
goes where its own goes.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36
# Room for the end, in bytes, written before the command begins: it may fill the disk.
_END_SIZE = 128
# How often the memory of a job with a limit is looked at, in seconds.
_LOOK = 0.1


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
    kills = _kills_by_memory()
    code, over = _run(command, memory)
    _end_others()
    oom = "limit" if over else "host" if code == 128 + signal.SIGKILL and _kills_by_memory() > kills else ""
    _write(folder / "ended", json.dumps({"exit_code": code, "time": time.time(), "oom": oom}).ljust(_END_SIZE))
    return 0


def _pass_over(_number: int, _frame: object) -> None:
    """Do nothing: a handler, unlike SIG_IGN, is not inherited by the command."""


def _run(command: list[str], memory: int) -> tuple[int, bool]:
    """The command's exit code as a shell has it, and whether it was ended because it took more than `memory` bytes."""
    try:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    except OSError as error:
        print(f"floyd-runner: {command[0]} cannot be started: {error}", flush=True)
        return 126, False
    over = bool(memory) and _grows_over(process, memory)
    if over:
        _end_others()
        return 128 + signal.SIGKILL, True
    code = process.wait()
    return (code if code >= 0 else 128 - code), False


def _grows_over(process: subprocess.Popen[bytes], memory: int) -> bool:
    """Watch over the processes of the job until the first has ended (False) or all take too much together (True)."""
    while not _has_ended(process):
        pids = _family(os.getpid())
        # What processes share counts for each of them in the first sum, which costs little, and once in the second.
        if sum(map(_resident, pids)) > memory and sum(map(_proportional, pids)) > memory:
            return True
    return False


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_LOOK)
    return process.returncode is not None


def _family(pid: int) -> list[int]:
    """The processes below `pid`."""
    found: list[int] = []
    waiting = _children(pid)
    while waiting:
        found.append(waiting.pop())
        waiting += _children(found[-1])
    return found


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0


def _proportional(pid: int) -> int:
    """Memory in bytes, of what is shared a part only; 0 for a process that is gone or may not be looked at."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        return sum(int(line.split()[1]) << 10 for line in lines if line.startswith("Pss:"))
    except OSError:
        return 0


def _kills_by_memory() -> int:
    """How many processes the kernel has killed on this host for want of memory."""
    try:
        lines = Path("/proc/vmstat").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))


def _end_others() -> None:
    """A job ends with its command, as a container does."""
    with contextlib.suppress(ChildProcessError):
        while family := _family(os.getpid()):
            for pid in family:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            # Whose parent goes becomes this process's child, and may have had children meanwhile: looked at again.
            os.waitpid(-1, 0)


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += map(int, path.read_text().split())
    return found


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
