"""Checking the store: every blob and manifest is read again, and what is damaged is named and set aside.

A damaged blob goes to ``quarantine/`` and into the table of the damaged: nobody has it then, so that the next upload of
the same content sends it again, which heals all that refer to it.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from runner.models import Damage, FsckReport, is_digest
from runner.store.blobs import hash_file
from runner.store.db import Database
from runner.store.manifests import read_entries

_WORKERS = min(8, os.cpu_count() or 1)
_TREES = """SELECT owner || '/datasets/' || name || '/' || version AS name, tree
FROM versions JOIN datasets ON datasets.id = versions.dataset
UNION ALL SELECT owner || '/projects/' || name || '/' || number, json_extract(document, '$.output')
FROM jobs JOIN projects ON projects.id = jobs.project
UNION ALL SELECT owner || '/projects/' || name || '/' || number || '/code', json_extract(document, '$.code')
FROM jobs JOIN projects ON projects.id = jobs.project"""


async def check(folder: Path, db: Database, progress: Callable[[int, int], None]) -> FsckReport:
    """Check the store in `folder`; `progress` gets files read and files in all. It blocks: the command is all it does.

    Another runner may use the store meanwhile: a file that is collected while it is looked at is not damaged.
    """
    held = await db.read(lambda c: {row[0] for row in c.execute("SELECT DISTINCT digest FROM blob_holders")})
    files = [*_named(folder / "blobs"), *_named(folder / "trees")]
    bad: dict[Path, str] = {}
    with ThreadPoolExecutor(_WORKERS) as threads:
        for number, (path, digest) in enumerate(threads.map(_read, files), start=1):
            if digest is not None and digest != path.name.partition(".")[0]:
                bad[path] = path.name.partition(".")[0]
            progress(number, len(files))
    for path in bad:
        _set_aside(folder, path)
    blobs = {digest for path, digest in bad.items() if path.parent.parent.name == "blobs" and not path.suffix}
    lost = await db.read(lambda c: _still_held(c, {d for d in held if not _blob(folder, d).exists()}))
    await db.write(lambda c: c.executemany("INSERT OR IGNORE INTO damaged VALUES (?)", [(d,) for d in blobs | lost]))
    damaged = {**{digest: "damaged" for digest in bad.values()}, **dict.fromkeys(lost - blobs, "missing")}
    trees = await db.read(lambda c: c.execute(_TREES).fetchall())
    found = [Damage(digest, what, _touched(folder, digest, trees)) for digest, what in sorted(damaged.items())]
    _spoil_farms(folder, set(damaged))
    return FsckReport(len(files), tuple(found))


def _named(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.glob("*/*")) if is_digest(path.name.partition(".")[0]))


def _blob(folder: Path, digest: str) -> Path:
    return folder / "blobs" / digest[:2] / digest


def _read(path: Path) -> tuple[Path, str | None]:
    """The digest of what a file holds, empty where the disk does not give it; None for a file that is gone."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return path, None
    try:
        return path, hash_file(descriptor)
    except OSError:
        return path, ""
    finally:
        os.close(descriptor)


def _set_aside(folder: Path, path: Path) -> None:
    place = folder / "quarantine"
    place.mkdir(exist_ok=True)
    path.rename(place / f"{path.name}.{os.urandom(4).hex()}")


def _still_held(connection: sqlite3.Connection, digests: set[str]) -> set[str]:
    sql = "SELECT 1 FROM blob_holders WHERE digest = ? LIMIT 1"
    return {digest for digest in digests if connection.execute(sql, (digest,)).fetchone()}


def _blobs_of(folder: Path, tree: str) -> set[str]:
    """The blobs of a tree, as far as its manifest can be read, and the tree itself."""
    try:
        text = (folder / "trees" / tree[:2] / tree).read_bytes()
    except FileNotFoundError:
        return {tree}
    return {tree, *(entry.digest for entry in read_entries(text) if entry.kind == "file")}


def _touched(folder: Path, digest: str, trees: list[sqlite3.Row]) -> tuple[str, ...]:
    return tuple(row["name"] for row in trees if row["tree"] and digest in _blobs_of(folder, row["tree"]))


def _spoil_farms(folder: Path, damaged: set[str]) -> None:
    """Take folders of links to damaged files out of use, not away: a running job may have them mounted."""
    for farm in (folder / "mounts").iterdir():
        if is_digest(farm.name) and damaged & _blobs_of(folder, farm.name):
            farm.rename(farm.with_name(f"{farm.name}.damaged.{os.urandom(4).hex()}"))
