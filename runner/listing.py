"""Files of a source as a person looks at them: folders with the sum of what they hold, folders first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from runner.errors import NotFound
from runner.models import FileInfo, TreeEntry
from runner.output import Outputs, stored_times
from runner.sources import Source
from runner.store.datasets import near
from runner.store.trees import Trees

# Among more paths than this no name like another is looked for: that takes a second.
_NEAR_AMONG = 5_000


@dataclass(frozen=True, slots=True)
class Listings:
    """Lists sources. Blocks: call it in a thread."""

    trees: Trees
    outputs: Outputs

    def files(self, source: Source, path: str = "", recursive: bool = False) -> list[FileInfo]:
        """What the folder `path` of `source` holds, with paths from the source's root; a file's path gives that file.

        Raises `NotFound` if there is nothing at `path`.
        """
        full = _join(source.path, path)
        if not recursive and source.home is None and source.job_dir is None and (found := self._right_in(source, full)):
            return found
        every = with_folders(self._below(source, full))
        prefix = f"{full}/" if full else ""
        found = [f for f in every if f.path.startswith(prefix) and (recursive or "/" not in f.path[len(prefix) :])]
        if full and not found:
            found = [f for f in every if f.path == full and f.kind != "dir"]
            if not found and not any(f.path == full for f in every):
                raise _nothing_at(full, source, [f.path for f in with_folders(self._below(source, ""))])
        return _shown(source, found)

    def entry(self, source: Source, path: str) -> TreeEntry:
        """The entry at `path` of a source that has a tree; a folder's is made up. Raises `NotFound`."""
        return next(self.entries(source, (path,)))

    def entries(self, source: Source, paths: Sequence[str]) -> Iterator[TreeEntry]:
        """The same for each of `paths`, which are looked up together."""
        tree, full = source.require_tree(), [_join(source.path, path) for path in paths]
        for path, found in zip(full, self.trees.find_each(tree, full), strict=True):
            if path and found is None:
                raise _nothing_at(path, source, [entry.path for entry in islice(self.trees.each(tree), _NEAR_AMONG)])
            yield found or TreeEntry("", "dir")

    def _right_in(self, source: Source, folder: str) -> list[FileInfo]:
        """What lies right in `folder` of a tree whose files have no times of their own; nothing where it is none."""
        entries, folders = self.trees.right_in(source.require_tree(), folder)
        time = source.modified_at
        found = [FileInfo(_join(folder, name), "dir", size, time or None) for name, size in folders.items()]
        return _shown(source, [*found, *(_info(entry, time) for entry in entries)])

    def _below(self, source: Source, path: str) -> list[FileInfo]:
        """What lies below `path`, or else what lies at it; of a live home simply all."""
        if source.home is not None:
            return self.outputs.live(source.home, source.code)
        tree = source.require_tree()
        entries = self.trees.entries_in(tree, path)
        if path and not entries:
            itself = self.trees.find(tree, path)
            entries = [itself] if itself is not None else []
        times = stored_times(source.job_dir) if source.job_dir else {}
        return [_info(entry, times.get(entry.path, source.modified_at)) for entry in entries]


def _shown(source: Source, found: list[FileInfo]) -> list[FileInfo]:
    """`found` in order, with paths from the source's root."""
    found.sort(key=_order)
    skip = len(source.path) + 1 if source.path else 0
    return [replace(one, path=one.path[skip:]) for one in found]


def with_folders(files: Iterable[FileInfo]) -> list[FileInfo]:
    """`files` and every folder that they imply; a folder's size is the sum, its time the latest of what it holds."""
    listed = list(files)
    sizes: dict[str, int] = {}
    times: dict[str, float] = {}
    for file in listed:
        folder = file.path if file.kind == "dir" else file.path.rpartition("/")[0]
        while folder:
            sizes[folder] = sizes.get(folder, 0) + file.size
            times[folder] = max(times.get(folder, 0.0), file.modified_at or 0.0)
            folder = folder.rpartition("/")[0]
    folders = [FileInfo(path, "dir", size, times[path] or None) for path, size in sizes.items()]
    return [*folders, *(file for file in listed if file.kind != "dir")]


def _order(file: FileInfo) -> list[tuple[bool, str]]:
    """At each level folders come before files, by name."""
    *folders, name = file.path.split("/")
    return [*((False, folder) for folder in folders), (file.kind != "dir", name)]


def _info(entry: TreeEntry, time: float | None) -> FileInfo:
    return FileInfo(entry.path, entry.kind, entry.size, time, entry.digest, entry.executable, entry.target)


def _join(root: str, path: str) -> str:
    return f"{root}/{path}" if root and path else root or path


def _nothing_at(path: str, source: Source, paths: list[str]) -> NotFound:
    hint = near(path, paths[:_NEAR_AMONG]) or "List its files again."
    return NotFound(f"There is no {path!r} in {source.name}.", hint)
