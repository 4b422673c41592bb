"""The root of the command line: the table of commands, and the one place where errors become messages and exit codes.

==== ===========================================================================
code meaning
==== ===========================================================================
0    done (with ``--follow``: the job succeeded)
1    an error, said on stderr (with ``--follow``: the job failed without a code)
2    the command line itself is wrong
3    the host is unknown, out of reach, refused the login, or has no runner
130  interrupted with Ctrl-C
==== ===========================================================================

With ``--follow`` the exit code is the job's own; 124 where it ran out of time, 143 where it was stopped.
"""

from __future__ import annotations

import os
import select
import sys
from typing import Any

import click

from floyd_tui import __version__
from floyd_tui.cli.lazy import LazyGroup

PROGRAM = "floyd-tui"
DEBUG = "FLOYD_TUI_DEBUG"


@click.group(
    cls=LazyGroup,
    module="floyd_tui.cli",
    table={
        "init": ("project:init", "Tie this folder to a project."),
        "run": ("run:run", "Run this project's code on a host."),
        "watch": ("run:watch", "Run again whenever a file of the project changes."),
        "ignored": ("ignored:ignored", "List what stays here, by which rule, and what goes up."),
        "status": ("jobs:status", "List jobs, newest first."),
        "info": ("jobs:info", "Say all about one job."),
        "logs": ("logs:logs", "Print a job's log, or follow it."),
        "metrics": ("metrics:metrics", "Show a job's metrics, as a table, CSV or a picture."),
        "usage": ("usage:usage", "Show what a job uses or used, and hints."),
        "stop": ("jobs:stop", "Stop jobs; what they wrote is kept."),
        "sweep": ("sweep:sweep", "List sweeps, show one with the best first, stop the rest."),
        "queue": ("queue:queue", "List what runs and what waits, in order, and why."),
        "hold": ("queue:hold", "Keep waiting jobs from starting."),
        "release": ("queue:release", "Let held jobs start again."),
        "move": ("queue:move", "Move a waiting job in the queue."),
        "tag": ("queue:tag", "Give a job more tags, or take tags away."),
        "restart": ("run:restart", "Run a job's code again, with other settings if you like."),
        "lineage": ("lineage:lineage", "Tell what a job came from, and what came from it."),
        "clone": ("files:clone", "Fetch a job's code as it was."),
        "delete": ("jobs:delete", "Delete jobs with their logs and outputs."),
        "restore": ("trash:restore", "Bring deleted jobs back."),
        "trash": ("trash:trash", "List what was deleted and can be restored."),
        "output": ("files:output", "List, look at, fetch or sync what jobs wrote."),
        "data": ("data:data", "Upload, list, fetch and manage datasets."),
        "gc": ("gc:gc", "Free what nothing refers to on a host."),
        "fsck": ("gc:fsck", "Read what a host stores again, and name what is damaged."),
        "env": ("env:env", "List environments."),
        "secret": ("secrets:secret", "Keep secrets on a host and give them to jobs."),
        "host": ("hosts:host", "Add, list, check and remove hosts."),
        "web": ("web:web", "Serve the app to a browser on this machine."),
        "screenshots": ("pictures:screenshots", "Draw the app's screens as pictures."),
    },
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option("--host", metavar="HOST", help="Open the app on this host.")
@click.option("--readonly", is_flag=True, help="Open the app to look only: nothing on any host is changed.")
@click.version_option(__version__, prog_name=PROGRAM)
@click.pass_context
def cli(context: click.Context, host: str | None, readonly: bool) -> None:
    """Projects, jobs, datasets and environments on your own GPU hosts.

    Without a command, opens the app. A host is chosen with --host after each command.
    """
    if context.invoked_subcommand is None:
        open_app(host, readonly)
    elif host is not None:
        raise click.UsageError(f"Write --host after the command: {PROGRAM} {context.invoked_subcommand} --host {host}")
    elif readonly:
        raise click.UsageError(
            f"--readonly is for the app: `{PROGRAM} --readonly` or `{PROGRAM} web --readonly`; what a command changes"
            " is what it says."
        )


def open_app(host: str | None, readonly: bool = False) -> None:
    """Open the terminal UI on all hosts, `host` first; with `readonly` it changes nothing on any of them."""
    # In a browser (floyd_tui.web), textual-serve has set another driver than a terminal's.
    if not ((sys.stdin.isatty() and sys.stdout.isatty()) or os.environ.get("TEXTUAL_DRIVER")):
        raise click.UsageError(f"The app needs a terminal. `{PROGRAM} --help` lists the commands that do not.")
    from dataclasses import replace

    from floyd_tui.app import FloydApp
    from floyd_tui.cli.hangup import end_with_terminal
    from floyd_tui.client.links import Links
    from floyd_tui.config import Config

    config = Config.load()
    if host is not None:
        Links(config)[host]  # says what is wrong with the name before the screen is taken
        config = replace(config, default_host=host)
    if readonly:
        config = replace(config, readonly=True)
    if sys.stdin.isatty():
        end_with_terminal(sys.stdin.fileno())
    FloydApp(Links(config), config, resume=host is None).run()


def run(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    sys.exit(outcome(arguments))


def outcome(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit code, every error having been said in a sentence on stderr."""
    try:
        result: Any = cli.main(args=arguments, prog_name=PROGRAM, standalone_mode=False)
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        return 130
    except BrokenPipeError as error:
        return _pipe_closed() if _reader_left() else _said(error)
    except Exception as error:
        return _said(error)


def _said(error: Exception) -> int:
    from floyd_tui.errors import FloydError, HostError
    from runner.models import BadName

    if os.environ.get(DEBUG):
        raise error
    if isinstance(error, FloydError):
        say_error(error.message, error.hint)
        return 3 if isinstance(error, HostError) else 1
    if isinstance(error, BadName):
        say_error(str(error))
        return 1
    what = f"{type(error).__name__}: {error}"
    say_error(f"floyd-tui itself failed: {what}.", f"Run it again with {DEBUG}=1 and report what it prints.")
    return 1


def say_error(message: str, hint: str = "") -> None:
    """One sentence on stderr, and the next step below it; what hosts put into either cannot steer the terminal."""
    from floyd_tui.cli.show import printable

    click.secho("error: ", err=True, fg="red", bold=True, nl=False)
    click.echo(printable(message), err=True)
    if hint:
        click.secho(f"       {printable(hint)}", err=True, dim=True)


def _reader_left() -> bool:
    """Whether it is our output's reader who went away, rather than a connection."""
    poll = select.poll()
    poll.register(sys.stdout.fileno(), select.POLLOUT)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))


def _pipe_closed() -> int:
    # The reader of our output went away (`| head`): nothing to say, and Python must not try to flush again at exit.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1
