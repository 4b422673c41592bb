"""The container of a job, as the Docker Engine is told of it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from runner.executors.base import Task, job_env
from runner.executors.networks import DOCKERS_OWN

JOB_LABEL = "floyd.job"
HOME = "/floyd/home"
INPUT = "/floyd/input"
LOG = "/floyd/log"
SECRETS = "/floyd/secrets"
OUTPUT = "/output"
SHELL = "/bin/sh"
# What root in a container needs to install packages and change owners there; all else is dropped, for others all.
ROOT_CAPABILITIES = ("CHOWN", "DAC_OVERRIDE", "FOWNER", "KILL", "SETGID", "SETUID")
# Mount points that would break a container where an image happens not to have them.
_NEVER = frozenset({"dev", "etc", "floyd", "lib", "lib64", "proc", "run", "sys", "tmp", "usr", "var", "bin", "sbin"})

# The command is an argument and never part of the script. Appending goes on where a truncating job left off. An empty
# log's time tells that the command has begun, also where it prints nothing.
ENTRY = """\
exec >>/floyd/log 2>&1 </dev/null || exit 125
[ -s /floyd/log ] || : >/floyd/log
if [ -f /floyd/secrets/.variables ]; then . /floyd/secrets/.variables; fi
if command -v bash >/dev/null 2>&1; then exec bash -c "$1"; fi
exec sh -c "$1"
"""

# Ends a job so that it can save its work. A shell would go on with the next command when the one it waits for ends, or
# end first and take the container along: so it is held (SIGSTOP) until all others have gone, and told only then. (Both
# signals at once would not do: of two that are pending, the kernel delivers SIGTERM first.)
TERMINATE = """\
read -r main _ </proc/1/task/1/children
[ -n "$main" ] || exit 0
others() {
  found=
  for stat in /proc/[0-9]*/stat; do
    read -r line <"$stat" 2>/dev/null || continue
    pid=${line%% *} rest=${line##*) }
    case $pid in 1|$$|$main) continue;; esac
    parent=${rest#* }
    case ${rest%% *}${parent%% *} in Z*|X*|?$$) continue;; esac
    found="$found $pid"
  done
}
kill -STOP "$main"
others
[ -z "$found" ] || kill -TERM $found
while others; [ -n "$found" ]; do sleep 0.1; done
kill -TERM "$main"
kill -CONT "$main"
"""


def labels_of(data_dir: Path) -> dict[str, str]:
    """The labels of every container of the runner that owns `data_dir`."""
    return {"floyd.data-dir": str(data_dir)}


def container_name(task: Task, data_dir: Path) -> str:
    """The container's name, the same whoever asks and however often: so a job can never have two.

    It ends with a digest: ``a-b``'s project ``c`` and ``a``'s project ``b-c`` would share a container otherwise.
    """
    runner = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:8]
    job = task.job
    distinct = hashlib.sha256(job.name.encode()).hexdigest()[:12]
    return f"floyd-{runner}-{job.owner}-{job.project}-{job.number}-{distinct}"


def aliases(task: Task) -> dict[str, Path]:
    """Older places that a job may look for its data at, ``/mnist`` and ``/output``, and what they stand for."""
    found = {
        f"/{m.destination}": m.path
        for m in task.inputs
        if "/" not in m.destination and m.destination not in _NEVER and f"/{m.destination}" != OUTPUT
    }
    output = task.home / "output"
    # A link of that name in the code could lead anywhere on the host.
    return {**found, OUTPUT: output} if output.is_dir() and not output.is_symlink() else found


def container_config(
    task: Task, labels: dict[str, str], shown: Iterable[str], network: str = DOCKERS_OWN
) -> dict[str, Any]:
    """The body of ``POST /containers/create``; `shown` are the `aliases` that hide nothing of the image."""
    job, identity = task.job, task.identity
    uid, gid = (0, 0) if task.as_root else (identity.uid, identity.gid)
    env = job_env(task, HOME)
    return {
        "Image": job.image,
        "User": f"{uid}:{gid}",
        "WorkingDir": HOME,
        "Env": [f"{name}={value}" for name, value in env.items()],
        "Entrypoint": [SHELL, "-c", ENTRY, "floyd"],
        "Cmd": [job.command],
        "Labels": {**labels, JOB_LABEL: job.name},
        "Hostname": f"{job.project}-{job.number}".replace("_", "-").replace(".", "-")[:63].strip("-"),
        "Healthcheck": {"Test": ["NONE"]},
        "HostConfig": {
            "Init": True,
            "NetworkMode": network,
            "LogConfig": {"Type": "none"},
            "SecurityOpt": ["no-new-privileges"],
            "CapDrop": ["ALL"],
            "CapAdd": list(ROOT_CAPABILITIES) if uid == 0 else [],
            "Mounts": _mounts(task, shown),
            "DeviceRequests": _devices(task),
            **_limits(task),
        },
    }


def _mounts(task: Task, shown: Iterable[str]) -> list[dict[str, Any]]:
    places = aliases(task)
    mounts = [_bind(task.home, HOME), _bind(task.log, LOG)]
    mounts += [_bind(m.path, f"{INPUT}/{m.destination}", read_only=True) for m in task.inputs]
    mounts += [_bind(places[path], path, read_only=path != OUTPUT) for path in sorted(shown)]
    # Root in a container reads what its owner may not.
    mounts += [_bind(Path(path), path, read_only=True) for path in task.host_paths if not task.as_root]
    if task.secrets is not None:
        mounts.append(_bind(task.secrets, SECRETS, read_only=True))
    return mounts


def _bind(source: Path, target: str, read_only: bool = False) -> dict[str, Any]:
    return {"Type": "bind", "Source": str(source), "Target": target, "ReadOnly": read_only}


def _devices(task: Task) -> list[dict[str, Any]]:
    if not task.job.devices:
        return []
    return [{"Driver": "nvidia", "DeviceIDs": list(task.job.devices), "Capabilities": [["gpu"]]}]


def _limits(task: Task) -> dict[str, Any]:
    limits = task.limits
    found: dict[str, Any] = {}
    if limits.pids:
        found["PidsLimit"] = limits.pids
    if limits.shm_size:
        found["ShmSize"] = limits.shm_size
    if limits.memory:
        # The same for memory and swap together: no swap, so that a limit is one.
        found |= {"Memory": limits.memory, "MemorySwap": limits.memory}
    if limits.cpus:
        found["NanoCpus"] = round(limits.cpus * 1e9)
    return found
