"""``run``, ``restart`` and ``watch``: from a folder, or an earlier job's code, to a job."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from floyd_tui.cli.follow import follow
from floyd_tui.cli.hosted import on_host
from floyd_tui.cli.launching import launch_options, settings_of, sweep_options
from floyd_tui.cli.options import host_option, job_reference, json_option, yes_option
from floyd_tui.cli.queue import waiting
from floyd_tui.cli.sending import ask_about, consider, progress_shown
from floyd_tui.cli.show import note, show_json
from floyd_tui.cli.sweep import launch_sweep, preview
from floyd_tui.client.protocol import Link
from floyd_tui.project.rerun import watch_loop
from floyd_tui.project.run import Draft, prepare, relaunch, submit, sweep_of
from floyd_tui.project.sweep import the_one, variants
from runner.models import Job

# Options come before the command; whatever follows its first word is the command's own.
_COMMAND_LAST = {"allow_interspersed_args": False}


@click.command(context_settings=_COMMAND_LAST)
@launch_options
@sweep_options
@click.option("--task", metavar="NAME", help="A task of floyd.yml.")
@click.option("--project", metavar="NAME", help="Project, where the folder is tied to none or another.")
@yes_option
@host_option
@json_option
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
def run(yes: bool, host: str | None, as_json: bool, command: tuple[str, ...], **said: Any) -> int:
    """Run this project's code on a host.

    COMMAND is what to run, in one quoted string or as it is; left out, floyd.yml says. Prints the job's name, or with
    --follow its log. Options stand before COMMAND. Braces such as --lr={0.1,0.01} make a job of each value.
    """
    draft = _draft(said, command)
    launches = variants(draft.launch, draft.sweep)
    if said["dry_run"]:
        return preview(launches, as_json)

    async def work(link: Link) -> int:
        if launches[0].values:
            return await launch_sweep(link, draft.folder, launches, yes, said["follow"], as_json)
        with progress_shown() as progress:
            decides = consider(yes, progress.ask)
            job = await submit(link, draft.folder, launches[0], progress, decides)
        return await _launched(link, job, said["follow"], as_json)

    return on_host(host, work)


def _draft(said: dict[str, Any], command: tuple[str, ...]) -> Draft:
    draft = prepare(
        Path.cwd(),
        settings_of(said, command),
        project=said["project"],
        task=said["task"],
        executor=said["executor"],
    )
    for line in draft.notes:
        note(line)
    return draft


async def _launched(link: Link, job: Job, follow_it: bool, as_json: bool) -> int:
    if follow_it:
        note(f"{job.short} is {job.state} on {link.name}")
        return await follow(link.client, job)
    if as_json:
        show_json(job)
    else:
        click.echo(job.short)
        why = f": {waiting(job)}" if job.progress else ""
        note(f"{job.state} on {link.name}{why}. Follow it: floyd-tui logs -f {job.short}")
    return 0


class _JobFirst(click.Command):
    """A command whose first argument may stand before its options, as FloydHub's: ``restart JOB --gpu COMMAND``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Move a leading JOB behind the options."""
        if args and not args[0].startswith("-"):
            job, *rest = args
            options = click.Command("", params=[one for one in self.params if isinstance(one, click.Option)])
            settings: dict[str, Any] = {"allow_extra_args": True, "resilient_parsing": True, **_COMMAND_LAST}
            words = options.make_context("", list(rest), **settings).args
            args = [*rest[: len(rest) - len(words)], job, *words]
        return super().parse_args(ctx, args)


@click.command(cls=_JobFirst, context_settings=_COMMAND_LAST)
@launch_options
@sweep_options
@yes_option
@host_option
@json_option
@click.argument("job")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
def restart(yes: bool, host: str | None, as_json: bool, job: str, command: tuple[str, ...], **said: Any) -> int:
    """Run JOB's code again, with other settings if you like.

    Nothing is uploaded. What the options and COMMAND say takes the place of JOB's settings; --data replaces all its
    inputs. Options stand before COMMAND.
    """
    name, flags = job_reference(job), settings_of(said, command)

    async def work(link: Link) -> int:
        old = await link.client.job(name)
        launches = variants(relaunch(old, flags, said["executor"]), sweep_of(flags))
        if said["dry_run"]:
            return preview(launches, as_json)
        if launches[0].values:
            return await launch_sweep(link, None, launches, yes, said["follow"], as_json)
        new = await submit(link, None, launches[0])
        return await _launched(link, new, said["follow"], as_json)

    return on_host(host, work)


@click.command(context_settings=_COMMAND_LAST)
@launch_options
@click.option("--task", metavar="NAME", help="A task of floyd.yml.")
@click.option("--project", metavar="NAME", help="Project, where the folder is tied to none or another.")
@yes_option
@host_option
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
def watch(yes: bool, host: str | None, command: tuple[str, ...], **said: Any) -> int:
    """Run again whenever a file of the project changes.

    The last run is stopped if it still runs, only what changed is sent, and it runs with the same settings. With
    --follow the log of each run is printed. Ctrl-C ends watching; the last run goes on.
    """
    draft = _draft(said, command)
    launch = the_one(draft.launch, draft.sweep)

    async def work(link: Link) -> int:
        from floyd_tui.cli.watching import Watcher

        watcher = Watcher(link, follow_runs=said["follow"])
        await watcher.run(watch_loop(link, draft.folder, launch, consider=consider(yes, ask_about)))
        return 130

    return on_host(host, work)
