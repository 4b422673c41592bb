"""Data that the host fetches itself from an http(s) address, to make a dataset's next version of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from runner.models.data import AddedVersion
from runner.models.wire import Problem

FetchState = Literal["waiting", "fetching", "unpacking", "done", "failed", "cancelled"]


@dataclass(frozen=True, slots=True)
class NewFetch:
    """A request to fetch `url` for a dataset's next version.

    `sha256` (64 hex digits) is what the bytes at the address must have. `unpack` says whether they are an archive to be
    unpacked; None leaves that to their name.
    """

    url: str
    sha256: str | None = None
    unpack: bool | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class Fetch:
    """A fetch as it stands. Sizes in bytes, `rate` in bytes a second; `total_bytes` is None where nobody says.

    While it unpacks, `done_bytes` counts what of the archive is read, and `files` what came out of it. `note` says in a
    few words what keeps it from going on. `url` is without what logs in. At the end there is `added`, or `problem`;
    `unchanged` says that the server has still what the version was made of, so that nothing was downloaded.
    """

    id: str
    owner: str
    dataset: str
    url: str
    state: FetchState
    created_at: float
    done_bytes: int = 0
    total_bytes: int | None = None
    rate: float = 0.0
    files: int = 0
    note: str = ""
    ended_at: float | None = None
    added: AddedVersion | None = None
    unchanged: bool = False
    problem: Problem | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen."""
        return self.state in ("done", "failed", "cancelled")

    @property
    def eta_seconds(self) -> float | None:
        """Seconds until all bytes are here, at the rate of now; None where nobody can say."""
        if self.total_bytes is None or self.rate <= 0:
            return None
        return max(0, self.total_bytes - self.done_bytes) / self.rate
