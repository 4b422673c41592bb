"""The hub: tells everybody who listens what has changed, each owner their own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from runner.models import Event
from runner.threads import within

SIGN_OF_LIFE = 15.0


class Hub:
    """Events to subscribers. A slow one never holds the others: of each thing it gets the newest state only."""

    def __init__(self) -> None:
        self._subscribers: dict[_Subscription, str] = {}

    def publish(self, event: Event) -> None:
        """Tell those whom it is for: the thing's owner, and of a public dataset everybody."""
        public = event.dataset is not None and event.dataset.public
        for subscription, owner in self._subscribers.items():
            if public or owner == _owner(event):
                subscription.put(event)

    def publish_to_all(self, event: Event) -> None:
        """Tell everybody, as of a dataset that was public and is not any more."""
        for subscription in self._subscribers:
            subscription.put(event)

    async def subscribe(self, owner: str) -> AsyncIterator[Event]:
        """What `owner` may know from now on: an empty event at once, and after each 15 s of silence."""
        subscription = _Subscription()
        self._subscribers[subscription] = owner
        try:
            yield Event()
            while True:
                for event in await subscription.take():
                    yield event
        finally:
            del self._subscribers[subscription]


class _Subscription:
    """What has not been told yet, the newest of each name."""

    def __init__(self) -> None:
        self._waiting: dict[str, Event] = {}
        self._news = asyncio.Event()

    def put(self, event: Event) -> None:
        name = _name(event)
        # To the end: a removal after a change must come after it, and the other way round.
        self._waiting.pop(name, None)
        self._waiting[name] = event
        self._news.set()

    async def take(self) -> list[Event]:
        try:
            await within(self._news.wait(), SIGN_OF_LIFE)
        except asyncio.TimeoutError:
            return [Event()]
        self._news.clear()
        taken, self._waiting = list(self._waiting.values()), {}
        return taken


def _name(event: Event) -> str:
    if event.job is not None:
        return event.job.name
    if event.dataset is not None:
        return f"{event.dataset.owner}/datasets/{event.dataset.name}"
    if event.fetch is not None:
        return f"{event.fetch.owner}/fetches/{event.fetch.id}"
    return event.removed or ""


def _owner(event: Event) -> str:
    return _name(event).partition("/")[0]
