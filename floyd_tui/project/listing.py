"""What of a folder goes up and what stays here, path by path: the long form of what a launch says in a few lines.

Nothing is read but folders, and nothing is sent.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from floyd_tui.project.ignore import CODE_DEFAULTS, DATA_DEFAULTS, IgnoreRules, Rule
from floyd_tui.project.link import find_link
from floyd_tui.project.walk import joined, sizes_of, walk

Kind = Literal["code", "data"]
Tell = Callable[[int], None]
DEFAULTS: dict[Kind, tuple[str, ...]] = {"code": CODE_DEFAULTS, "data": DATA_DEFAULTS}
# Seconds between two calls of a progress callback, at least.
TELL_EVERY = 0.05
# A folder is named in place of its parent where it holds this share of it.
_MOST = 0.9
# What holds less than this share of all is not worth naming.
_LEAST = 0.01


@dataclass(frozen=True, slots=True)
class Stays:
    """A path that stays here, a folder (ending in a slash) once with all that is in it; `size` in bytes.

    `rule` is the line that leaves it out, `source` where that stands: ``.floydignore:3`` or ``built in``.
    """

    path: str
    files: int
    size: int
    rule: str
    source: str


@dataclass(frozen=True, slots=True)
class Goes:
    """A path that goes up, or what of a folder (ending in a slash) does; `size` in bytes."""

    path: str
    files: int
    size: int


@dataclass(frozen=True, slots=True)
class Listing:
    """What is in `root` by the rules for `kind`; `stays` is sorted by size, the largest first, `goes` by path."""

    root: Path
    kind: Kind
    goes: tuple[Goes, ...]
    stays: tuple[Stays, ...]

    def going(self, folder: str = "") -> list[Goes]:
        """What goes up from right inside `folder` (ending in a slash, or the root), the largest first."""
        return by_size(_summed(self.goes, folder))

    def staying(self, folder: str = "") -> list[Stays]:
        """What stays here from anywhere below `folder`, the largest first."""
        return [one for one in self.stays if one.path.startswith(folder)]


def folder_and_kind(folder: Path, kind: Kind | None = None) -> tuple[Path, Kind]:
    """The project or dataset that `folder` lies in, the nearer one, and whose rules hold there.

    A folder tied to nothing is looked at as it is, as code unless `kind` says otherwise. Raises `ProjectError`.
    """
    project = find_link(folder) if kind != "data" else None
    dataset = find_link(folder, "dataset") if kind != "code" else None
    if dataset and not (project and len(project.folder.parts) >= len(dataset.folder.parts)):
        return dataset.folder, "data"
    return project.folder if project else folder.resolve(), kind or "code"


async def list_folder(root: Path, kind: Kind, progress: Tell | None = None) -> Listing:
    """List `root` in a thread; cancelling ends that. `progress` is told how many files were seen.

    Raises `ProjectError` for a folder that cannot be read.
    """
    loop = asyncio.get_running_loop()

    def tell(files: int) -> None:
        if progress and not work.cancelled.is_set():
            loop.call_soon_threadsafe(progress, files)

    work = _Work(root, kind, tell)
    try:
        return await asyncio.to_thread(work.run)
    finally:
        work.cancelled.set()


class _Cancelled(Exception):
    """Ends the thread; never leaves this module."""


class _Work:
    def __init__(self, root: Path, kind: Kind, tell: Tell) -> None:
        self._root, self._kind, self._tell = root, kind, tell
        self.cancelled = threading.Event()
        self._stays: list[Stays] = []
        self._go = self._stay = 0
        self._told_at = 0.0

    def run(self) -> Listing:
        goes: list[Goes] = []
        rules = IgnoreRules.load(self._root, DEFAULTS[self._kind])
        for folder, found in walk(str(self._root), rules, self._leave_out):
            goes += [Goes(joined(folder, name), 1, size) for name, size in found.sizes()]
            goes += [Goes(joined(folder, name), 1, 0) for name, _ in found.links]
            self._go = len(goes)
            self._check()
        stays = sorted(self._stays, key=lambda one: (-one.size, one.path))
        return Listing(self._root, self._kind, tuple(sorted(goes, key=lambda one: one.path)), tuple(stays))

    def _check(self) -> None:
        if self.cancelled.is_set():
            raise _Cancelled
        now = time.monotonic()
        if now - self._told_at >= TELL_EVERY:
            self._told_at = now
            self._tell(self._go + self._stay)

    def _leave_out(self, place: str, path: str, rule: Rule) -> None:
        files = size = 0
        for one in sizes_of(place):
            files, size, self._stay = files + 1, size + one, self._stay + 1
            self._check()
        self._stays.append(Stays(path, files, size, rule.text, rule.source))


def by_size(paths: Iterable[Goes]) -> list[Goes]:
    """`paths`, the largest first."""
    return sorted(paths, key=lambda one: (-one.size, one.path))


def largest(files: Iterable[Goes], at_most: int = 5) -> list[Goes]:
    """The few paths that make up most of `files`: a folder as a whole, and of one in another only the inner."""
    files = list(files)
    least = sum(file.size for file in files) * _LEAST
    tops = [top for top in by_size(_summed(files, ""))[:at_most] if top.size >= least]
    return by_size(_innermost(top, files) for top in tops)


def _innermost(top: Goes, files: Iterable[Goes]) -> Goes:
    while top.path.endswith("/"):
        files = [file for file in files if file.path.startswith(top.path)]
        inner = by_size(_summed(files, top.path))[0]
        # A file alone in its folder is seldom the last one there.
        if inner.size < _MOST * top.size or not inner.path.endswith("/"):
            break
        top = inner
    return top


def _summed(files: Iterable[Goes], folder: str) -> Iterator[Goes]:
    """What is right inside `folder`, files as they are and folders with what they hold."""
    sums: dict[str, tuple[int, int]] = {}
    for file in files:
        if file.path.startswith(folder):
            name, slash, _ = file.path[len(folder) :].partition("/")
            count, size = sums.get(name + slash, (0, 0))
            sums[name + slash] = count + file.files, size + file.size
    return (Goes(folder + name, count, size) for name, (count, size) in sums.items())
