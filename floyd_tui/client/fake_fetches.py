"""The part of the fake client that fetches from the net: it stands still until a test says how it goes on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

from floyd_tui.client.fake_host import FakeFile, FakeHost, not_found
from runner.models import AddedVersion, Dataset, DatasetVersion, Event, Fetch, NewFetch, Origin, Ref, manifest_of


class FakeFetches:
    """Mixed into `floyd_tui.client.fake.FakeClient`, which has the host."""

    host: FakeHost

    async def begin_fetch(self, dataset: str, new: NewFetch) -> Fetch:
        await self.host.gate("begin_fetch")
        number, name = len(self.host.fetches) + 1, Ref.parse(dataset).name
        fetch = Fetch(f"f{number}", self.host.info.owner, name, new.url, "waiting", self.host.now + number)
        return go_on(self.host, fetch)

    async def fetches(self) -> list[Fetch]:
        await self.host.gate("fetches")
        return sorted(self.host.fetches.values(), key=lambda fetch: -fetch.created_at)

    async def follow_fetch(self, fetch: str) -> AsyncIterator[Fetch]:
        await self.host.gate("follow_fetch")
        while True:
            now = self._fetch(fetch)
            yield now
            if now.ended:
                return
            await self.host.changed()

    async def cancel_fetch(self, fetch: str) -> Fetch:
        await self.host.gate("cancel_fetch")
        found = self._fetch(fetch)
        if not found.ended:
            return go_on(self.host, found, state="cancelled", ended_at=self.host.now)
        del self.host.fetches[fetch]
        self.host.tell(Event(removed=f"{found.owner}/fetches/{fetch}"))
        return found

    def _fetch(self, fetch: str) -> Fetch:
        if fetch not in self.host.fetches:
            raise not_found(f"fetch {fetch}")
        return self.host.fetches[fetch]


def go_on(host: FakeHost, fetch: Fetch, **changes: Any) -> Fetch:
    """Let a fetch be as `changes` say, and tell."""
    host.fetches[fetch.id] = changed = replace(fetch, **changes)
    host.tell(Event(fetch=changed))
    return changed


def arrive(host: FakeHost, fetch: Fetch, files: list[FakeFile]) -> Fetch:
    """Let a fetch end well, with `files` as the next version."""
    old = host.datasets.get(fetch.dataset) or Dataset(fetch.owner, fetch.dataset, host.now)
    (tree, _), size = manifest_of(file.entry() for file in files), sum(file.length for file in files)
    origin = Origin(fetch.url, host.now, fetch.done_bytes, tree, '"5f2a-61c"')
    number = len(old.versions) + 1
    version = DatasetVersion(fetch.owner, fetch.dataset, number, tree, len(files), size, host.now, origin=origin)
    host.sources[version.name] = files
    host.datasets[fetch.dataset] = replace(old, versions=(version, *old.versions))
    host.tell(Event(dataset=host.datasets[fetch.dataset]))
    return go_on(host, fetch, state="done", added=AddedVersion(version, True), ended_at=host.now)
