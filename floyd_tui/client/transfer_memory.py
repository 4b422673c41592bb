"""What downloads are not done, on disk: so that the next program offers them again, wherever this one ended."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A download that is not done: what of which host goes where."""

    host: str
    source: str
    paths: tuple[str, ...]
    to: str
    overwrite: bool = False


class TransferMemory:
    """One file a program in `folder` (default: in the user's state folder), so that two do not write over each other.

    What cannot be written down is only not offered another time.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._kept: list[Unfinished] = []

    @property
    def folder(self) -> Path:
        """Where it is kept."""
        if self._folder is None:
            from platformdirs import user_state_path

            self._folder = user_state_path("floyd-tui", appauthor=False) / "transfers"
        return self._folder

    def keep(self, unfinished: Iterable[Unfinished]) -> None:
        """Write down what is not done now."""
        now = list(unfinished)
        if now == self._kept:
            return
        self._kept = now
        path = self._file(os.getpid())
        with suppress(OSError):
            if not now:
                path.unlink(missing_ok=True)
                return
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_suffix(".tmp")
            temporary.write_text(json.dumps([asdict(one) for one in now], indent=1), "utf-8")
            temporary.replace(path)

    def take(self) -> list[Unfinished]:
        """What programs that have ended left, which is this one's from now on."""
        found: list[Unfinished] = []
        with suppress(OSError):
            for path in sorted(self.folder.glob("*.json")):
                if path.stem.isdecimal() and (int(path.stem) == os.getpid() or not _runs(int(path.stem))):
                    found += _read(path)
                    path.unlink(missing_ok=True)
        return list(dict.fromkeys(found))

    def _file(self, pid: int) -> Path:
        return self.folder / f"{pid}.json"


def _read(path: Path) -> list[Unfinished]:
    try:
        data: Any = json.loads(path.read_text("utf-8"))
        return [_unfinished(one) for one in data]
    except (OSError, ValueError, TypeError, KeyError):
        return []  # half a file of a program that was killed: nothing is lost but the offer


def _unfinished(one: Any) -> Unfinished:
    paths = tuple(str(path) for path in one["paths"])
    return Unfinished(str(one["host"]), str(one["source"]), paths, str(one["to"]), bool(one["overwrite"]))


def _runs(pid: int) -> bool:
    """Whether there is a process of that number."""
    if os.name != "posix":
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
