"""Walk a folder by its ignore rules: what goes up, what stays and by which rule, and what cannot go.

Nothing is opened here but folders; symbolic links are kept as text and never followed.
"""

from __future__ import annotations

import contextlib
import os
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

from floyd_tui.errors import ProjectError
from floyd_tui.project.ignore import IGNORE_FILE, IgnoreRules, Rule
from floyd_tui.project.scan import MARKS, Scan, scan

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


# Told of each entry that stays: its place here, its path from the root (a folder's ends in a slash), and the rule.
LeaveOut = Callable[[str, str, Rule], None]


class Tally:
    """What is left out, summed up by rule."""

    def __init__(self) -> None:
        self._left_out: dict[Rule, LeftOut] = {}

    def add(self, place: str, path: str, rule: Rule) -> None:
        """Count an entry to what its rule leaves out; a `LeaveOut`."""
        so_far = self._left_out.get(rule) or LeftOut(rule, 0, 0, path)
        sizes = list(islice(sizes_of(place), COUNT_AT_MOST - so_far.files))
        files, size = so_far.files + len(sizes), so_far.size + sum(sizes)
        self._left_out[rule] = LeftOut(rule, files, size, so_far.example, files >= COUNT_AT_MOST)

    def by_size(self) -> tuple[LeftOut, ...]:
        """One a rule, the largest first."""
        return tuple(sorted(self._left_out.values(), key=lambda one: -one.size))


def walk(root: str, rules: IgnoreRules, leave_out: LeaveOut) -> Iterator[tuple[str, Scan]]:
    """Each folder of `root` by its path from there, with what goes up of it. Raises `ProjectError`."""
    pending = [("", rules)]
    while pending:
        folder, rules = pending.pop()
        found = look(root, folder)
        rules = rules_in(found, folder, rules)
        sift(found, root, folder, rules, leave_out)
        pending.extend((joined(folder, name), rules) for name in found.folders)
        yield folder, found


def joined(folder: str, name: str) -> str:
    """The path of an entry of `folder`, which is empty for the root."""
    return f"{folder}/{name}" if folder else name


def look(root: str, folder: str) -> Scan:
    """What lies right in `folder`, whatever the rules say; raises `ProjectError`."""
    try:
        return scan(os.path.join(root, folder))
    except FileNotFoundError:
        if folder:  # removed while we walked: as if it had been empty
            return Scan(0)
        raise ProjectError(f"There is no folder {root}.", "Name a folder that is there.") from None
    except OSError as error:
        shown = folder or root
        raise ProjectError(
            f"The folder {shown} cannot be read: {error.strerror}.",
            f"Make it readable, or add {shown}/ to .floydignore.",
        ) from error


def rules_in(found: Scan, folder: str, rules: IgnoreRules) -> IgnoreRules:
    """The rules in force in `folder`, of which `rules` hold in its parent; those of the root are read already."""
    return rules.enter(folder) if folder and IGNORE_FILE in found.names else rules


def sift(found: Scan, root: str, folder: str, rules: IgnoreRules, leave_out: LeaveOut) -> bool:
    """Take out of `found` what stays here, telling `leave_out`; whether there was anything."""
    links = [name for name, _ in found.links]
    if not rules.may_match(folder, [*found.names, *found.folders, *links, *found.special]):
        return False
    staying: set[str] = set()

    def goes(name: str, is_dir: bool = False) -> bool:
        path = joined(folder, name)
        if rule := rules.match(path, is_dir):
            leave_out(os.path.join(root, path), path + "/" * is_dir, rule)
            staying.add(name)
        return rule is None

    numbers = [number for number, name in enumerate(found.names) if goes(name)]
    found.names = [found.names[number] for number in numbers]
    found.marks = array("Q", (mark for at in numbers for mark in found.marks[at * MARKS : (at + 1) * MARKS]))
    found.folders = [name for name in found.folders if goes(name, is_dir=True)]
    found.links = [link for link in found.links if goes(link[0])]
    found.special = [name for name in found.special if goes(name)]
    return bool(staying)


def sizes_of(place: str) -> Iterator[int]:
    """The size in bytes of each file that lies at `place` or below; what is gone or unreadable is passed over."""
    pending = [place]
    while pending:
        one = pending.pop()
        # It stays here anyway, so what cannot be read of it is no matter.
        with contextlib.suppress(OSError):
            if not os.path.isdir(one) or os.path.islink(one):
                yield os.lstat(one).st_size
                continue
            with os.scandir(one) as inside:
                for entry in inside:
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
                    else:
                        yield entry.stat(follow_symlinks=False).st_size
