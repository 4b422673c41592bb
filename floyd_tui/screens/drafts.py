"""Launches made from earlier jobs: the same again, or going on from what one left."""

from __future__ import annotations

from dataclasses import replace

from floyd_tui.project.mounts import free_name
from runner.models import BadName, Job, Launch, Mount, Ref

SUGGESTED = "previous"


def go_on_from(job: Job, path: str = "") -> Launch:
    """The launch that runs `job`'s code again with `job`'s output mounted, or the folder `path` of that.

    Where `job` itself went on from an output of its project, its own output takes that place; otherwise it is mounted
    as ``previous``, or ``previous-2`` and so on where that name is taken.
    """
    draft = job.relaunch()
    source = "/".join(filter(None, (f"{job.name}/output", path)))
    for mount in draft.mounts:
        if _is_output_of(mount.source, job):
            mounts = tuple(replace(m, source=source) if m is mount else m for m in draft.mounts)
            return replace(draft, mounts=mounts)
    taken = {mount.destination for mount in draft.mounts}
    return replace(draft, mounts=(*draft.mounts, Mount(source, free_name(SUGGESTED, taken))))


def _is_output_of(source: str, job: Job) -> bool:
    try:
        ref = Ref.parse(source)
    except BadName:
        return False
    # A job's name alone, without an area, means its output.
    return ref.kind == "projects" and ref.name == job.project and ref.owner in (None, job.owner) and ref.area != "code"
