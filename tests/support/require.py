"""What the real tests need of the machine, and what happens where it is not there.

A test marked with one of these needs is skipped with the reason where that is missing, and fails instead where
FLOYD_TEST_REQUIRE names it (as CI does): a test that cannot run must not look green.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

from scripts.test_image import why_no_engine

# Debian's own first: a client of another make may stand before it.
_PATH = f"/usr/bin:{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
DOCKER = shutil.which("docker", path=_PATH) or "docker"
# The library that tells programs another time, where Debian puts it.
FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)


def _programs(package: str, *names: str) -> Callable[[], str | None]:
    def check() -> str | None:
        missing = [name for name in names if not shutil.which(name, path=_PATH)]
        return f"{', '.join(missing)} is not installed (Debian: apt-get install {package})." if missing else None

    return check


def _docker() -> str | None:
    return why_no_engine() or _programs("docker.io", "docker")()


def _accounts() -> str | None:
    return _programs("passwd", "useradd", "userdel")() or ("only root makes accounts." if os.geteuid() else None)


CHECKS: dict[str, Callable[[], str | None]] = {
    "docker": _docker,
    "sshd": _programs("openssh-server openssh-client procps", "sshd", "ssh-keygen", "pgrep"),
    "accounts": _accounts,
    "bwrap": _programs("bubblewrap", "bwrap"),
    "tmux": _programs("tmux", "tmux"),
    "git": _programs("git", "git"),
    "gcc": _programs("gcc libc6-dev", "gcc"),
    "faketime": lambda: None if FAKETIME else "libfaketime is not installed (Debian: apt-get install libfaketime).",
    "chromium": _programs("chromium", "chromium"),
    "registry": _programs("docker-registry", "docker-registry"),
}


@cache
def missing(need: str) -> str | None:
    """Why `need` (a key of CHECKS) cannot be met here, None if it can."""
    return CHECKS[need]()


def required() -> frozenset[str]:
    """The needs that FLOYD_TEST_REQUIRE names."""
    return frozenset(word for word in os.environ.get("FLOYD_TEST_REQUIRE", "").split(",") if word)
