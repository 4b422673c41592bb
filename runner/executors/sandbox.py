"""The command line of a job that runs as plain processes: in bubblewrap where that works, else bare.

In bubblewrap the job sees the same paths as in a container, the host's own files read-only below them, a /tmp of its
own and only its own processes. Bare, it runs in its home, and FLOYD_HOME, FLOYD_INPUT and FLOYD_OUTPUT say where.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess

from runner.executors.base import VARIABLES_FILE, Task, job_env
from runner.executors.container import HOME, INPUT, OUTPUT, SECRETS, aliases

INPUT_FOLDER = "input"
# The host's system: what is there is shown read-only. Homes and data of others are not.
_SYSTEM = ("bin", "etc", "lib", "lib32", "lib64", "libx32", "nix", "opt", "sbin", "sys", "usr", "var")
_RESOLVE = "/run/systemd/resolve"
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "SSL_CERT_FILE")


@functools.cache
def bubblewrap() -> str | None:
    """Path of bubblewrap if it can make its namespaces here, else None."""
    program = shutil.which("bwrap")
    if program is None:
        return None
    trial = [program, "--unshare-pid", "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "true"]
    done = subprocess.run(trial, capture_output=True, timeout=20, check=False)
    return program if done.returncode == 0 else None


def shell() -> list[str]:
    """The shell that takes a job's command as its next argument."""
    return [shutil.which("bash") or "/bin/sh", "-c"]


def command_line(task: Task) -> list[str]:
    """What the supervisor is to run."""
    program = bubblewrap()
    inner = [*shell(), task.job.command]
    if task.secrets is not None:
        place = SECRETS if program is not None else str(task.secrets)
        inner = ["/bin/sh", "-c", '. "$0"; exec "$@"', f"{place}/{VARIABLES_FILE}", *inner]
    return inner if program is None else [program, *_arguments(task), "--", *inner]


def environment(task: Task) -> dict[str, str]:
    """The variables of the job."""
    wrapped = bubblewrap() is not None
    home = HOME if wrapped else str(task.home)
    inputs = INPUT if wrapped else str(task.folder / INPUT_FOLDER)
    base = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    base |= {"FLOYD_HOME": home, "FLOYD_INPUT": inputs, "FLOYD_OUTPUT": f"{home}/output"}
    if task.secrets is not None:
        base["FLOYD_SECRETS"] = SECRETS if wrapped else str(task.secrets)
    # Without containers nothing else keeps a job from the GPUs of others.
    own = {"CUDA_VISIBLE_DEVICES": ",".join(task.job.devices)} if task.job.devices else {}
    return {**base, **job_env(task, home), **own}


def lay_out_inputs(task: Task) -> None:
    """Make the folder of links that FLOYD_INPUT names; made again, it is the same."""
    folder = task.folder / INPUT_FOLDER
    folder.mkdir(exist_ok=True)
    for mounted in task.inputs:
        link = folder / mounted.destination
        link.parent.mkdir(parents=True, exist_ok=True)
        if not link.is_symlink():
            link.symlink_to(mounted.path)


def _arguments(task: Task) -> list[str]:
    # No --die-with-parent: the job outlives the runner. --new-session keeps it from the terminal.
    arguments = ["--unshare-pid", "--unshare-ipc", "--new-session", "--cap-drop", "ALL"]
    arguments += ["--proc", "/proc", "--tmpfs", "/tmp", *_system(), *_devices(task)]
    tools = _tools()
    for path in tools:
        arguments += ["--ro-bind", path, path]
    arguments += ["--bind", str(task.home), HOME, "--dir", INPUT]
    for mounted in task.inputs:
        arguments += ["--ro-bind", str(mounted.path), f"{INPUT}/{mounted.destination}"]
    for path in task.host_paths:
        arguments += ["--ro-bind-try", path, path]
    if task.secrets is not None:
        arguments += ["--ro-bind", str(task.secrets), SECRETS]
    taken = {path.split("/")[1] for path in tools} | set(_SYSTEM)
    for path, source in aliases(task).items():
        if path[1:] not in taken:
            arguments += ["--bind" if path == OUTPUT else "--ro-bind", str(source), path]
    return [*arguments, "--chdir", HOME]


def _system() -> list[str]:
    arguments = []
    for name in _SYSTEM:
        path = f"/{name}"
        if os.path.islink(path):
            arguments += ["--symlink", os.readlink(path), path]
        elif os.path.isdir(path):
            arguments += ["--ro-bind", path, path]
    # /etc/resolv.conf is a link into this one where systemd looks up names; the rest of /run holds sockets.
    if os.path.isdir(_RESOLVE):
        arguments += ["--ro-bind", _RESOLVE, _RESOLVE]
    return arguments


def _tools() -> list[str]:
    """Folders outside of the system that PATH leads to: a virtual environment, a Python in somebody's home."""
    folders = [part for part in os.environ.get("PATH", "").split(os.pathsep) if part.startswith("/")]
    parents = {os.path.dirname(os.path.normpath(part)) for part in folders if os.path.isdir(part)}
    return sorted(path for path in parents if path != "/" and path.split("/")[1] not in (*_SYSTEM, "tmp", "proc"))


def _devices(task: Task) -> list[str]:
    """A minimal /dev; all of the host's where the job has GPUs, whose device files are there."""
    if task.job.devices:
        return ["--dev-bind", "/dev", "/dev"]
    return ["--dev", "/dev"]
