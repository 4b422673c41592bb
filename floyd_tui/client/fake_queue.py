"""The part of the fake client that holds, releases and moves waiting jobs."""

from __future__ import annotations

from dataclasses import replace

from floyd_tui.client.fake_host import FakeHost
from floyd_tui.errors import RunnerProblem
from runner.models import Job, JobChange, JobState, Problem


class FakeQueue:
    """Mixed into `floyd_tui.client.fake.FakeClient`, which has the host."""

    host: FakeHost

    async def change_job(self, job: str, change: JobChange) -> Job:
        await self.host.gate("change_job")
        found = self.host.find_job(job)
        if change.tags is not None:
            return self.host.update(replace(found, tags=change.tags))
        if found.state is not JobState.QUEUED:
            detail = f"{found.short} does not wait any more."
            raise RunnerProblem(Problem("conflict", "Not possible now", 409, detail, "Only waiting jobs are moved."))
        line = self._line()
        if change.held is not None:
            found = replace(found, held=change.held, progress="on hold" if change.held else "waits for a place")
        if change.priority is not None:
            found = replace(found, priority=change.priority)
        line = [one for one in line if one.name != found.name]
        at = len(line)
        if change.before is not None:
            names = [one.name for one in line]
            at = names.index(self.host.find_job(change.before).name) if change.before else 0
        elif change.priority is None and found.position is not None:
            at = found.position - 1
        if not found.held:
            line.insert(at, found)
        else:
            self.host.update(replace(found, position=None))
        for position, one in enumerate(line, start=1):
            self.host.update(replace(one, position=position))
        return self.host.find_job(job)

    def _line(self) -> list[Job]:
        waiting = [one for one in self.host.jobs.values() if one.state is JobState.QUEUED and not one.held]
        return sorted(waiting, key=lambda one: (one.position or 999, one.created_at))
