"""The `floyd-runner` command: start, stop and look at the daemon of this host."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TypeVar

import click

from runner import __version__
from runner.errors import RunnerError
from runner.settings import Settings

P = ParamSpec("P")
R = TypeVar("R")


def _told(command: Callable[P, R]) -> Callable[P, R]:
    """Show a runner's error as its sentence and the next step, and exit 1."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except RunnerError as error:
            _tell(error)
            sys.exit(1)

    return run


def _tell(error: RunnerError) -> None:
    click.echo(f"{error.title}: {error.detail} {error.hint}".rstrip(), err=True)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="floyd-runner")
def main() -> None:
    """The host side of floyd-tui: keeps data, queues jobs and runs them. Answers on a Unix socket."""


data_dir = click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the runner's data. [default: $FLOYD_RUNNER_HOME or ~/.local/share/floyd-runner]",
)


@main.command()
@data_dir
@click.option("--log-file", is_flag=True, help="Write the log to runner.log in the data folder, not to the terminal.")
@_told
def serve(data_dir: Path | None, log_file: bool) -> None:
    """Serve here until SIGTERM or Ctrl-C. Jobs run on after that."""
    from runner import daemon, folder, server

    settings = Settings.load(data_dir)
    folder.prepare_folder(settings.data_dir)
    daemon.log_to(settings.log if log_file else None)
    server.serve(settings)


@main.command()
@data_dir
@click.option("--replace", is_flag=True, help="Stop a running daemon of another version first. Its jobs run on.")
@_told
def start(data_dir: Path | None, replace: bool) -> None:
    """Start the daemon unless it runs already; prints its socket when it answers."""
    from runner import daemon

    click.echo(daemon.start(Settings.load(data_dir), replace))


@main.command()
@data_dir
@_told
def stop(data_dir: Path | None) -> None:
    """Stop the daemon. Jobs run on, and the next start takes them up again."""
    from runner import daemon

    pid = daemon.stop(Settings.load(data_dir))
    click.echo(f"Stopped (process {pid}). Jobs run on." if pid else "No runner was running.")


@main.command()
@click.option("--data-dir", type=click.Path(path_type=Path), help="Its data. [default: /var/lib/floyd-runner]")
@click.option("--socket", type=click.Path(path_type=Path), help="Its socket. [default: /run/floyd-runner/runner.sock]")
@click.option("--group", help="Only members of this group may use it; empty: everybody again.")
@_told
def share(data_dir: Path | None, socket: Path | None, group: str | None) -> None:
    """Set up one runner for everybody on this host, or this version of it. Root's to do; jobs run on.

    docs/security.md says what it keeps from whom.
    """
    from runner import sharing

    place = sharing.Place(data_dir or sharing.FOLDER, socket or sharing.SOCKET, group)
    click.echo(sharing.share(place))


@main.command()
@data_dir
@_told
def status(data_dir: Path | None) -> None:
    """Say whether the daemon runs; exit code 3 if not."""
    from runner import daemon

    settings = Settings.load(data_dir)
    info = daemon.ask(settings)
    if info is None:
        click.echo(f"No runner answers on {settings.socket}. Start it: floyd-runner start.")
        sys.exit(3)
    note = f" ({info.executor_note})" if info.executor_note else ""
    click.echo(f"Runner {info.version}, process {info.pid}, runs jobs by {info.executor}{note}.")
    click.echo(f"Socket: {settings.socket}")


@main.command()
@data_dir
@_told
def socket(data_dir: Path | None) -> None:
    """Print the path of the socket, whether a daemon runs or not."""
    click.echo(Settings.load(data_dir).socket)


@main.command()
@data_dir
@click.option("--json", "as_json", is_flag=True, help="Print a FsckReport, as docs/api.md says.")
def fsck(data_dir: Path | None, as_json: bool) -> None:
    """Read all that is stored again, and name what is damaged. The runner may run meanwhile.

    Damaged files go to quarantine/ in the data folder; the next upload of the same content heals what refers to them.

    Exit code: 0 nothing is damaged, 1 something is or was, 2 it could not be checked, 130 interrupted with Ctrl-C.
    """
    from runner import checking

    try:
        sys.exit(checking.run(Settings.load(data_dir), as_json))
    except RunnerError as error:
        _tell(error)
        sys.exit(2)
