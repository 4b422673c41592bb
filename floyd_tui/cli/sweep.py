"""Sweeps: launched as one group, shown with the best first, stopped but for the best."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import click

from floyd_tui.cli.asking import agree
from floyd_tui.cli.hosted import on_host
from floyd_tui.cli.lazy import Clauses
from floyd_tui.cli.options import NumberOption, host_option, json_option, yes_option
from floyd_tui.cli.sending import consider, progress_shown
from floyd_tui.cli.show import age, job_duration, note, show_json, show_table, state_cell
from floyd_tui.client.protocol import Client, Link
from floyd_tui.errors import FloydError
from floyd_tui.metrics.best import Ranked, Records, metrics_of, more_is_better, ranked, telling, varying
from floyd_tui.project.link import find_link
from floyd_tui.project.sweep import ASK_ABOVE, said_values
from floyd_tui.project.sweeping import submit_sweep
from floyd_tui.sizes import human_count
from runner.models import Job, JobState, Launch

# Jobs whose metrics are asked for at once.
_AT_ONCE = 8
_LISTED = 1000


def preview(launches: Sequence[Launch], as_json: bool) -> int:
    """Say which jobs there would be, and launch none."""
    if as_json:
        show_json(list(launches))
        return 0
    show_table(("#", "COMMAND", "VALUES"), ((str(n), one.command, (said_values(one.values), "dim"))
               for n, one in enumerate(launches, 1)), right=("#",), cut=("COMMAND",))  # fmt: skip
    note(f"This makes {human_count(len(launches), 'job')}. Nothing was launched.")
    return 0


async def launch_sweep(
    link: Link, folder: Path | None, launches: Sequence[Launch], yes: bool, follow: bool, as_json: bool
) -> int:
    """Launch `launches` as one group, asked for first where they are many; prints the group's name."""
    if follow:
        raise click.UsageError("--follow follows one job, and this makes several. Leave it out.")
    if len(launches) > ASK_ABOVE and not yes:
        await agree(f"Launch {len(launches)} jobs?", "Say --yes, or look at them first: --dry-run")
    with progress_shown("floyd-tui sweep ls") as progress:
        made = await submit_sweep(link, folder, launches, progress, consider(yes, progress.ask))
    if as_json:
        show_json(list(made.jobs))
        return 0
    click.echo(made.group)
    first, last = made.jobs[0], made.jobs[-1]
    which = first.short if len(made.jobs) == 1 else f"{first.short} to {last.short}"
    before = f", {made.before} of them launched before" if made.before else ""
    note(f"{human_count(len(made.jobs), 'job')} on {link.name}{before}: {which}.")
    note(f"The best first: floyd-tui sweep show {made.group}")
    return 0


@click.group(cls=Clauses)
def sweep() -> None:
    """List sweeps, show one with the best first, stop the rest.

    A sweep is launched by braces in the command, `floyd-tui run 'python train.py --lr={0.1,0.01}'`, or by `sweep:` in
    floyd.yml.
    """


@sweep.command("ls")
@click.argument("project", required=False)
@host_option
@json_option
def ls(project: str | None, host: str | None, as_json: bool) -> None:
    """List sweeps, the newest first: of PROJECT, or of all."""
    jobs = on_host(host, lambda link: link.client.jobs(project, limit=_LISTED))
    groups: dict[tuple[str, str], list[Job]] = {}
    for job in jobs:
        if job.group:
            groups.setdefault((job.project, job.group), []).append(job)
    if as_json:
        show_json([job for of_one in groups.values() for job in of_one])
        return
    show_table(
        ("SWEEP", "PROJECT", "JOBS", "STATES", "AGE", "VALUES"),
        (_group_row(*key, of_one) for key, of_one in groups.items()),
        right=("JOBS", "AGE"),
        cut=("VALUES",),
        empty="No sweeps yet. Start one: floyd-tui run 'python train.py --lr={0.1,0.01}'",
    )


def _group_row(project: str, group: str, jobs: Sequence[Job]) -> tuple[Any, ...]:
    states = {state: sum(job.state is state for job in jobs) for state in JobState}
    said = ", ".join(f"{count} {state}" for state, count in states.items() if count)
    values = ", ".join(varying(jobs))
    return group, project, str(len(jobs)), said, (age(max(job.created_at for job in jobs)), "dim"), (values, "dim")


@sweep.command("show")
@click.argument("group")
@click.option("--metric", metavar="NAME", help="Judge by this one; a loss of validation, if there is one, if left out.")
@click.option("--max/--min", "up", default=None, help="More is better, or less; the metric's name says if left out.")
@host_option
@json_option
def show(group: str, metric: str | None, up: bool | None, host: str | None, as_json: bool) -> None:
    """Show the jobs of GROUP, the best first, with what each had of a metric last and at best."""

    async def work(link: Link) -> tuple[list[Ranked], str, bool]:
        return await _ranking(link.client, group, metric, up)

    rows, name, more = on_host(host, work)
    if as_json:
        show_json([row.job for row in rows])
        return
    _show_ranking(rows, name)
    if name:
        note(f"Best first by {name}, {'more' if more else 'less'} is better. Another: --metric NAME")


def _show_ranking(rows: Sequence[Ranked], metric: str) -> None:
    names = varying([row.job for row in rows])
    measured = (f"BEST {metric}", "LAST") if metric else ()
    show_table(
        ("JOB", *names, "STATE", "DURATION", *measured),
        (
            (
                row.job.short,
                *(row.job.values.get(name, "") for name in names),
                state_cell(row.job.state),
                job_duration(row.job),
                *((_number(row.best), _number(row.last)) if metric else ()),
            )
            for row in rows
        ),
        right=("DURATION", *measured),
    )


@sweep.command("stop")
@click.argument("group")
@click.option(
    "--keep", cls=NumberOption, type=click.IntRange(0), default=0, metavar="N", help="Let the N best of all go on."
)
@click.option("--metric", metavar="NAME", help="Judge by this one.")
@click.option("--max/--min", "up", default=None, help="More is better, or less.")
@yes_option
@host_option
def stop(group: str, keep: int, metric: str | None, up: bool | None, yes: bool, host: str | None) -> None:
    """Stop all jobs of GROUP that have not ended, but the best ones if you say how many. What they wrote is kept."""

    async def work(link: Link) -> None:
        rows, _, _ = await _ranking(link.client, group, metric, up)
        going = [row.job for row in rows[keep:] if not row.job.state.ended]
        if not going:
            note("None of them runs or waits any more.")
            return
        if not yes:
            await agree(f"Stop {human_count(len(going), 'job')} of {group}?", "Say --yes.")
        # Those that wait go first: none of them is to begin meanwhile.
        for job in sorted(going, key=lambda job: job.state is not JobState.QUEUED):
            await link.client.stop(job.name)
            click.echo(f"{job.short} is stopped")

    on_host(host, work)


async def _ranking(client: Client, group: str, metric: str | None, up: bool | None) -> tuple[list[Ranked], str, bool]:
    """The jobs of `group`, the best first, by which metric, and whether more of it is better."""
    tied = find_link(Path.cwd())
    found = await client.jobs(group=group)
    own = [job for job in found if tied and job.project == tied.name]
    jobs = own or found
    if not jobs:
        raise FloydError(f"There is no sweep {group}.", "Look at `floyd-tui sweep ls`.")
    if len(projects := {job.project for job in jobs}) > 1:
        raise FloydError(f"There is a {group} in {' and in '.join(sorted(projects))}.", "Ask in the project's folder.")
    name = metric or telling(jobs)
    if name and name not in metrics_of(jobs):
        raise FloydError(f"None of its jobs logs {name}.", f"They log: {', '.join(metrics_of(jobs)) or 'nothing yet'}.")
    more = more_is_better(name) if up is None else up
    return ranked(jobs, await _records(client, jobs), name, more), name, more


async def _records(client: Client, jobs: Iterable[Job]) -> dict[str, Records]:
    held, room = {job.name: Records() for job in jobs if job.metrics}, asyncio.Semaphore(_AT_ONCE)

    async def read(name: str) -> None:
        async with room:
            held[name].extend(await client.metrics(name))

    await asyncio.gather(*map(read, held))
    return held


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
