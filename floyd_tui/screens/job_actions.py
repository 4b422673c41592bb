"""What one does with a job from any screen: open it, launch it again, stop it, fetch what it left."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from textual.screen import Screen

from floyd_tui.client.protocol import Link
from floyd_tui.errors import FloydError
from floyd_tui.project.origin import folder_of
from floyd_tui.project.sweep import NO_SWEEP, Sweep
from floyd_tui.screens.confirm import Confirm
from floyd_tui.screens.drafts import go_on_from
from floyd_tui.screens.errors import show_error
from floyd_tui.widgets.format import words
from runner.models import Job, JobChange, JobState, Launch


def open_job(screen: Screen[Any], link: Link, job: Job, tab: str = "logs") -> None:
    """Show `job` on its own screen, with that tab of it first; a double click on its row means it once."""
    from floyd_tui.screens.job import JobScreen

    shown = screen.app.screen
    if isinstance(shown, JobScreen) and (shown.link, shown.job.name, tab) == (link, job.name, "logs"):
        return
    screen.app.push_screen(JobScreen(link, job, tab))


Then = Callable[[Job], None]


def open_form(
    screen: Screen[Any],
    link: Link,
    draft: Launch,
    folder: Path | None,
    then: Then | None = None,
    sweep: Sweep = NO_SWEEP,
    whose_code: bool = False,
) -> None:
    """Show the launch form with `draft` in it, and the new job or group once it is launched; `then` is told of it."""
    from floyd_tui.screens.launch import LaunchScreen

    def launched(job: Job | None) -> None:
        if job:
            (open_group if job.group else open_job)(screen, link, job)
            if then:
                then(job)

    screen.app.push_screen(LaunchScreen(link, draft, folder, sweep, whose_code), launched)


def relaunch(screen: Screen[Any], link: Link, job: Job, then: Then | None = None) -> None:
    """The form for `job`'s code again with its settings."""
    open_form(screen, link, job.relaunch(), None, then)


def go_on(screen: Screen[Any], link: Link, job: Job, path: str = "", then: Then | None = None) -> None:
    """The form for `job`'s code again with its settings and its output mounted, or the folder `path` of that."""
    open_form(screen, link, go_on_from(job, path), None, then)


def relaunch_today(screen: Screen[Any], link: Link, job: Job, then: Then | None = None) -> None:
    """The form for the code as it is today, of the folder that `job` came from, with the job's settings."""

    async def open_it() -> None:
        folder = await asyncio.to_thread(folder_of, job.project, Path.cwd())
        draft = replace(job.relaunch(), code_from=None)
        open_form(screen, link, draft, folder or Path.cwd(), then, whose_code=folder is None)

    screen.run_worker(open_it(), group="draft", exclusive=True, exit_on_error=False)


def open_group(screen: Screen[Any], link: Link, job: Job) -> None:
    """Show the group that `job` is in."""
    from floyd_tui.screens.group import GroupScreen

    screen.app.push_screen(GroupScreen(link, job.project, job.group))


def can_go_on_from(job: Job) -> bool:
    """Whether `job` has an output that another may mount: it left files, or has begun and may yet."""
    return job.output_files > 0 or job.started_at is not None


def stop(screen: Screen[Any], link: Link, job: Job) -> None:
    """Ask, then stop `job`."""

    async def do_stop() -> None:
        try:
            now = await link.client.stop(job.name)
        except FloydError as error:
            show_error(screen, error, link)
            return
        if now.state.ended and now.state is not JobState.STOPPED:
            screen.notify(f"{job.short} had ended before: {words(now.state)}.")
        else:
            screen.notify(f"{job.short} is stopped. What it wrote so far is kept.")

    def answered(yes: bool | None) -> None:
        if yes:
            screen.run_worker(do_stop(), group="stop", exit_on_error=False)

    text = "It ends now and cannot go on. What it wrote so far is kept as its output."
    screen.app.push_screen(Confirm(f"Stop {job.short}?", text, yes="Stop it", no="Let it run"), answered)


def hold(screen: Screen[Any], link: Link, job: Job) -> None:
    """Hold `job`, which waits, or release it."""
    held = not job.held
    said = "is held: H lets it start again." if held else "is released."
    _change(screen, link, job, JobChange(held=held), said)


def move(screen: Screen[Any], link: Link, job: Job, line: Sequence[Job], by: int) -> None:
    """Let `job` start sooner (`by` -1) or later (1) than its neighbour in `line`, the person's own waiting jobs."""
    at = next((index for index, one in enumerate(line) if one.name == job.name), None)
    if at is None or not 0 <= at + by < len(line):
        screen.notify(f"{job.short} is the {'first' if by < 0 else 'last'} of yours in line.")
        return
    other = line[at + by]
    if by < 0:
        _change(screen, link, job, JobChange(before=other.name))
    elif other.priority == job.priority:
        _change(screen, link, other, JobChange(before=job.name))
    else:
        _change(screen, link, job, JobChange(priority=other.priority))


def move_among_all(screen: Screen[Any], link: Link, job: Job, by: int) -> None:
    """As `move`, where the line is not known yet."""

    async def work() -> None:
        try:
            waiting = await link.client.jobs(states=(JobState.QUEUED,))
        except FloydError as error:
            show_error(screen, error, link)
            return
        line = sorted((one for one in waiting if one.position is not None), key=lambda one: one.position or 0)
        move(screen, link, next((one for one in line if one.name == job.name), job), line, by)

    screen.run_worker(work(), group="line", exclusive=True, exit_on_error=False)


def _change(screen: Screen[Any], link: Link, job: Job, change: JobChange, said: str = "") -> None:
    async def work() -> None:
        try:
            await link.client.change_job(job.name, change)
        except FloydError as error:
            show_error(screen, error, link)
        else:
            if said:
                screen.notify(f"{job.short} {said}", timeout=3)

    screen.run_worker(work(), group="queue", exit_on_error=False)


def download(screen: Screen[Any], link: Link, job: Job) -> None:
    """Fetch all of `job`'s output."""
    from floyd_tui.screens.download import DownloadScreen

    screen.app.push_screen(DownloadScreen(link, f"{job.name}/output", [""]))
