"""The runner's settings: where its data lies, which executor, what a job may use when it does not say.

They come from `runner.yml` in the data folder (optional), read once at start. The data folder itself is chosen by
``--data-dir``, else ``$FLOYD_RUNNER_HOME``, else the XDG data folder: a client finds the socket by the same rule.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from runner.errors import BadRequest
from runner.limits import MACHINES, Machine
from runner.models import BadMessage, Limits, UtilizationPolicy, from_dict
from runner.models.sizes import parse_duration, parse_size
from runner.telemetry.hints import HintRules

ExecutorChoice = Literal["auto", "docker", "process"]
SETTINGS_FILE = "runner.yml"
_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_SIZES = frozenset({"memory", "gpu_memory", "shm_size", "disk_reserve"})
_DURATIONS = frozenset({"max_runtime", "stop_grace", "retry_delay", "request_silence", "shutdown_grace"})
_DURATIONS |= {"fetch_silence", "fetch_patience", "gc_grace", "trash_keep", "time_window", "seconds"}


@dataclass(frozen=True, slots=True)
class Settings:
    """What the host's owner may set. Each field but `data_dir` is a key of `runner.yml`.

    There, sizes are bytes or such as ``64GiB`` and ``500MB``, and durations seconds or such as ``90m`` and ``2h30m``.
    """

    data_dir: Path
    """The folder that holds everything: socket, database, blobs, jobs. Mode 0700."""
    shared_socket: str = ""
    """Path of a socket outside of `data_dir` on which the runner, root's as a rule, serves everybody; none: its own."""
    shared_group: str = ""
    """The Unix group whose members may use the shared socket; none: every account of the host."""
    host_paths: tuple[str, ...] = ()
    """Folders of the host that every job sees read-only, at the same path; none: a job sees only what is stored."""
    executor: ExecutorChoice = "auto"
    """``docker``, ``process``, or ``auto``: Docker where its engine answers, else processes."""
    docker_socket: str = ""
    """Path of the Docker Engine's socket. Empty: the one of ``$DOCKER_HOST`` (unix:///…), or /var/run/docker.sock."""
    default_environment: str = "python-3.11"
    """The environment of a job that names none."""
    max_running: int = 8
    """How many jobs may run at once; more wait in the queue."""
    max_running_each: int | None = None
    """How many jobs of one person may run at once; none: as many as of all."""
    max_gpus_each: int | None = None
    """How many GPUs the jobs of one person may have at once, a shared one counted as one; none: all there are."""
    max_priority: int = 100
    """The highest priority that a job may be given; with 0 nobody can go before others on a shared host."""
    machines: dict[str, Machine] = field(default_factory=dict)
    """What ``machine: NAME`` stands for here, beside or in place of FloydHub's cpu, cpu2, gpu and gpu2: gpus or
    gpu_memory, and the limits memory, cpus, pids, shm_size."""
    use_busy_gpus: bool = False
    """Whether jobs are given GPUs on which other programs of the host compute."""
    limits: Limits = field(default_factory=Limits)
    """What a job may use where neither its launch nor its machine says: memory and shm_size in bytes, cpus in cores,
    pids. Where this does not say either: memory all but 1 GiB of the host's (5 % of a large one's), all its cores, 4096
    processes, and half of the job's memory as /dev/shm. The process executor holds to memory alone, if anybody says."""
    max_runtime: int | None = None
    """Seconds after which a job that sets no limit of its own is ended; none: never."""
    utilization_policy: UtilizationPolicy | None = None
    """Stop a job whose launch says nothing of it once one of its GPUs was used below ``min_gpu_utilization`` percent
    for ``time_window`` seconds on end; none: never."""
    hints: HintRules = field(default_factory=HintRules)
    """When there are hints: ``gpu_use`` percent over ``seconds``, ``cpu_busy`` percent, ``full``: three percentages."""
    stop_grace: float = 10.0
    """Seconds between asking a job to end (SIGTERM) and killing it (SIGKILL)."""
    retry_delay: float = 10.0
    """Seconds before a job is tried again (`retry`); doubled for each further attempt, up to five minutes."""
    request_silence: float = 30.0
    """Seconds without a byte after which a request that was begun is cut; uploads of blobs have ten minutes."""
    shutdown_grace: float = 2.0
    """Seconds that open requests get to finish when the runner stops."""

    disk_reserve: int | None = None
    """Bytes of the disk that launches and uploads leave free; none: 1 GiB, or 5 % of a disk below 20 GiB."""
    fetch_at_once: int = 4
    """How many addresses the runner fetches from at once; more wait for their turn."""
    fetch_silence: float = 60.0
    """Seconds without a byte after which the runner asks anew for what it fetches from the net."""
    fetch_patience: float = 900.0
    """Seconds for which it asks again and again where nothing more comes, before it gives up."""
    gc_at: str | None = None
    """Time of day by the host's clock, ``"03:30"``, at which what nothing refers to is removed; none: by hand only."""
    gc_grace: float = 24 * 3600.0
    """Seconds for which an upload that nothing refers to yet is kept: its launch may be on the way."""
    trash_keep: float = 30 * 24 * 3600.0
    """Seconds for which the collection at `gc_at` leaves what was deleted to be restored; one by hand takes all."""

    @classmethod
    def load(cls, data_dir: Path | None = None) -> Settings:
        """Read `runner.yml` of `data_dir` (default: `default_data_dir()`); raises `BadRequest` naming a bad key."""
        folder = (data_dir or default_data_dir()).expanduser().absolute()
        file = folder / SETTINGS_FILE
        try:
            text = file.read_text(encoding="utf-8")
        except FileNotFoundError:
            return cls(folder)
        except (OSError, UnicodeDecodeError) as error:
            raise BadRequest(
                f"{file} cannot be read: {error}.", "Make it a readable YAML file, or remove it."
            ) from error
        return _settings_from(text, file, folder)

    @property
    def socket(self) -> Path:
        """The Unix socket that the runner answers on."""
        return Path(self.shared_socket) if self.shared else self.data_dir / "runner.sock"

    @property
    def shared(self) -> bool:
        """Whether one runner serves all people of the host."""
        return bool(self.shared_socket)

    def machine(self, name: str) -> Machine:
        """What ``machine: NAME`` stands for; raises `BadRequest` naming those that there are."""
        known = {**MACHINES, **self.machines}
        if name not in known:
            raise BadRequest(f"This host has no machine {name!r}.", f"It has: {', '.join(known)}.")
        return known[name]

    @property
    def lock(self) -> Path:
        """The file that the one daemon of this folder keeps locked; it holds its process id."""
        return self.data_dir / "runner.lock"

    @property
    def log(self) -> Path:
        """The daemon's own log."""
        return self.data_dir / "runner.log"

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.data_dir / "runner.db"

    @property
    def jobs(self) -> Path:
        """The folder of the jobs: ``jobs/<owner>/<project>/<number>/``."""
        return self.data_dir / "jobs"

    def job_dir(self, owner: str, project: str, number: int) -> Path:
        """The folder of one job."""
        return self.jobs / owner / project / str(number)


def default_data_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """``$FLOYD_RUNNER_HOME``, else ``$XDG_DATA_HOME/floyd-runner``, else ``~/.local/share/floyd-runner``."""
    if own := environ.get("FLOYD_RUNNER_HOME"):
        return Path(own)
    base = environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "floyd-runner"


def _settings_from(text: str, file: Path, folder: Path) -> Settings:
    import yaml

    try:
        data: Any = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise BadRequest(f"{file} is not YAML: {error}.", "Correct it, or remove it.") from error
    known = {f.name for f in fields(Settings)} - {"data_dir"}
    if not isinstance(data, dict) or set(data) - known:
        wrong = ", ".join(sorted(map(str, set(data) - known))) if isinstance(data, dict) else "the whole file"
        raise BadRequest(f"{file} has settings that are not known: {wrong}.", f"Known are: {', '.join(sorted(known))}.")
    if "gc_at" in data and not _TIME.fullmatch(str(data["gc_at"])):
        raise BadRequest(f"{file}: gc_at is {data['gc_at']!r}.", 'Write a time of day in quotes, as in gc_at: "03:30".')
    try:
        data = _in_numbers(data)
    except ValueError as error:
        raise BadRequest(f"{file}: {error}", "Correct it, or write the number of bytes or seconds.") from error
    try:
        settings = from_dict({**data, "data_dir": str(folder)}, Settings)
    except BadMessage as error:
        raise BadRequest(f"{file} does not fit: {error}.", "Correct the values named.") from error
    _check(settings, file)
    return settings


def _in_numbers(data: Any, key: object = None) -> Any:
    """The settings with bytes and seconds for sizes and durations; raises `ValueError` naming one that is neither."""
    if isinstance(data, dict):
        return {name: _in_numbers(value, name) for name, value in data.items()}
    parse = parse_size if key in _SIZES else parse_duration if key in _DURATIONS else None
    if parse is None:
        return data
    if isinstance(data, int | float) and data < 0:
        raise ValueError(f"{key}: {data} is below nothing.")
    try:
        return parse(data) if isinstance(data, str) else data
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from error


def _check(settings: Settings, file: Path) -> None:
    try:
        settings.hints.checked()
        if settings.utilization_policy is not None:
            settings.utilization_policy.checked()
    except ValueError as error:
        raise BadRequest(f"{file}: {error}", "Correct the values named.") from error
    _check_line(settings, file)
    for path in (*settings.host_paths, *filter(None, [settings.shared_socket])):
        if not path.startswith("/") or os.path.normpath(path) != path or path == "/":
            raise BadRequest(f"{file}: {path!r} is no absolute path.", "Write it from / on, without '..' in it.")
    if settings.shared and settings.executor == "process":
        raise BadRequest(
            f"{file}: a shared runner keeps people's jobs apart by containers, so its executor cannot be `process`.",
            "Take `executor` out; the host needs Docker.",
        )
    if settings.shared_group and not settings.shared:
        raise BadRequest(f"{file}: shared_group is set, but no shared_socket.", "Set both, or none.")


def _check_line(settings: Settings, file: Path) -> None:
    for name in ("max_running", "max_running_each", "max_gpus_each"):
        value = getattr(settings, name)
        if value is not None and value < 1:
            raise BadRequest(f"{file}: {name} is {value}.", "Write 1 or more.")
    for name, machine in settings.machines.items():
        if machine.gpus < 0 or (machine.gpu_memory is not None and (machine.gpus > 1 or machine.gpu_memory < 1)):
            raise BadRequest(
                f"{file}: the machine {name!r} cannot have {machine.gpus} GPUs and {machine.gpu_memory} bytes of one.",
                "Give it gpus: 0, 1, 2, …, or gpu_memory: bytes of one GPU to share.",
            )
