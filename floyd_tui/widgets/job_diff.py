"""What tells jobs apart: their settings row by row, their metrics at the end and at best, their code file by file."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from floyd_tui.metrics.best import more_is_better
from floyd_tui.widgets import format as fmt
from runner.models import FileInfo, Job, Limits, Metric

# Files that say what else a job's code needs.
REQUIREMENTS = (
    "floyd_requirements.txt",
    "requirements.txt",
    "pyproject.toml",
    "environment.yml",
    "setup.py",
    "setup.cfg",
)
# Longer files are not compared line by line, in bytes.
MOST = 1 << 20


@dataclass(frozen=True, slots=True)
class Setting:
    """One row: what it is, and what each job has there, in the jobs' order."""

    name: str
    values: tuple[str, ...]

    @property
    def differs(self) -> bool:
        """Whether the jobs do not have the same here."""
        return len(set(self.values)) > 1


_SETTINGS: Mapping[str, Callable[[Job], str]] = {
    "state": lambda job: f"{fmt.sign(job.state)} {fmt.standing(job)}",
    "exit code": lambda job: "" if job.exit_code is None else str(job.exit_code),
    "message": lambda job: job.message,
    "command": lambda job: job.command,
    "code": lambda job: (job.code or "none")[:12],
    "environment": lambda job: job.environment,
    "image": lambda job: job.image.removeprefix("sha256:")[:12],
    "executor": lambda job: job.executor,
    "machine": lambda job: job.machine,
    "GPUs": lambda job: fmt.size(job.gpu_memory) if job.gpu_memory is not None else str(job.gpus),
    "made from": lambda job: job.relaunched_from or "",
    "tags": lambda job: " ".join(job.tags),
    "max runtime": lambda job: fmt.duration(job.max_runtime) if job.max_runtime else "",
    "retry": lambda job: str(job.retry or ""),
    "priority": lambda job: str(job.priority or ""),
    "asked for": lambda job: fmt.when(job.created_at),
    "output": lambda job: fmt.size(job.output_size) if job.output_files else "",
    "reason": lambda job: job.reason,
}


def settings_of(jobs: Sequence[Job], now: float) -> list[Setting]:
    """All settings of `jobs`, those of the command's parameters, inputs, variables and limits apart."""
    rows = [Setting(name, tuple(map(read, jobs))) for name, read in _SETTINGS.items()]
    rows.insert(1, Setting("duration", tuple(_lasted(job, now) for job in jobs)))
    at = [row.name for row in rows].index("command") + 1
    rows[at:at] = _by_name("", [parameters(job.command) for job in jobs])
    rows += _by_name("input ", [{given.destination: given.source for given in job.inputs} for job in jobs])
    rows += _by_name("variable ", [dict(job.env) for job in jobs])
    rows += _by_name("limit ", [_limits(job.given if job.given != Limits() else job.limits) for job in jobs])
    return [row for row in rows if any(row.values)]


def _by_name(prefix: str, held: Sequence[Mapping[str, str]]) -> list[Setting]:
    names = list(dict.fromkeys(name for one in held for name in one))
    return [Setting(prefix + name, tuple(one.get(name, "") for one in held)) for name in names]


def _lasted(job: Job, now: float) -> str:
    seconds = fmt.job_seconds(job, now)
    return "" if seconds is None else fmt.duration(seconds)


def _limits(limits: Limits) -> dict[str, str]:
    sizes = {"memory": limits.memory, "/dev/shm": limits.shm_size}
    counts = {"CPUs": limits.cpus, "processes": limits.pids}
    said = {name: fmt.size(size) for name, size in sizes.items() if size}
    return said | {name: f"{count:g}" for name, count in counts.items() if count}


def parameters(command: str) -> dict[str, str]:
    """The options of a command: ``--lr 0.1 --fast x=3`` is ``{"--lr": "0.1", "--fast": "yes", "x": "3"}``."""
    words, found = command.split(), dict[str, str]()
    for at, word in enumerate(words):
        name, equals, value = word.partition("=")
        if equals and name and name.lstrip("-").replace("_", "").replace("-", "").replace(".", "").isalnum():
            found[name] = value
        elif word.startswith("-") and not _is_number(word):
            after = words[at + 1] if at + 1 < len(words) else ""
            takes = after and (not after.startswith("-") or _is_number(after)) and "=" not in after
            found[word] = after if takes else "yes"
    return found


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Best:
    """A metric of several jobs: the last and the best value of each, None where it was not measured.

    `up` says that more is better.
    """

    name: str
    up: bool
    last: tuple[float | None, ...]
    best: tuple[float | None, ...]

    @property
    def winners(self) -> set[int]:
        """The places of the jobs with the best of all."""
        known = [value for value in self.best if value is not None]
        top = (max if self.up else min)(known) if known else None
        return {place for place, value in enumerate(self.best) if value is not None and value == top}


def bests(points: Sequence[Iterable[Metric]]) -> list[Best]:
    """Each metric that any job has, with what each of them had last and at best."""
    held: list[dict[str, list[float]]] = []
    for job in points:
        values: dict[str, list[float]] = {}
        for point in job:
            values.setdefault(point.name, []).append(point.value)
        held.append(values)
    found = []
    for name in dict.fromkeys(name for values in held for name in values):
        up = more_is_better(name)
        finite = [[v for v in values.get(name, ()) if math.isfinite(v)] for values in held]
        best = tuple((max if up else min)(numbers) if numbers else None for numbers in finite)
        found.append(Best(name, up, tuple(values[name][-1] if name in values else None for values in held), best))
    return found


@dataclass(frozen=True, slots=True)
class FileDiff:
    """A file that is not the same in all jobs: its digest in each, empty where it is not there."""

    path: str
    digests: tuple[str, ...]

    @property
    def words(self) -> str:
        """What became of it from the first job to the others."""
        if not self.digests[0]:
            return "added"
        return "removed" if not any(self.digests[1:]) else "changed"

    @property
    def requirement(self) -> bool:
        """Whether it says what the code needs."""
        return self.path.rpartition("/")[2] in REQUIREMENTS


def files_that_differ(code: Sequence[Iterable[FileInfo]]) -> list[FileDiff]:
    """Files whose content is not the same everywhere, what the code needs first."""
    held = [{info.path: info.digest for info in files if info.kind != "dir"} for files in code]
    paths = sorted({path for files in held for path in files})
    found = [FileDiff(path, tuple(files.get(path, "") for files in held)) for path in paths]
    return sorted((one for one in found if len(set(one.digests)) > 1), key=lambda one: (not one.requirement, one.path))


def unified(old: bytes | None, new: bytes | None, names: tuple[str, str]) -> list[str]:
    """The lines of a unified diff; None is a file that is not there. What is no text is said in a sentence."""
    if any(content is not None and (len(content) > MOST or b"\0" in content[:8000]) for content in (old, new)):
        return ["Not text, or longer than 1 MiB: by their digests they are not the same."]
    before, after = ((content or b"").decode("utf-8", "replace").splitlines() for content in (old, new))
    return list(difflib.unified_diff(before, after, *names, lineterm="")) or ["The same text."]
