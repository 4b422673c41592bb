"""What every link has, whatever it reaches: a name, a client, and a status that others watch."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Generic, TypeVar

from floyd_tui.client.protocol import LinkStatus

C_co = TypeVar("C_co", covariant=True)


class Watched(Generic[C_co]):
    """The plain part of a `Link`."""

    def __init__(self, name: str, client: C_co, status: LinkStatus) -> None:
        self._name = name
        self._client = client
        self._status = status
        self._watchers: list[Callable[[LinkStatus], None]] = []

    @property
    def name(self) -> str:
        """The host's name in the settings."""
        return self._name

    @property
    def status(self) -> LinkStatus:
        """Where the link stands."""
        return self._status

    @property
    def client(self) -> C_co:
        """The host's runner; the same object for the link's whole life."""
        return self._client

    def watch(self, callback: Callable[[LinkStatus], None]) -> Callable[[], None]:
        """Call `callback` on each change of status; returns what ends that."""
        self._watchers.append(callback)

        def end() -> None:
            with contextlib.suppress(ValueError):
                self._watchers.remove(callback)

        return end

    def _become(self, status: LinkStatus) -> None:
        """Stand otherwise, and tell who watches."""
        self._status = status
        for watcher in tuple(self._watchers):
            self._tell(watcher)

    def _tell(self, watcher: Callable[[LinkStatus], None]) -> None:
        watcher(self._status)
