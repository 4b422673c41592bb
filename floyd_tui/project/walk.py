"""Walk a folder by its ignore rules: what goes up, what stays and by which rule, and what cannot go.

Nothing is opened here but folders; symbolic links are kept as text and never followed.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from floyd_tui.errors import ProjectError
from floyd_tui.project.ignore import IgnoreRules, Rule

# An entry that stays here, its path and the rule that says so.
LeaveOut = Callable[["os.DirEntry[str]", str, Rule], None]

# A folder left out may be huge (.git, .venv); counting what is in it stops here, and says so.
COUNT_AT_MOST = 5_000


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What one rule left out: `files` of `size` bytes, beginning with `example`; `more` where counting stopped."""

    rule: Rule
    files: int
    size: int
    example: str
    more: bool = False


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A regular file as the walk saw it."""

    path: str
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    executable: bool

    @classmethod
    def of(cls, path: str, status: os.stat_result) -> FoundFile:
        """The file at `path` (relative to the root) with this status."""
        executable = os.name == "posix" and bool(status.st_mode & stat.S_IXUSR)
        return cls(path, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, executable)


@dataclass(slots=True)
class Found:
    """What a walk found. `links` are pairs of path and target; `empty` are folders with nothing in them that goes up;
    `special` are sockets, pipes and devices, which cannot go."""

    files: list[FoundFile] = field(default_factory=list)
    links: list[tuple[str, str]] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)
    special: list[str] = field(default_factory=list)
    left_out: dict[Rule, LeftOut] = field(default_factory=dict)

    def sum_up(self, entry: os.DirEntry[str], path: str, rule: Rule) -> None:
        """Count `entry` to what its rule leaves out."""
        so_far = self.left_out.get(rule) or LeftOut(rule, 0, 0, path)
        sizes = list(islice(sizes_of(entry), COUNT_AT_MOST - so_far.files))
        files, size = so_far.files + len(sizes), so_far.size + sum(sizes)
        self.left_out[rule] = LeftOut(rule, files, size, so_far.example, files >= COUNT_AT_MOST)


def walk(root: Path, rules: IgnoreRules, check: Callable[[Found], None], leave_out: LeaveOut | None = None) -> Found:
    """Walk `root`; `check` is called for each folder and may raise to end the walk. Raises `ProjectError`.

    `leave_out` is told of each entry that stays, its path (a folder's ends in a slash) and the rule; without it they
    are summed up by rule in `Found.left_out`.
    """
    found = Found()
    leave_out = leave_out or found.sum_up
    pending = [("", rules)]
    while pending:
        folder, rules = pending.pop()
        check(found)
        if folder:
            rules = rules.enter(folder)
        entries = _entries(root, folder)
        filled = False
        for entry in entries:
            path = f"{folder}/{entry.name}" if folder else entry.name
            is_dir = entry.is_dir(follow_symlinks=False)
            if rule := rules.match(path, is_dir):
                leave_out(entry, path + "/" * is_dir, rule)
            elif is_dir:
                pending.append((path, rules))
                filled = True
            else:
                filled |= _add(entry, path, found)
        if folder and not filled:
            found.empty.append(folder)
    return found


def _entries(root: Path, folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(root / folder) as entries:
            return list(entries)
    except FileNotFoundError:
        if folder:  # removed while we walked: as if it had never been there
            return []
        raise ProjectError(f"There is no folder {root}.", "Name a folder that is there.") from None
    except OSError as error:
        shown = folder or str(root)
        raise ProjectError(
            f"The folder {shown} cannot be read: {error.strerror}.",
            f"Make it readable, or add {shown}/ to .floydignore.",
        ) from error


def sizes_of(entry: os.DirEntry[str]) -> Iterator[int]:
    """The size in bytes of each file that `entry` is or holds; what is gone or unreadable is passed over."""
    pending = [entry]
    while pending:
        one = pending.pop()
        # It stays here anyway, so what cannot be read of it is no matter.
        with contextlib.suppress(OSError):
            if not one.is_dir(follow_symlinks=False):
                yield one.stat(follow_symlinks=False).st_size
                continue
            with os.scandir(one.path) as inside:
                pending.extend(inside)


def _add(entry: os.DirEntry[str], path: str, found: Found) -> bool:
    """Note one entry that is no folder; whether it is something that goes up."""
    try:
        if entry.is_symlink():
            found.links.append((path, os.readlink(entry.path)))
            return True
        # DirEntry.stat on Windows leaves inode and change time out; os.stat does not.
        status = entry.stat(follow_symlinks=False) if os.name == "posix" else os.lstat(entry.path)
    except FileNotFoundError:
        return False
    if stat.S_ISREG(status.st_mode):
        found.files.append(FoundFile.of(path, status))
        return True
    found.special.append(path)
    return False
