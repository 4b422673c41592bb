"""Time that nobody can set: since this machine was started, where its clock on the wall may be changed."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
# A wall clock that is disciplined, not set, stays this near to the other one, in seconds.
_SLACK = 2.0


def boot_id() -> str:
    """What tells this run of the machine from every other; empty where the kernel does not say."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return ""


def booted_at() -> float:
    """When the machine was started, in epoch seconds of its clock as it is now."""
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment, as seconds since the machine's start; `boot` says which start."""

    boot: str
    seconds: float

    @classmethod
    def now(cls) -> Mark:
        """This moment."""
        return cls(boot_id(), time.clock_gettime(time.CLOCK_BOOTTIME))

    @classmethod
    def read(cls, path: Path) -> Mark | None:
        """The mark that `write` left there; None where there is none."""
        with contextlib.suppress(OSError, ValueError):
            boot, seconds = path.read_text("ascii").split()
            return cls(boot, float(seconds))
        return None

    def write(self, path: Path) -> None:
        """Leave it at `path`, as well as that can be: it is of use only until the machine goes down."""
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
            path.write_text(f"{self.boot} {self.seconds}\n", "ascii")

    def elapsed(self) -> float | None:
        """Seconds since then; None where the machine was restarted meanwhile."""
        now = Mark.now()
        return now.seconds - self.seconds if now.boot == self.boot else None


def true_start(began: Mark | None, started_at: float, ended_at: float) -> float:
    """When a job began that ended at `ended_at`, in epoch seconds of the clock as it is at the end.

    `started_at` is the clock's word of that time: it may have been set since.
    """
    elapsed = began.elapsed() if began is not None else None
    if elapsed is None:
        return min(started_at, ended_at)
    lasted = max(0.0, elapsed - max(0.0, time.time() - ended_at))
    return started_at if abs(ended_at - started_at - lasted) < _SLACK else ended_at - lasted
