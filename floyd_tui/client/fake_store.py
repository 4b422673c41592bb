"""The part of the fake client that manages datasets."""

from __future__ import annotations

from dataclasses import replace

from floyd_tui.client.fake_disk import FakeDisk
from floyd_tui.client.fake_fetches import FakeFetches
from floyd_tui.client.fake_host import FakeHost, not_found
from floyd_tui.client.fake_secrets import FakeSecrets
from floyd_tui.client.fake_trash import FakeTrash
from runner.models import (
    Dataset,
    DatasetChange,
    DatasetUse,
    Event,
    FileChange,
    Ref,
)


class FakeStore(FakeDisk, FakeFetches, FakeSecrets, FakeTrash):
    """Mixed into `floyd_tui.client.fake.FakeClient`, which has the host."""

    host: FakeHost

    def _dataset(self, name: str) -> tuple[Dataset, Ref]:
        ref = Ref.parse(name)
        if ref.name not in self.host.datasets:
            raise not_found(f"dataset {name}")
        return self.host.datasets[ref.name], ref

    async def change_dataset(self, name: str, change: DatasetChange) -> Dataset:
        await self.host.gate("change_dataset")
        old, ref = self._dataset(name)
        new = replace(
            old,
            name=change.name or old.name,
            description=old.description if change.description is None else change.description,
            public=old.public if change.public is None else change.public,
        )
        new = replace(new, versions=tuple(replace(version, dataset=new.name) for version in old.versions))
        del self.host.datasets[ref.name]
        self.host.datasets[new.name] = new
        for before, after in zip(old.versions, new.versions, strict=True):
            self.host.sources[after.name] = self.host.sources.pop(before.name)
        if new.name != old.name:
            self.host.tell(Event(removed=f"{old.owner}/datasets/{old.name}"))
        self.host.tell(Event(dataset=new))
        return new

    async def dataset_uses(self, name: str) -> list[DatasetUse]:
        await self.host.gate("dataset_uses")
        old, ref = self._dataset(name)
        found = []
        for job in self.host.jobs.values():
            for mounted in job.inputs:
                source = Ref.parse(mounted.source)
                same = source.kind == "datasets" and source.name == old.name and source.number is not None
                if same and ref.number in (None, source.number):
                    found.append(DatasetUse(source.number or 0, job.owner, job.state, job.name))
        return found

    async def diff(self, old: str, new: str) -> list[FileChange]:
        await self.host.gate("diff")
        before = {file.path: file.entry() for file in self.host.find_source(old)}
        after = {file.path: file.entry() for file in self.host.find_source(new)}
        found = [FileChange(path, "removed", before[path].size) for path in before.keys() - after.keys()]
        found += [FileChange(path, "added", None, after[path].size) for path in after.keys() - before.keys()]
        both = [path for path in before.keys() & after.keys() if before[path] != after[path]]
        found += [FileChange(path, "changed", before[path].size, after[path].size) for path in both]
        return sorted(found, key=lambda one: one.path)
