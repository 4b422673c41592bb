"""``status``, ``info``, ``stop`` and ``delete``: jobs as they stand."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from floyd_tui.cli.asking import agree
from floyd_tui.cli.hosted import on_host
from floyd_tui.cli.options import NumberOption, host_option, job_reference, json_option, yes_option
from floyd_tui.cli.queue import gpus_wanted, waiting
from floyd_tui.cli.show import (
    age,
    ending,
    job_duration,
    metrics_text,
    note,
    show_json,
    show_pairs,
    show_table,
    state_cell,
)
from floyd_tui.client.protocol import Link
from floyd_tui.errors import FloydError, ProjectError
from floyd_tui.project.link import find_link
from floyd_tui.project.sweep import said_values
from floyd_tui.sizes import human_count, human_duration, human_size
from runner.models import Attempt, Input, Job, JobState, Limits, Ref, UtilizationPolicy

_STATES = [state.value for state in JobState]


@click.command()
@click.argument("name", metavar="[JOB|PROJECT]", required=False)
@click.option("-a", "--all", "everything", is_flag=True, help="All projects, also inside one's folder.")
@click.option("--state", "states", multiple=True, type=click.Choice(_STATES), help="Only these; may be repeated.")
@click.option(
    "-n", "--limit", cls=NumberOption, type=click.IntRange(1), default=20, show_default=True, help="So many at most."
)
@click.option("-s", "--search", "text", default="", metavar="WORDS", help="Only those that have all of these words.")
@host_option
@json_option
def status(
    name: str | None, everything: bool, states: tuple[str, ...], limit: int, text: str, host: str | None, as_json: bool
) -> None:
    """List jobs, newest first: of this folder's project, of PROJECT, or just JOB."""
    tied = None if everything else find_link(Path.cwd())
    ref = Ref.parse(name, tied.name if tied else None) if name else None

    async def work(link: Link) -> list[Job]:
        if ref is not None and ref.number is not None:
            return [await link.client.job(job_reference(name))]
        project = ref.name if ref else tied.name if tied else None
        found = await link.client.jobs(project, [JobState(state) for state in states], limit, text)
        if not found and ref is not None:
            await link.client.job(f"projects/{ref.name}")  # says so where there is no such project
        return found

    jobs = on_host(host, work)
    if as_json:
        show_json(jobs)
        return
    columns = ("JOB", "STATE", "AGE", "DURATION", "GPUS", "WHAT", "METRICS")
    show_table(
        columns,
        map(_row, jobs),
        right=("AGE", "DURATION", "GPUS"),
        cut=("WHAT", "METRICS"),
        empty=f"No jobs with {text!r}." if text else _no_jobs(ref, tied is not None),
    )


def _row(job: Job) -> tuple[Any, ...]:
    return (
        job.short,
        state_cell(job.state),
        (age(job.created_at), "dim"),
        job_duration(job),
        gpus_wanted(job),
        job.message or job.command,
        (waiting(job) if job.state is JobState.QUEUED else metrics_text(job), "dim"),
    )


def _no_jobs(ref: Ref | None, in_project: bool) -> str:
    if ref is not None:
        return f"No such jobs in {ref.name}."
    return "No jobs yet. Start one: floyd-tui run" if in_project else "No jobs yet. Start one in a project's folder."


@click.command()
@click.argument("job", required=False)
@host_option
@json_option
def info(job: str | None, host: str | None, as_json: bool) -> None:
    """Say all about JOB: what it ran, on what, with which data, and how it ended. The latest if left out."""
    name = job_reference(job)

    async def work(link: Link) -> Job:
        return await link.client.job(name)

    found = on_host(host, work)
    if as_json:
        show_json(found)
    else:
        show_pairs(_about(found))


def _about(job: Job) -> list[tuple[str, str]]:
    limits = job.given if job.given != Limits() else job.limits
    return [
        ("Job", job.name),
        ("State", ending(job) if job.state.ended else f"{job.state} {waiting(job)}".strip()),
        ("Message", job.message),
        ("Command", job.command),
        ("Code", job.code or ""),
        *(pair for one in job.inputs for pair in _input(one)),
        ("Environment", f"{job.environment} {job.image}".strip()),
        ("Executor", job.executor),
        ("Machine", job.machine),
        ("GPUs", ", ".join(filter(None, (gpus_wanted(job), *job.devices)))),
        ("Limits", _limits(limits.memory, limits.cpus, limits.pids, limits.shm_size)),
        ("Priority", str(job.priority or "")),
        *(("After", name) for name in job.after),
        ("Max runtime", human_duration(job.max_runtime) if job.max_runtime else ""),
        ("Retry", str(job.retry or "")),
        *((f"Attempt {number}", _attempt(one)) for number, one in enumerate(job.attempts, start=1)),
        ("Stopped if idle", _policy(job.utilization_policy) if job.utilization_policy else ""),
        *(("Variable", f"{key}={value}") for key, value in job.env.items()),
        *(("Secret", str(use)) for use in job.secrets),
        ("Tags", ", ".join(job.tags)),
        ("Group", "  ".join(filter(None, (job.group, said_values(job.values))))),
        ("From", job.relaunched_from or ""),
        ("Created", _moment(job.created_at)),
        ("Started", _moment(job.started_at)),
        ("Ended", _moment(job.ended_at)),
        ("Duration", job_duration(job)),
        ("Metrics", metrics_text(job)),
        ("Output", f"{human_count(job.output_files, 'file')}, {human_size(job.output_size)}" if job.output else ""),
        ("Log", human_size(job.log_size)),
    ]


def _input(one: Input) -> list[tuple[str, str]]:
    what = f"{one.source} at /floyd/input/{one.destination}  {one.tree[:12] or 'when that has succeeded'}"
    return [("Input", what), *([("", f"from {one.origin}")] if one.origin else [])]


def _limits(memory: int | None, cpus: float | None, pids: int | None, shm_size: int | None) -> str:
    said = (
        f"memory {human_size(memory)}" if memory else "",
        f"{cpus:g} CPUs" if cpus else "",
        f"{pids} processes" if pids else "",
        f"/dev/shm {human_size(shm_size)}" if shm_size else "",
    )
    return ", ".join(part for part in said if part)


def _policy(policy: UtilizationPolicy) -> str:
    return f"a GPU below {policy.min_gpu_utilization:g} % for {human_duration(policy.time_window)}"


def _attempt(one: Attempt) -> str:
    code = f", exit code {one.exit_code}" if one.exit_code is not None else ""
    lasted = human_duration(one.ended_at - one.started_at, tenths=True)
    return f"{one.state}{code} after {lasted}. {one.reason}".strip()


def _moment(moment: float | None) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(moment)) if moment else ""


@click.command()
@click.argument("jobs", nargs=-1)
@host_option
@json_option
def stop(jobs: tuple[str, ...], host: str | None, as_json: bool) -> None:
    """Stop JOBS; what they wrote is kept. The latest of this project if left out."""
    names = [job_reference(job) for job in jobs] or [job_reference(None)]

    async def work(link: Link) -> tuple[list[Job], list[Job]]:
        before = [await link.client.job(name) for name in names]  # a wrong name stops nothing
        return before, [job if job.state.ended else await link.client.stop(job.name) for job in before]

    before, stopped = on_host(host, work)
    if as_json:
        show_json(stopped)
        return
    for old, job in zip(before, stopped, strict=True):
        if old.state.ended:
            note(f"{job.short} had ended before: {ending(job)}")
        else:
            note(f"{job.short} {ending(job)}" if job.state.ended else f"{job.short} is being stopped")


@click.command()
@click.argument("jobs", nargs=-1, required=True)
@yes_option
@host_option
def delete(jobs: tuple[str, ...], yes: bool, host: str | None) -> None:
    """Delete JOBS with their logs and outputs. Datasets made of those stay.

    `floyd-tui restore` brings them back until `floyd-tui gc` frees their room.
    """
    names = [_with_number(job) for job in jobs]

    async def work(link: Link) -> None:
        found = [await link.client.job(name) for name in names]
        await _confirm_deletion(found, yes)
        for job in found:
            await link.client.delete_job(job.name)
            note(f"{job.short} is deleted. Have it back: floyd-tui restore {job.short}")

    on_host(host, work)


def _with_number(job: str) -> str:
    """A job to delete must be named by its number: "the latest" may be another one by then."""
    name = job_reference(job)
    if Ref.parse(name).number is None:
        raise ProjectError(f"{job!r} names no job to delete.", f"Write its number: {job.rstrip('/')}/3.")
    return name


async def _confirm_deletion(jobs: list[Job], yes: bool) -> None:
    active = [job.short for job in jobs if not job.state.ended]
    if active:
        raise FloydError(f"{', '.join(active)} still runs.", f"Stop it first: floyd-tui stop {' '.join(active)}")
    if yes:
        return
    size = human_size(sum(job.output_size + job.log_size for job in jobs))
    what = f"Delete {', '.join(job.short for job in jobs)} with logs and outputs ({size})?"
    await agree(what, "Say --yes to delete without asking.")
