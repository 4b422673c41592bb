"""Errors that a person may see, one base for all.

Each has a headline, one clear sentence and the next step; the API turns them into problem documents::

    RunnerError
    ├── BadRequest      400  the request cannot be right
    ├── Forbidden       403  the owner's alone
    ├── NotFound        404  no such thing, or not yours to see
    ├── TooSlow         408  its body does not come
    ├── Conflict        409  not in this state
    ├── TooLarge        413  over a limit of size
    ├── UnknownEncoding 415  compressed in a way that this host cannot read
    ├── NoSpace         507  the host's disk is full, or nearly
    ├── Damaged         500  the disk lost or changed what was stored
    └── Unavailable     503  something the host needs is not there (Docker, an image, a GPU)
"""

from __future__ import annotations

from runner.models import Problem


class RunnerError(Exception):
    """An error with a sentence for the user (`detail`) and what to do next (`hint`)."""

    status = 500
    code = "internal"
    title = "The runner failed"

    def __init__(self, detail: str, hint: str = "") -> None:
        super().__init__(detail)
        self.detail = detail
        self.hint = hint

    def problem(self) -> Problem:
        """This error as it travels."""
        return Problem(self.code, self.title, self.status, self.detail, self.hint)


class BadRequest(RunnerError):
    status, code, title = 400, "bad_request", "That cannot be right"


class Forbidden(RunnerError):
    status, code, title = 403, "forbidden", "Not yours to change"


class NotFound(RunnerError):
    status, code, title = 404, "not_found", "Not found"


class TooSlow(RunnerError):
    status, code, title = 408, "too_slow", "Nothing comes"


class Conflict(RunnerError):
    status, code, title = 409, "conflict", "Not now"


class TooLarge(RunnerError):
    status, code, title = 413, "too_large", "Too large"


class UnknownEncoding(RunnerError):
    status, code, title = 415, "encoding", "Not readable here"


class Unavailable(RunnerError):
    status, code, title = 503, "unavailable", "Not available on this host"


class NoSpace(RunnerError):
    status, code, title = 507, "no_space", "The host's disk is full"


class Damaged(RunnerError):
    status, code, title = 500, "damaged", "Damaged on the host"
