"""Where a job or a dataset's version came from, and what came from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from runner.models.jobs import JobState

# How one thing came from another: mounted as an input, kept as a dataset, or launched again with its settings.
LineageLink = Literal["input", "kept", "relaunch"]
# Whether a thing is still there, waits in the trash, or is gone: also where it is another person's by now.
LineageStanding = Literal["here", "trash", "gone"]


@dataclass(frozen=True, slots=True)
class LineageNode:
    """A job or a dataset's version by its full name.

    `at` is when it was made (epoch seconds), `about` its message, else its command or the address it was fetched from;
    `files` and `size` (bytes) are of its output or content. `more` says that it has neighbours that are not told.
    """

    name: str
    kind: Literal["job", "dataset"]
    standing: LineageStanding = "here"
    state: JobState | None = None
    at: float | None = None
    about: str = ""
    environment: str = ""
    image: str = ""
    files: int = 0
    size: int = 0
    more: bool = False


@dataclass(frozen=True, slots=True)
class LineageEdge:
    """`target` came from `source`, by the names of their nodes.

    Of an input, `path` is the part of the source (``output/ckpt``, ``code``; empty: all), `mount` its name under
    ``/floyd/input/``.
    """

    source: str
    target: str
    link: LineageLink
    path: str = ""
    mount: str = ""


@dataclass(frozen=True, slots=True)
class Lineage:
    """What is told of the job or version `name`: its node is the first. `same_code` are other jobs that ran its code,
    newest first, of which `same_code_more` says that there are more."""

    name: str
    nodes: tuple[LineageNode, ...]
    edges: tuple[LineageEdge, ...] = ()
    same_code: tuple[str, ...] = ()
    same_code_more: bool = False
