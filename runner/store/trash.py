"""Taking things away in two steps: out of sight at once, by a rename, and off the disk when there is time."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from runner.store.disk import remove_tree

TRASH = "trash"


class Trash:
    """The folder of what is to be removed; a crash leaves it to the next `empty_one`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / TRASH
        self._folder.mkdir(exist_ok=True)

    def take(self, path: Path) -> bool:
        """Put a file or folder here; False if it is gone already."""
        try:
            path.rename(self._folder / os.urandom(8).hex())
        except FileNotFoundError:
            return False
        return True

    def empty_one(self, before: Callable[[Path], None]) -> bool:
        """Remove one of the things that lie here, of which `before` is told; False where there is none left."""
        with os.scandir(self._folder) as listing:
            found = next(listing, None)
        if found is None:
            return False
        before(Path(found.path))
        if found.is_dir(follow_symlinks=False):
            remove_tree(Path(found.path))
        else:
            os.unlink(found.path)
        return True
