"""What differs between two trees, or folders of them: read side by side, so that only what differs is in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from runner.models import FileChange, TreeEntry, known_entry, path_key
from runner.store.damage import manifest_read
from runner.store.manifests import lines_in


def compare(old: tuple[Path, str], new: tuple[Path, str]) -> list[FileChange]:
    """What was added, removed or changed, by paths from the folders compared; folders count where they are empty.

    `old` and `new` are each a stored manifest and a folder of it, empty for the whole. Raises `Damaged` where one
    cannot be read.
    """
    with manifest_read(old[0].name):
        old[0].stat()
    with manifest_read(new[0].name):
        return list(_differences(*old, *new))


def _differences(old: Path, old_folder: str, new: Path, new_folder: str) -> Iterator[FileChange]:
    # Lines tell nothing of one another where the paths in them begin differently.
    same_start = old_folder == new_folder
    before, after = lines_in(old, old_folder), lines_in(new, new_folder)
    was, now = next(before, None), next(after, None)
    while was is not None or now is not None:
        if was == now and same_start:
            was, now = next(before, None), next(after, None)
            continue
        one, other = _entry(was, old_folder), _entry(now, new_folder)
        if other is None or (one is not None and path_key(one.path) < path_key(other.path)):
            assert one is not None
            yield FileChange(one.path, "removed", one.size, None)
            was = next(before, None)
        elif one is None or one.path != other.path:
            yield FileChange(other.path, "added", None, other.size)
            now = next(after, None)
        else:
            if one != other:
                yield FileChange(one.path, "changed", one.size, other.size)
            was, now = next(before, None), next(after, None)


def _entry(line: bytes | None, folder: str) -> TreeEntry | None:
    """The entry of a line with its path from `folder`."""
    if line is None:
        return None
    entry = known_entry(line)
    return replace(entry, path=entry.path[len(folder) + 1 :]) if folder else entry
