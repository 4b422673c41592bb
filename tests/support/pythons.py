"""The Pythons of this machine that a host could have: with none of our packages installed."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path


def _oldest() -> str | None:
    """A Python 3.10, the oldest that the runner is for."""
    kept = [str(path) for path in Path("~/.pyenv/versions").expanduser().glob("3.10.*/bin/python3.10")]
    return shutil.which("python3.10", path="/usr/local/bin:/usr/bin") or next(iter(kept), None)


def _system() -> str:
    """The system's own, else the one that runs the tests."""
    own = Path("/usr/bin/python3")
    return str(own) if own.exists() else sys.executable


OLDEST = _oldest()
PYTHONS = [_system(), *([OLDEST] if OLDEST else [])]
