"""What is being stored just now and nothing refers to yet: the garbage collector leaves it alone."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterable


class Claim:
    """Digests of blobs and trees that somebody is about to refer to. It holds as long as the object is kept."""

    def __init__(self, lock: threading.Lock) -> None:
        self._lock = lock
        self._digests: set[str] = set()

    def add(self, digests: Iterable[str]) -> None:
        """Claim these too. What is in the store when this returns stays there, what is not is not to come back."""
        with self._lock:
            self._digests.update(digests)

    def drop(self, digests: Iterable[str]) -> None:
        """Let go of these: by now the database says who refers to them."""
        with self._lock:
            self._digests.difference_update(digests)

    def hold(self, digests: Iterable[str]) -> set[str]:
        """Those of `digests` that are claimed here; for `Claims`, which has the lock."""
        return self._digests.intersection(digests)


class Claims:
    """All open claims. One of which every reference is gone, by a failure too, claims nothing any more.

    `lock` is held by whoever takes files away; `epoch` counts how often the database was made to forget something, and
    changes on the database's writing thread only: while that is being done, and by `forgotten` once it is. So what the
    database says in between, which knows nothing of it yet, belongs to an epoch that is over as soon as it is done.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.epoch = 0
        self._open: weakref.WeakSet[Claim] = weakref.WeakSet()

    def open(self, digests: Iterable[str] = ()) -> Claim:
        """A new claim."""
        claim = Claim(self.lock)
        with self.lock:
            self._open.add(claim)
        claim.add(digests)
        return claim

    def forgotten(self) -> None:
        """What the database was made to forget is forgotten now."""
        self.epoch += 1

    def held(self, digests: Iterable[str]) -> set[str]:
        """Those of `digests` that anybody claims. Call it with `lock` held."""
        wanted = list(digests)
        return set().union(*(claim.hold(wanted) for claim in self._open))
