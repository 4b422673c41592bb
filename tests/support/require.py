"""What the real tests need of the machine, and what happens where it is not there.

A test marked ``docker``, ``sshd``, ``bwrap`` or ``tmux`` is skipped with the reason where that is missing, and fails
instead where FLOYD_TEST_REQUIRE names it (as CI does): a test that cannot run must not look green.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from functools import cache

from scripts.test_image import why_no_engine


def _program(name: str, package: str) -> Callable[[], str | None]:
    def check() -> str | None:
        found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
        return None if found else f"{name} is not installed (Debian: apt-get install {package})."

    return check


CHECKS: dict[str, Callable[[], str | None]] = {
    "docker": why_no_engine,
    "sshd": _program("sshd", "openssh-server"),
    "bwrap": _program("bwrap", "bubblewrap"),
    "tmux": _program("tmux", "tmux"),
}


@cache
def missing(need: str) -> str | None:
    """Why `need` (a key of CHECKS) cannot be met here, None if it can."""
    return CHECKS[need]()


def required() -> frozenset[str]:
    """The needs that FLOYD_TEST_REQUIRE names."""
    return frozenset(word for word in os.environ.get("FLOYD_TEST_REQUIRE", "").split(",") if word)
