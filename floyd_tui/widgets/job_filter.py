"""What one types into the filter of a list of jobs: words, ``state:failed``, ``after:2d``, ``loss<0.3``.

::

    resnet state:failed,lost env:torch tag:best dataset:mnist project:digits host:gauss group:lr
    after:2d before:2026-11-20 loss<0.3 acc>=0.9 gpus>1 duration>1h

All of it must hold. A value stands for all that begin with it; several with commas between are either of them. Words,
states, and a tag, environment, dataset or project can be looked for by the host as well (`JobFilter.text`); the rest is
judged here, on the jobs that are known.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from difflib import get_close_matches

from floyd_tui.sizes import parse_duration
from runner.models import Job, JobState


@dataclass(frozen=True, slots=True)
class HostJob:
    """A job, and the name of the host that it is on."""

    host: str
    job: Job

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from all others: two hosts may have jobs of one name."""
        return self.host, self.job.name


class BadFilter(ValueError):
    """What was typed cannot be meant; the message says why, and what could be."""


Test = Callable[[HostJob], bool]
_FIELDS: dict[str, Callable[[HostJob], Iterable[str]]] = {
    "state": lambda one: (one.job.state.value, "held" if one.job.held else ""),
    "project": lambda one: (one.job.project,),
    "tag": lambda one: one.job.tags,
    "env": lambda one: _name_parts(one.job.environment),
    "dataset": lambda one: (part for given in one.job.inputs for part in source_parts(given.source)),
    "host": lambda one: (one.host,),
    "gpus": lambda one: (str(one.job.gpus),),
    "group": lambda one: (one.job.group,),
}
KEYS = (*_FIELDS, "after", "before")
# What is compared besides metrics.
NUMBERS = ("gpus", "exit", "duration")
STATES = (*(state.value for state in JobState), "held")
COMPARED = re.compile(r"([^<>=:]+)(<=|>=|<|>|=)(.*)")
_KEY = re.compile("[a-z]+")
_SIGNS: Mapping[str, Callable[[float, float], bool]] = {
    "<": lambda have, limit: have < limit,
    "<=": lambda have, limit: have <= limit,
    ">": lambda have, limit: have > limit,
    ">=": lambda have, limit: have >= limit,
    "=": lambda have, limit: have == limit,
}


@dataclass(frozen=True, slots=True)
class JobFilter:
    """All `words` must be found somewhere in a job, and all `tests` hold; `fields` are the values of each key."""

    words: tuple[str, ...] = ()
    fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    tests: tuple[Test, ...] = ()

    @classmethod
    def parse(cls, text: str, now: float) -> JobFilter:
        """Read a filter at the time `now`; raises `BadFilter`. What is still being typed (``state:``) asks nothing."""
        words: list[str] = []
        fields: dict[str, tuple[str, ...]] = {}
        tests: list[Test] = []
        for part in text.lower().split():
            key, colon, value = part.partition(":")
            if colon and key in KEYS:
                if value := value.strip(","):
                    fields[key] = tuple(filter(None, value.split(",")))
                    tests.append(_held(key, fields[key], now))
            elif compared := COMPARED.fullmatch(part):
                tests += [_compared(compared[1], compared[2], compared[3], now)] if compared[3] else []
            elif colon and value and _KEY.fullmatch(key) and not value.startswith("/"):  # an address is a word
                near = get_close_matches(key, KEYS, 1, 0.7)
                raise BadFilter(f"no key {key}: " + (f"do you mean {near[0]}:?" if near else f"{', '.join(KEYS)}"))
            else:
                words.append(part)
        return cls(tuple(words), fields, tuple(tests))

    def matches(self, one: HostJob) -> bool:
        """Whether a job is to be shown."""
        if not all(test(one) for test in self.tests):
            return False
        return not self.words or all(word in _said(one) for word in self.words)

    @property
    def text(self) -> str:
        """The words that a host is to look for among jobs that are not known here."""
        chosen = [v[0] for k in ("tag", "env", "dataset", "project") if len(v := self.fields.get(k, ())) == 1]
        return " ".join((*self.words, *chosen))

    @property
    def states(self) -> list[JobState]:
        """The states that such jobs are to be in; none where any will do."""
        wanted = self.fields.get("state", ())
        found = {state for state in JobState if any(state.startswith(value) for value in wanted)}
        held = {JobState.QUEUED for value in wanted if "held".startswith(value)}
        return [state for state in JobState if state in found | held]

    def __bool__(self) -> bool:
        return bool(self.words or self.tests)


def _held(key: str, values: tuple[str, ...], now: float) -> Test:
    """The test of ``key:value,value``."""
    if key in ("after", "before"):
        moment = _moment(key, values[0], now)
        return lambda one: (one.job.created_at >= moment) is (key == "after")
    if key == "state" and (bad := next((v for v in values if not any(s.startswith(v) for s in STATES)), None)):
        raise BadFilter(f"no state {bad}: {', '.join(STATES)}")
    read = _FIELDS[key]
    return lambda one: any(text.lower().startswith(values) for text in read(one))


def _moment(key: str, value: str, now: float) -> float:
    """Seconds since the epoch of ``2d`` (so long ago) or ``2026-11-20`` (that day's beginning, here)."""
    if re.fullmatch(r"\d{4}-.*", value):
        try:
            return datetime.fromisoformat(value.upper()).astimezone().timestamp()
        except ValueError:
            raise BadFilter(f"{key}:{value}: a day is written {key}:2026-11-20") from None
    try:
        return now - parse_duration(value)
    except ValueError:
        raise BadFilter(f"{key}:{value}: how long ago, as {key}:2d, 3h or 1w; or a day, 2026-11-20") from None


def _compared(name: str, sign: str, limit: str, now: float) -> Test:
    """The test of ``loss<0.3``: of a metric's last value, or of `gpus`, `exit` or `duration`."""
    try:
        wanted = float(parse_duration(limit)) if name == "duration" else float(limit)
    except ValueError:
        what = "duration, as 90m or 1h" if name == "duration" else "number"
        raise BadFilter(f"{name}{sign}{limit}: {limit} is no {what}") from None
    fits, value = _SIGNS[sign], _number_of(name, now)
    return lambda one: (have := value(one.job)) is not None and fits(have, wanted)


def _number_of(name: str, now: float) -> Callable[[Job], float | None]:
    match name:
        case "gpus":
            return lambda job: job.gpus
        case "exit":
            return lambda job: job.exit_code
        case "duration":
            return lambda job: (job.ended_at or now) - job.started_at if job.started_at is not None else None
    return lambda job: _metric(job, name)


def _metric(job: Job, name: str) -> float | None:
    """A metric's last value by its name in any case, else that of the first one whose name begins so."""
    values = {known.lower(): value for known, value in job.metrics.items()}
    if name in values:
        return values[name]
    return next((value for known, value in values.items() if known.startswith(name)), None)


def _name_parts(name: str) -> tuple[str, ...]:
    """``pytorch-2.8`` is found as torch, too: an environment by any part of its name."""
    name = name.lower()
    return tuple(name[at:] for at in range(len(name)))


def source_parts(source: str) -> tuple[str, ...]:
    """``ada/datasets/mnist/2`` is found as mnist and mnist/2, and as it stands."""
    owner, _, rest = source.partition("/")
    kind, _, name = rest.partition("/")
    return (source, name if kind in ("datasets", "projects") else rest or owner)


def _said(one: HostJob) -> str:
    """All that words are looked for in."""
    job = one.job
    inputs = (text for given in job.inputs for text in (given.source, given.destination))
    said = (job.short, job.message, job.command, job.environment, job.reason, *job.tags, *inputs)
    return "\n".join(said).lower()
