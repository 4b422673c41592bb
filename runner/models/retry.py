"""When a job is tried again, as people write it: ``3 on [lost, oom, exit 75]``."""

from __future__ import annotations

import re
from dataclasses import dataclass

# What is not the code's fault: the host or its engine went down, memory ran out, and EX_TEMPFAIL of sysexits.h.
RETRY_ON = ("lost", "oom", "exit 75")
MOST_RETRIES = 100
_RETRY = re.compile(r"(\d+)(?:\s+on\s+(\[[^\[\]]*\]|[^\[\]]+))?")
_EXIT = re.compile(r"exit ([1-9]\d{0,2})")


@dataclass(frozen=True, slots=True)
class Retry:
    """How often a job is tried again, after its first attempt, and after which ends of one.

    Each of `on` is ``lost`` (its host or engine went down with it), ``oom`` (it was killed for want of memory) or
    ``exit N`` with N from 1 to 255. A job that was stopped or ran into its time limit is never tried again.
    """

    times: int
    on: tuple[str, ...] = RETRY_ON

    @classmethod
    def parse(cls, text: str) -> Retry:
        """Read ``3``, ``3 on lost`` or ``3 on [lost, oom, exit 75]``; raises `ValueError` with a sentence."""
        found = _RETRY.fullmatch(text.strip())
        if found is None:
            raise ValueError(f"{text!r} is not a retry; write 3, or such as 3 on [lost, oom, exit 75].")
        if found[2] is None:
            return cls(int(found[1])).checked()
        words = (" ".join(word.split()) for word in found[2].strip("[]").split(","))
        return cls(int(found[1]), tuple(dict.fromkeys(word for word in words if word))).checked()

    def checked(self) -> Retry:
        """Itself; raises `ValueError` with a sentence for what cannot be meant."""
        if not 0 <= self.times <= MOST_RETRIES:
            raise ValueError(f"A job can be tried again 0 to {MOST_RETRIES} times, not {self.times}.")
        if not self.on:
            raise ValueError("A retry names the ends to try again after, such as 3 on [lost, exit 75].")
        for reason in self.on:
            if reason not in ("lost", "oom") and not _is_exit(reason):
                raise ValueError(
                    f"{reason!r} is no end to try again after; there are lost, oom and exit 1 to exit 255."
                )
        return self

    @property
    def attempts(self) -> int:
        """How many attempts there can be, the first one included."""
        return self.times + 1

    def after(self, exit_code: int | None, lost: bool, oom: bool) -> bool:
        """Whether an attempt that ended so is one to try again after."""
        if lost:
            return "lost" in self.on
        return (oom and "oom" in self.on) or (not oom and f"exit {exit_code}" in self.on)

    def __str__(self) -> str:
        return f"{self.times} on [{', '.join(self.on)}]"


def _is_exit(reason: str) -> bool:
    found = _EXIT.fullmatch(reason)
    return found is not None and int(found[1]) <= 255
