"""What changes in a project folder, as batches of paths that matter: the ignore rules are those of a snapshot."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Iterable
from pathlib import Path

from floyd_tui.errors import ProjectError
from floyd_tui.project.ignore import CODE_DEFAULTS, IgnoreRules

# A batch is told once nothing more came for QUIET_MS, or AT_MOST_MS after its first change: an editor's save is several
# events, a formatter's or a checkout's are many.
QUIET_MS = 100
AT_MOST_MS = 2_000


def changes(folder: Path, defaults: tuple[str, ...] = CODE_DEFAULTS) -> AsyncGenerator[frozenset[str], None]:
    """Batches of changed paths below `folder`, relative to it; only those that go up.

    Watching has begun once the generator first waits. Raises `ProjectError` where the folder cannot be watched.
    """
    return _changes(folder.resolve(), defaults)


async def _changes(root: Path, defaults: tuple[str, ...]) -> AsyncGenerator[frozenset[str], None]:
    from watchfiles import awatch

    # Nothing may be awaited before this: the first changes would go unseen.
    feed = awatch(root, watch_filter=None, debounce=AT_MOST_MS, step=QUIET_MS)
    try:
        async for batch in feed:
            if kept := await asyncio.to_thread(_that_go_up, root, [path for _, path in batch], defaults):
                yield kept
    except OSError as error:
        raise ProjectError(
            f"{root} cannot be watched: {error.strerror or error}.",
            "Leave out large folders, raise fs.inotify.max_user_watches, or set WATCHFILES_FORCE_POLLING=1.",
        ) from error
    finally:
        await feed.aclose()


def _that_go_up(root: Path, paths: Iterable[str], defaults: tuple[str, ...]) -> frozenset[str]:
    rules = IgnoreRules.load(root, defaults)
    names = (os.path.relpath(path, root).replace(os.sep, "/") for path in paths)
    return frozenset(name for name in names if name != "." and not rules.explain(name))
