"""Laying a tree out on the disk: its folders, links and files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from runner.models import TreeEntry

Place = Callable[[TreeEntry, str], None]
# Making a file waits more than it computes: several at a time are made in half the time. More bring nothing.
_THREADS = 4
_BATCH = 64


def lay_out(entries: Iterable[TreeEntry], root: Path, place: Place) -> list[str]:
    """Make `root` and in it all folders and links of `entries`, with `place` for files; returns the folders.

    Parents come first in what is returned. No entry of a checked manifest lies below a link, so none is ever followed.
    """
    root.mkdir(mode=0o700)
    folders = {"": str(root)}

    def folder(path: str) -> str:
        missing, last = [], path
        while last not in folders:
            missing.append(last)
            last = last.rpartition("/")[0]
        for one in reversed(missing):
            os.mkdir(f"{root}/{one}", 0o700)
            folders[one] = f"{root}/{one}"
        return folders[path]

    for entry in entries:
        parent, _, name = entry.path.rpartition("/")
        if entry.kind == "dir":
            folder(entry.path)
        elif entry.kind == "link":
            os.symlink(entry.target, f"{folder(parent)}/{name}")
        else:
            place(entry, f"{folder(parent)}/{name}")
    return list(folders.values())


def lay_out_at_once(entries: Iterable[TreeEntry], root: Path, place: Place) -> list[str]:
    """The same, with several files placed at a time; raises what `place` does, once all threads have ended."""
    batch: list[tuple[TreeEntry, str]] = []
    running: list[Future[None]] = []
    with ThreadPoolExecutor(_THREADS, "lay-out") as pool:

        def submit() -> None:
            # No more than a few batches ahead: a tree may have a million files.
            if len(running) >= 2 * _THREADS:
                running.pop(0).result()
            running.append(pool.submit(_place_all, place, batch.copy()))
            batch.clear()

        def add(entry: TreeEntry, path: str) -> None:
            batch.append((entry, path))
            if len(batch) == _BATCH:
                submit()

        try:
            folders = lay_out(entries, root, add)
            _place_all(place, batch)
            for one in running:
                one.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return folders


def _place_all(place: Place, files: Iterable[tuple[TreeEntry, str]]) -> None:
    for entry, path in files:
        place(entry, path)
