"""How far something is, in words: one way for the command line and the UI, whatever is on its way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from floyd_tui.sizes import human_count, human_duration, human_size


class Standing(Protocol):
    """How far something is; a transfer's progress and a submission's stage both are this.

    Sizes in bytes, `rate` in bytes a second; totals are 0 and `eta_seconds` None where nobody can say.
    """

    @property
    def done_files(self) -> int: ...
    @property
    def total_files(self) -> int: ...
    @property
    def done_bytes(self) -> int: ...
    @property
    def total_bytes(self) -> int: ...
    @property
    def there_bytes(self) -> int: ...
    @property
    def rate(self) -> float: ...
    @property
    def eta_seconds(self) -> float | None: ...


def share(now: Standing) -> float | None:
    """How much of it is done, from 0 to 1; None where nobody can say."""
    return now.done_bytes / now.total_bytes if now.total_bytes else None


def figures(now: Standing) -> list[str]:
    """How far it is in numbers, what matters most first."""
    of_bytes = f" of {human_size(now.total_bytes)}" if now.total_bytes else ""
    of_files = f"{now.done_files:,} of " if now.total_files else ""
    files = human_count(now.total_files or now.done_files, "file")
    parts = (
        human_size(now.done_bytes) + of_bytes if now.done_bytes or now.total_bytes else "",
        f"{human_duration(now.eta_seconds)} left" if now.eta_seconds and now.eta_seconds >= 1 else "",
        f"{human_size(now.rate)}/s" if now.rate else "",
        of_files + files if now.total_files or now.done_files else "",
        f"{human_size(now.there_bytes)} there already" if now.there_bytes else "",
    )
    return [part for part in parts if part]


def fitted(parts: Sequence[str], room: int, between: str = " · ") -> str:
    """As many of `parts` as `room` cells hold, from the first on."""
    text = ""
    for part in parts:
        longer = text + between + part if text else part
        if len(longer) > room:
            break
        text = longer
    return text
