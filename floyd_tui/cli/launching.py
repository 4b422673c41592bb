"""The options of `run`, `restart` and `watch`, as settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from floyd_tui.cli.options import NumberOption
from floyd_tui.errors import ProjectError
from floyd_tui.project.config import MACHINES, MODES, RunSettings, parse_policy
from floyd_tui.project.mounts import distinct, parse_mount
from floyd_tui.project.sweep import joined, parse_grid
from floyd_tui.sizes import parse_duration, parse_size
from runner.models import Limits, Retry, SecretUse

F = TypeVar("F", bound=Callable[..., Any])


def _read_by(read: Callable[[str], Any]) -> Callable[[click.Context, click.Parameter, Any], Any]:
    """An option's callback that reads its value by `read`, whose `ValueError` is a sentence for a usage error."""

    def callback(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
        try:
            if isinstance(value, tuple):
                return tuple(read(one) for one in value)
            return None if value is None else read(value)
        except ValueError as error:
            raise click.BadParameter(str(error), context, parameter) from error

    return callback


def _variable(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise ValueError(f"{text!r} is not NAME=VALUE.")
    return name, value


_OPTIONS = (
    *(
        click.option(f"--{machine}", "machine", flag_value=machine, help=help_text)
        for machine, help_text in zip(
            MACHINES, ("No GPU.", "Another one without.", "One GPU.", "Another one with."), strict=True
        )
    ),
    click.option("--gpus", cls=NumberOption, type=click.IntRange(0), metavar="N", help="So many GPUs."),
    click.option("--gpu-memory", callback=_read_by(parse_size), metavar="SIZE",
                 help="Share one GPU, of which it needs so much memory, such as 8GiB."),
    click.option("--priority", type=int, metavar="N", help="Higher ones come first in the queue; 0 is usual."),
    click.option("--after", multiple=True, metavar="JOB",
                 help="Start when that job has succeeded; its output may be mounted. May be repeated."),
    click.option("--hold", is_flag=True, help="Let it wait until it is released."),
    click.option("--env", metavar="ENV", help="Environment (floyd-tui env ls), or an image."),
    click.option("--data", multiple=True, metavar="SOURCE:MOUNT", help="Mount a dataset or output; may be repeated."),
    click.option("-m", "--message", metavar="TEXT", help="What this run is about."),
    click.option("--max-runtime", callback=_read_by(parse_duration), metavar="TIME", help="3600, 90m, 2h30m, …"),
    click.option("--retry", callback=_read_by(Retry.parse), metavar="N [on ENDS]",
                 help="Try again N times after such ends: '3', '3 on [lost, oom, exit 75]'."),
    click.option("--utilization-policy", callback=_read_by(parse_policy), metavar="PERCENT:TIME",
                 help="Stop it once a GPU was used less than that for so long, such as 10:30m."),
    click.option("--mode", type=click.Choice(MODES), help="Only `job` is run yet."),
    click.option("-e", "--var", "variables", multiple=True, callback=_read_by(_variable), metavar="NAME=VALUE",
                 help="Environment variable; may be repeated."),
    click.option("--secret", "secrets", multiple=True, callback=_read_by(SecretUse.parse), metavar="NAME[=VARIABLE]",
                 help="Give it a secret; NAME:file as /floyd/secrets/NAME. May be repeated."),
    click.option("--memory", callback=_read_by(parse_size), metavar="SIZE", help="Memory limit, such as 8GiB."),
    click.option("--cpus", cls=NumberOption, type=click.FloatRange(0, min_open=True), metavar="N",
                 help="CPU limit, in cores."),
    click.option("--shm-size", callback=_read_by(parse_size), metavar="SIZE", help="Size of /dev/shm."),
    click.option("--tag", "tags", multiple=True, metavar="TAG", help="Tag the job; may be repeated."),
    click.option("--executor", type=click.Choice(["docker", "process"]), help="Run it in Docker, or as a process."),
    click.option("-f", "--follow", is_flag=True, help="Follow the log and exit with the job's code."),
    click.option("-t", "--tail", "follow", is_flag=True, hidden=True),
)  # fmt: skip


def launch_options(command: F) -> F:
    """All options that say how to run; the command takes them as ``**said`` for `settings_of`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


_SWEEP_OPTIONS = (
    click.option("--sweep", "grid", multiple=True, metavar="NAME={A,B}",
                 help="A job for each value, as variable NAME and {NAME} in the command; or {1..5}. May be repeated."),
    click.option("--max-parallel", cls=NumberOption, type=click.IntRange(1), metavar="N",
                 help="So many jobs of the sweep at once."),
    click.option("--group", metavar="NAME", help="The sweep's name; made up if left out."),
    click.option("--dry-run", is_flag=True, help="Only say which jobs it would make."),
)  # fmt: skip


def sweep_options(command: F) -> F:
    """The options of what may make several jobs."""
    for option in reversed(_SWEEP_OPTIONS):
        command = option(command)
    return command


def settings_of(said: dict[str, Any], command: tuple[str, ...]) -> RunSettings:
    """What the options say, as settings that go over those of a file or an earlier job."""
    limits = Limits(memory=said["memory"], cpus=said["cpus"], shm_size=said["shm_size"])
    return RunSettings(
        machine=said["machine"],
        gpus=said["gpus"],
        env=said["env"],
        input=distinct(parse_mount(text) for text in said["data"]) if said["data"] else None,
        description=said["message"],
        max_runtime=said["max_runtime"],
        retry=said["retry"],
        utilization_policy=said["utilization_policy"],
        mode=said["mode"],
        command=command_of(command),
        limits=limits if limits != Limits() else None,
        tags=tuple(dict.fromkeys(said["tags"])) or None,
        env_vars=dict(said["variables"]) or None,
        secrets=tuple(dict.fromkeys(said["secrets"])) or None,
        gpu_memory=said["gpu_memory"],
        priority=said["priority"],
        after=tuple(dict.fromkeys(said["after"])) or None,
        hold=said["hold"] or None,
        sweep=parse_grid(said["grid"]) if said.get("grid") else None,
        max_parallel=said.get("max_parallel"),
        group=said.get("group"),
    )


def command_of(words: tuple[str, ...]) -> str | None:
    """The command line for the job's shell: one word is one already, several are quoted as they were given."""
    if not words:
        return None
    if len(words) > 1 and " " in words[0].strip():
        raise click.UsageError(f"Options stand before the command, so {words[1]!r} would be part of {words[0]!r}.")
    command = words[0] if len(words) == 1 else joined(words)
    if not command.strip():
        raise ProjectError("The command is empty.", "Write it after the options: floyd-tui run 'python train.py'")
    return command
