"""When a file of a running job may be taken for whole: nobody has it open for writing, and it has rested for a moment.

A checkpoint that is half written must never be shown as one. Who asks for one version of a file (``If-Match`` with its
stamp) gets that version's bytes and no others, and only once the file is still:

- no process has it open for writing. The kernel says so: it grants a read lease on no such file. The lease is given
  back at once. Where it cannot be asked (a file of another user, a file system without leases), the rest below is
  longer.
- it has not changed for `REST` seconds by the host's clock: a program that closes a file between two parts of it goes
  on sooner than that. What is written under another name and then renamed has to rest just as long.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import signal
import time

from runner.errors import RunnerError

REST = 2.0
# Where nobody can tell whether a program has the file open.
LONG_REST = 10.0


class NotStill(RunnerError):
    """The version that was asked for is not there any more, or not yet."""

    status, code, title = 412, "not_still", "Still being written"


def stamp(status: os.stat_result) -> str:
    """What stands for a file's content while nobody knows its digest: it changes with any write, and any other file."""
    marks = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    return hashlib.sha256(repr(marks).encode()).hexdigest()[:32]


def check_still(descriptor: int, path: str) -> None:
    """Raise `NotStill` unless the open file may be taken for whole; `path` is for the message."""
    written = _is_written(descriptor)
    if written:
        raise NotStill(f"{path} is open for writing in the job.", "Ask again: it comes when it is whole.")
    # The time of change cannot be set by a program, as that of modification can.
    rested = time.time() - os.fstat(descriptor).st_ctime
    if abs(rested) < (REST if written is False else LONG_REST):
        raise NotStill(f"{path} has just changed.", "Ask again: it comes when it has rested for a moment.")


def _is_written(descriptor: int) -> bool | None:
    """Whether a process has the file open for writing; None where the kernel does not say."""
    try:
        # A writer that comes in this instant is announced by a signal: let it be one that is ignored by default.
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError as error:
        return True if error.errno == errno.EAGAIN else None
    return False
