"""``queue``, ``hold``, ``release``, ``move``: the jobs that wait, in their order; and ``tag``."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import click

from floyd_tui.cli.hosted import on_host
from floyd_tui.cli.options import host_option, job_reference, json_option
from floyd_tui.cli.show import age, note, show_json, show_table, state_cell
from floyd_tui.client.protocol import Link
from floyd_tui.project.tags import TagChange
from floyd_tui.sizes import human_size
from runner.models import Job, JobChange, JobState, Ref

ACTIVE = (JobState.QUEUED, JobState.PREPARING, JobState.RUNNING)


@click.command()
@click.argument("project", required=False)
@host_option
@json_option
def queue(project: str | None, host: str | None, as_json: bool) -> None:
    """List what runs and what waits, in order, and why. Of all projects, or of PROJECT.

    The number before a job is its place in line, among everybody's jobs on the host.
    """
    name = Ref.parse(project).name if project else None
    jobs = in_line(on_host(host, lambda link: link.client.jobs(name, ACTIVE)))
    if as_json:
        show_json(jobs)
        return
    columns = ("#", "JOB", "STATE", "PRIORITY", "GPUS", "AGE", "WAITS")
    show_table(columns, map(_row, jobs), right=("#", "PRIORITY", "AGE"), cut=("WAITS",), empty="Nothing runs or waits.")


def in_line(jobs: Iterable[Job]) -> list[Job]:
    """What runs first, then what waits by its place, then what is held; the oldest first of those that are alike."""
    return sorted(jobs, key=lambda job: (job.state is JobState.QUEUED, job.held, job.position or 0, job.created_at))


def _row(job: Job) -> tuple[Any, ...]:
    waits = job.state is JobState.QUEUED
    return (
        str(job.position or ""),
        job.short,
        ("held", "yellow") if waits and job.held else state_cell(job.state),
        str(job.priority or ""),
        gpus_wanted(job),
        (age(job.created_at), "dim"),
        waiting(job) if waits else (job.progress, "dim"),
    )


def gpus_wanted(job: Job) -> str:
    """``2``, or how much of one GPU: ``8.0 GiB``."""
    return human_size(job.gpu_memory) if job.gpu_memory is not None else str(job.gpus or "")


def waiting(job: Job) -> str:
    """What a job waits for, and until when at the latest where that is known."""
    if job.starts_by is None:
        return job.progress
    return f"{job.progress}; starts by {time.strftime('%H:%M', time.localtime(job.starts_by))}"


@click.command()
@click.argument("jobs", nargs=-1, required=True)
@host_option
@json_option
def hold(jobs: tuple[str, ...], host: str | None, as_json: bool) -> None:
    """Keep waiting JOBS from starting, until they are released."""
    _change(jobs, JobChange(held=True), host, as_json, "is held. Let it start: floyd-tui release {}")


@click.command()
@click.argument("jobs", nargs=-1, required=True)
@host_option
@json_option
def release(jobs: tuple[str, ...], host: str | None, as_json: bool) -> None:
    """Let held JOBS start again; each has the place in line that it would have had."""
    _change(jobs, JobChange(held=False), host, as_json, "is released")


@click.command()
@click.argument("job")
@click.option("--top", is_flag=True, help="Before all your other waiting jobs.")
@click.option("--before", metavar="JOB", help="Before this one of your waiting jobs.")
@click.option("--priority", type=int, metavar="N", help="Higher ones come first; 0 is usual.")
@host_option
@json_option
def move(job: str, top: bool, before: str | None, priority: int | None, host: str | None, as_json: bool) -> None:
    """Move a waiting JOB in the queue.

    --top and --before deal out the places that your own jobs have; other people's keep theirs.
    """
    if [top, before is not None, priority is not None].count(True) != 1:
        raise click.UsageError("Say where to: --top, --before JOB or --priority N.")
    place = "" if top else job_reference(before) if before else None
    _change((job,), JobChange(priority=priority, before=place), host, as_json, "is moved")


@click.command()
@click.argument("job")
@click.argument("tags", nargs=-1)
@click.option("--remove", multiple=True, metavar="TAG", help="Take this one away; may be repeated.")
@host_option
@json_option
def tag(job: str, tags: tuple[str, ...], remove: tuple[str, ...], host: str | None, as_json: bool) -> None:
    """Give JOB more TAGS, to find it by; jobs in any state are tagged."""
    if not tags and not remove:
        raise click.UsageError("Name tags to give, or some to --remove.")
    name, change = job_reference(job), TagChange.of(tags, remove)

    async def work(link: Link) -> Job:
        before = await link.client.job(name)
        return await link.client.change_job(before.name, JobChange(tags=change.applied(before.tags)))

    changed = on_host(host, work)
    if as_json:
        show_json(changed)
    else:
        note(f"{changed.short} is tagged {', '.join(changed.tags)}" if changed.tags else f"{changed.short} has no tags")


def _change(jobs: tuple[str, ...], change: JobChange, host: str | None, as_json: bool, said: str) -> None:
    names = [job_reference(job) for job in jobs]

    async def work(link: Link) -> list[Job]:
        before = [await link.client.job(name) for name in names]  # a wrong name changes nothing
        return [await link.client.change_job(job.name, change) for job in before]

    changed = on_host(host, work)
    if as_json:
        show_json(changed)
        return
    for job in changed:
        place = f": number {job.position} in line" if job.position else ""
        note(f"{job.short} {said.format(job.short)}{place if '{' not in said else ''}")
