"""What one types into the filter of a list of jobs: words, and `state:failed`, `tag:best`, `env:torch`, `project:x`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from runner.models import Job

_FIELDS: dict[str, Callable[[Job], str]] = {
    "state": lambda job: job.state.value,
    "project": lambda job: job.project,
    "tag": lambda job: "\n".join(job.tags),
    "env": lambda job: job.environment,
    "gpus": lambda job: str(job.gpus),
}


@dataclass(frozen=True, slots=True)
class JobFilter:
    """All `words` must be found somewhere in a job; each of `fields` must hold one of its comma-separated values."""

    words: tuple[str, ...] = ()
    fields: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @classmethod
    def parse(cls, text: str) -> JobFilter:
        """Read a filter; what looks like a field but is none counts as a word."""
        words: list[str] = []
        fields: list[tuple[str, tuple[str, ...]]] = []
        for part in text.lower().split():
            key, colon, value = part.partition(":")
            if colon and key in _FIELDS:
                # "state:" while still typing leaves the list as it is.
                fields += [(key, tuple(v for v in value.split(",") if v))] if value.strip(",") else []
            else:
                words.append(part)
        return cls(tuple(words), tuple(fields))

    def matches(self, job: Job) -> bool:
        """Whether `job` is to be shown."""
        for key, values in self.fields:
            held = _FIELDS[key](job).lower().split("\n")
            if not any(text.startswith(value) for value in values for text in held):
                return False
        haystack = "\n".join((job.short, job.message, job.command, job.environment, job.reason, *job.tags)).lower()
        return all(word in haystack for word in self.words)
