"""What was deleted since the app was opened, so that it can be undone; without anything that takes long to import."""

from __future__ import annotations

from collections.abc import Sequence

# A host and the full name of a job, dataset or version there.
Thing = tuple[str, str]


class Deletions:
    """What was deleted, deletion by deletion."""

    def __init__(self) -> None:
        self._done: list[Sequence[Thing]] = []

    def add(self, things: Sequence[Thing]) -> None:
        """These went together."""
        if things:
            self._done.append(things)

    def take(self) -> Sequence[Thing]:
        """What went last; from then on what went before that is. Empty where nothing did."""
        return self._done.pop() if self._done else ()
