"""What is said where the disk has lost or changed something that is stored."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from runner.errors import Damaged

_HEAL = "Upload the same files again: that heals it. `floyd-tui fsck` tells what else is damaged."


def lost_file(path: str, where: str = "") -> Damaged:
    """The error for a file whose bytes are not on the disk as they should be."""
    of = f" of {where}" if where else ""
    return Damaged(f"The content of {path!r}{of} is damaged or gone on the host's disk.", _HEAL)


def lost_files(paths: Sequence[str], where: str) -> Damaged:
    """The same for several."""
    if len(paths) == 1:
        return lost_file(paths[0], where)
    return Damaged(f"{len(paths):,} files of {where} are damaged on the host's disk, {paths[0]!r} among them.", _HEAL)


@contextlib.contextmanager
def manifest_read(digest: str) -> Iterator[None]:
    """Say that a tree's manifest is damaged where its file is gone, or does not read as one."""
    try:
        yield
    except (FileNotFoundError, ValueError, TypeError, LookupError) as error:
        raise Damaged(f"The manifest of tree {digest[:12]} is damaged or gone on the host's disk.", _HEAL) from error
