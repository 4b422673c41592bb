"""What one types into the filter of a list of jobs: words, and `state:failed`, `tag:best`, `env:torch`, `project:x`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from runner.models import Job, JobState

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
        inputs = (mount for one in job.inputs for mount in (one.source, one.destination))
        said = (job.short, job.message, job.command, job.environment, job.reason, *job.tags, *inputs)
        haystack = "\n".join(said).lower()
        return all(word in haystack for word in self.words)

    @property
    def text(self) -> str:
        """The words that a host is to look for among jobs that are not known here."""
        chosen = [values[0] for key, values in self.fields if key in ("tag", "env") and len(values) == 1]
        return " ".join((*self.words, *chosen))

    @property
    def states(self) -> list[JobState]:
        """The states that such jobs are to be in; none where any will do."""
        wanted = [value for key, values in self.fields if key == "state" for value in values]
        return [state for state in JobState if any(state.startswith(value) for value in wanted)]
