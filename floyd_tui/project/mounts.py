"""Inputs as people write them, in floyd.yml and after ``--data``, and what may go where."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from floyd_tui.errors import ProjectError
from runner.models import BadName, Mount, Ref, check_name

# Destinations seen in the wild that say where the runner puts inputs anyway.
_INPUT_FOLDERS = ("floyd/input/", "../input/")


def parse_mount(text: str) -> Mount:
    """Read ``SOURCE:DESTINATION``; without a destination the mount is named as its source.

    Raises `ProjectError` with a sentence for a source or destination that cannot be one.
    """
    source, colon, destination = text.strip().rpartition(":")
    if not colon:
        source, destination = destination, ""
    return make_mount(source, destination)


def make_mount(source: str, destination: str) -> Mount:
    """A mount of `source` at `destination`, in any spelling FloydHub took: ``mnist``, ``/mnist/``, ``/input``."""
    try:
        ref = Ref.parse(source)
        place = destination.strip() or ref.name
        for prefix in _INPUT_FOLDERS:
            place = place.lstrip("/").removeprefix(prefix)
        place = "/".join(check_name(part, "mount point") for part in place.split("/") if part)
    except BadName as error:
        raise ProjectError(f"The input {source}:{destination} cannot be mounted. {error}") from error
    if not place:
        raise ProjectError(
            f"The input {source}:{destination} has no name to be mounted under.", f"Write {source}:{ref.name}."
        )
    return Mount(source.strip(), place)


def mounts_of(value: Any) -> tuple[Mount, ...]:
    """The mounts of an ``input:`` (or ``data:``) entry: one or a list, each a string or ``{source, destination}``.

    Raises `ProjectError` with a sentence that the caller prefixes with the place.
    """
    items = value if isinstance(value, list) else [value]
    return distinct(_mount_of(item) for item in items)


def _mount_of(item: Any) -> Mount:
    if isinstance(item, str):
        return parse_mount(item)
    if isinstance(item, dict) and isinstance(item.get("source"), str):
        destination = item.get("destination")
        if set(item) <= {"source", "destination"} and isinstance(destination, str | None):
            return make_mount(item["source"], destination or "")
    raise ProjectError(f"{item!r} is not an input; write SOURCE:DESTINATION, such as mnist/1:mnist.")


def distinct(mounts: Iterable[Mount]) -> tuple[Mount, ...]:
    """`mounts` as they are; raises `ProjectError` where two want the same place, or one inside another."""
    done: list[Mount] = []
    for mount in mounts:
        for other in done:
            if f"{mount.destination}/".startswith(f"{other.destination}/") or f"{other.destination}/".startswith(
                f"{mount.destination}/"
            ):
                raise ProjectError(
                    f"{other.source} and {mount.source} would both be mounted at {mount.destination}.",
                    f"Give one of them another place: {mount.source}:OTHER-NAME.",
                )
        done.append(mount)
    return tuple(done)


def free_name(wished: str, taken: set[str]) -> str:
    """`wished`, or the first of ``wished-2``, ``wished-3``, … that is not taken."""
    name, number = wished, 2
    while name in taken:
        name, number = f"{wished}-{number}", number + 1
    return name
