"""Errors that a person may see, one base for all; the command line and the UI show each the same way.

::

    FloydError
    ├── ConfigError         config.yaml or floyd.yml cannot be read as it stands
    ├── ProjectError        this folder is not (or already) a project, or its files cannot be read
    ├── HostError           something between here and the runner
    │   ├── UnknownHost         no host of that name in the settings
    │   ├── HostUnreachable     no connection, or it broke
    │   ├── HostKeyUnknown      never seen this host's key: ask once
    │   ├── HostKeyChanged      the host shows another key than the one known: refuse
    │   ├── LoginRefused        the host accepts none of the keys
    │   └── RunnerMissing       the host answers, its runner does not
    ├── ReadOnly            it would change a host, and hosts are only looked at
    ├── RunnerProblem       the runner answered with a problem document
    │   └── RouteMissing        it is too old for what was asked
    └── TransferError       a file could not be sent, fetched or written as it should
        └── FilesInTheWay       a download would write over files that differ
"""

from __future__ import annotations

from collections.abc import Sequence

from runner.models import Problem


class FloydError(Exception):
    """An error with a headline (`title`), one sentence (`message`) and the next step (`hint`)."""

    title = "Something went wrong"

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class ConfigError(FloydError):
    title = "The settings cannot be read"


class ProjectError(FloydError):
    title = "This project folder"


class HostError(FloydError):
    title = "The host"


class UnknownHost(HostError):
    title = "Unknown host"


class HostUnreachable(HostError):
    title = "No connection"


class HostKeyUnknown(HostError):
    """The host's key is not in known_hosts; `fingerprint` (``SHA256:…``) and `key` (a public line) are to be shown."""

    title = "Unknown host key"

    def __init__(self, message: str, hint: str, host: str, port: int, key: str, fingerprint: str) -> None:
        super().__init__(message, hint)
        self.host, self.port, self.key, self.fingerprint = host, port, key, fingerprint


class HostKeyChanged(HostError):
    title = "The host's key has changed"


class LoginRefused(HostError):
    title = "Login refused"


class RunnerMissing(HostError):
    title = "No runner on the host"


class ReadOnly(FloydError):
    title = "Read-only"


class RunnerProblem(FloydError):
    """The runner's own answer; `code` and `status` are for programs."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail or problem.title, problem.hint)
        self.title = problem.title
        self.code = problem.code
        self.status = problem.status


class RouteMissing(RunnerProblem):
    """The runner is of another time than this floyd-tui, and does not have what was asked for at all."""


class TransferError(FloydError):
    title = "The transfer"


class FilesInTheWay(TransferError):
    """`paths` are here already with other content; nothing was fetched."""

    title = "Files are in the way"

    def __init__(self, message: str, hint: str, paths: Sequence[str]) -> None:
        super().__init__(message, hint)
        self.paths = tuple(paths)
