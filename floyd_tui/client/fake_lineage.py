"""The fake client's lineages: its jobs' inputs and settings, and its versions' sources, gone through both ways."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from floyd_tui.client.fake_host import FakeHost
from runner.models import Lineage, LineageEdge, LineageNode, LineageStanding, Ref


class FakeLineage:
    """Mixed into `floyd_tui.client.fake.FakeClient`, which has the host."""

    host: FakeHost

    async def lineage(self, name: str, depth: int = 4) -> Lineage:
        await self.host.gate("lineage")
        ref = Ref.parse(name)
        root = name if ref.kind == "datasets" else self.host.find_job(name).name
        edges = tuple(self._edges())
        found: dict[LineageEdge, None] = {}
        for near, far in (("target", "source"), ("source", "target")):
            reached = {root}
            for _ in range(depth):
                found |= {edge: None for edge in edges if getattr(edge, near) in reached}
                reached |= {getattr(edge, far) for edge in found if getattr(edge, near) in reached}
        names = dict.fromkeys([root, *(end for edge in found for end in (edge.source, edge.target))])
        job = self.host.jobs.get(root)
        same = [one.name for one in self.host.jobs.values() if job and job.code and one.code == job.code]
        same_code = tuple(one for one in same if one != root)
        return Lineage(root, tuple(map(self._node, names)), tuple(found), same_code)

    def _edges(self) -> Iterator[LineageEdge]:
        for job in self.host.jobs.values():
            for given in job.inputs:
                ref = Ref.parse(given.source)
                path = "/".join(part for part in (ref.area, ref.path) if part)
                yield LineageEdge(str(replace(ref, area="", path="")), job.name, "input", path, given.destination)
            if job.relaunched_from:
                yield LineageEdge(job.relaunched_from, job.name, "relaunch")
        for dataset in self.host.datasets.values():
            for version in dataset.versions:
                if version.source:
                    ref = Ref.parse(version.source)
                    yield LineageEdge(str(replace(ref, area="", path="")), version.name, "kept", ref.path)

    def _node(self, name: str) -> LineageNode:
        job = self.host.jobs.get(name)
        if job is not None:
            about = job.message or job.command
            made = (job.state, job.created_at, about, job.environment, job.image, job.output_files, job.output_size)
            return LineageNode(name, "job", "here", *made)
        versions = {one.name: one for each in self.host.datasets.values() for one in each.versions}
        if (version := versions.get(name)) is None:
            standing: LineageStanding = "trash" if name in {one.name for one, _ in self.host.trash} else "gone"
            return LineageNode(name, "dataset" if "/datasets/" in name else "job", standing)
        about = version.message or (version.origin.url if version.origin else "")
        return LineageNode(
            name, "dataset", "here", None, version.created_at, about, files=version.files, size=version.size
        )
