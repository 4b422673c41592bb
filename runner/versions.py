"""The runner's own programs: each version is a file of its own below ``versions/``, put there by a client.

An upgrade leaves the versions before it where they are, so that nothing that still runs loses its program under it.
"""

from __future__ import annotations

import contextlib
import os
import zipimport
from pathlib import Path

import runner


def own_archive() -> Path | None:
    """The zipapp that this very runner was started from; None where it is not one."""
    loader = runner.__loader__
    return Path(os.path.realpath(loader.archive)) if isinstance(loader, zipimport.zipimporter) else None


def spare_versions(data_dir: Path, cutoff: float) -> list[Path]:
    """Folders of versions that are older than the one that runs, were put there before `cutoff`, and run nothing.

    None where this runner is not one of them: which of them is to be started next is not known then. Newer ones stay:
    somebody may be about to start them. One that is gone and wanted after all is sent again.
    """
    own = own_archive()
    if own is None or (data_dir / "versions").resolve() not in own.resolve().parents:
        return []
    limit = min(own.stat().st_mtime, cutoff)
    old = [path for path in own.parent.parent.glob("*/*.pyz") if path != own and path.stat().st_mtime < limit]
    running = _command_lines() if old else b""
    return [path.parent for path in old if os.fsencode(path) not in running]


def _command_lines() -> bytes:
    """The command lines of all processes that may be looked at."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            found.append(path.read_bytes())
    return b"\n".join(found)
