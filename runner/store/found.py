"""What the database said last that people hold: a dataset's next version asks for most of it again.

Asking SQLite for five thousand blobs takes as long as all else that naming their tree does.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from types import MappingProxyType

# Blobs of one person, and people, that are remembered: some 4 MB each at most.
_BLOBS, _OWNERS = 20_000, 4
_NOTHING: Mapping[str, int] = MappingProxyType({})


class Found:
    """The last answer to each of a few people, which holds as long as the claims' epoch is the same."""

    def __init__(self) -> None:
        self._found: OrderedDict[str, tuple[int, Mapping[str, int]]] = OrderedDict()

    def of(self, owner: str, epoch: int) -> Mapping[str, int]:
        """Blobs (digest to size in bytes) that `owner` was found to hold, and does if nothing of theirs is damaged."""
        at, blobs = self._found.get(owner, (epoch, _NOTHING))
        return blobs if at == epoch else _NOTHING

    def keep(self, owner: str, epoch: int, blobs: Mapping[str, int]) -> None:
        """Remember `blobs`, found in an epoch that had begun before they were asked for.

        Few of them, as one that is looked for by itself, do not take the place of many.
        """
        if len(self.of(owner, epoch)) // 2 <= len(blobs) <= _BLOBS:
            self._found[owner] = epoch, blobs
            self._found.move_to_end(owner)
            if len(self._found) > _OWNERS:
                self._found.popitem(last=False)
