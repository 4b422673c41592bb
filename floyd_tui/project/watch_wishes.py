"""What a person wants of a watch, which may change while it goes on."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from floyd_tui.project.glob import bytewise, glob


def _going() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


@dataclass(slots=True)
class Wishes:
    """`wait`: a run that is on ends by itself before the next one starts, which then has all changes until there.

    `only` are patterns as in ``.floydignore``: changes of other files start nothing, though these go up as ever.
    `going` is cleared while the watch pauses; what changes meanwhile is run when it goes on.
    """

    wait: bool = False
    only: tuple[str, ...] = ()
    going: asyncio.Event = field(default_factory=_going)

    @property
    def paused(self) -> bool:
        """Whether nothing is started."""
        return not self.going.is_set()

    def toggle(self) -> None:
        """Pause, or go on."""
        (self.going.set if self.paused else self.going.clear)()

    def of(self, paths: Iterable[str]) -> frozenset[str]:
        """Those of `paths` whose change starts a run."""
        if not self.only:
            return frozenset(paths)
        expressions = [re.compile(f"(?:{glob(bytewise(one.rstrip('/')))})(?:/.*)?", re.DOTALL) for one in self.only]
        return frozenset(path for path in paths if any(each.fullmatch(bytewise(path)) for each in expressions))


def patterns(text: str) -> tuple[str, ...]:
    """The patterns of a line, with spaces or commas between; raises `ValueError` with a sentence about a wrong one."""
    found = tuple(dict.fromkeys(text.replace(",", " ").split()))
    for one in found:
        _check(one)
    return found


def _check(pattern: str) -> None:
    try:
        re.compile(glob(bytewise(pattern.rstrip("/"))))
    except ValueError:
        hint = "Write it as in .floydignore: *.py, src/, configs/*.yml"
        raise ValueError(f"{pattern!r} matches nothing. {hint}") from None
