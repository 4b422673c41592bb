"""The part of the fake client that deletes jobs and datasets, and brings them back."""

from __future__ import annotations

from dataclasses import replace

from floyd_tui.client.fake_host import FakeHost, not_found
from floyd_tui.errors import RunnerProblem
from runner.models import Dataset, DatasetVersion, Event, Job, Problem, Ref, Trashed


class FakeTrash:
    """Mixed into `floyd_tui.client.fake.FakeClient`, which has the host."""

    host: FakeHost

    async def delete_job(self, job: str) -> None:
        await self.host.gate("delete_job")
        found = self.host.find_job(job)
        del self.host.jobs[found.name]
        self._put_away(Trashed(found.name, self.host.now, found.output_size + found.log_size, found.message), found)
        self.host.tell(Event(removed=found.name))

    async def delete_dataset(self, name: str) -> None:
        await self.host.gate("delete_dataset")
        ref = Ref.parse(name)
        old = self.host.datasets.get(ref.name)
        gone = [one for one in old.versions if ref.number in (None, one.version)] if old else []
        if old is None or (ref.number is not None and not gone):
            raise not_found(f"dataset {name}")
        number = "" if ref.number is None else f"/{ref.number}"
        full, size = f"{old.owner}/datasets/{old.name}", sum(one.size for one in gone)
        self._put_away(Trashed(full + number, self.host.now, size), old if ref.number is None else gone[0])
        if ref.number is None:
            del self.host.datasets[ref.name]
            self.host.tell(Event(removed=full))
            return
        self._keep(replace(old, versions=tuple(one for one in old.versions if one not in gone)))

    async def trash(self) -> list[Trashed]:
        await self.host.gate("trash")
        return [one for one, _ in self.host.trash]

    async def restore(self, name: str) -> Trashed:
        await self.host.gate("restore")
        full = str(Ref.parse(name).with_defaults(self.host.info.owner, "projects"))
        for place, (one, what) in enumerate(self.host.trash):
            if one.name == full:
                self._bring_back(what)
                del self.host.trash[place]
                return one
        raise not_found(f"deleted {Ref.parse(name).name}", "See what can be restored: floyd-tui trash")

    def _put_away(self, one: Trashed, what: Job | Dataset | DatasetVersion) -> None:
        self.host.trash.insert(0, (one, what))

    def _bring_back(self, what: Job | Dataset | DatasetVersion) -> None:
        if isinstance(what, Job):
            self.host.update(what)
        elif isinstance(what, DatasetVersion):
            old = self.host.datasets[what.dataset]
            versions = sorted((*old.versions, what), key=lambda one: -one.version)
            self._keep(replace(old, versions=tuple(versions)))
        elif what.name in self.host.datasets:
            problem = Problem("conflict", "Conflict", 409, f"There is another dataset {what.name} by now.", "")
            raise RunnerProblem(problem)
        else:
            self._keep(what)

    def _keep(self, dataset: Dataset) -> None:
        self.host.datasets[dataset.name] = dataset
        self.host.tell(Event(dataset=dataset))
