"""The garbage collector: taking away what nothing refers to.

It works beside uploads, launches and jobs. First the database forgets, then files go; a file goes on the database's
writing thread, where nobody can begin to refer to it meanwhile, and only if no `Claim` holds it. Cut off anywhere,
nothing is lost but time: the next pass finds the same again.
"""

from __future__ import annotations

import contextlib
import math
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from runner.errand import Course, Stopped
from runner.models import GcKind, GcStep
from runner.store import roots
from runner.store.blobs import BlobStore
from runner.store.census import Census, Figures, Tally, Unreadable, blob_batches, listed, size_of
from runner.store.db import Database
from runner.store.deleted import Purged, purge_some
from runner.store.trash import Trash
from runner.store.trees import Trees
from runner.threads import to_the_end
from runner.versions import spare_versions

_PAGE = 20_000
_BATCH = 500
Unwanted = Callable[[sqlite3.Connection, Iterable[str]], set[str]]


@dataclass(frozen=True, slots=True)
class Pass:
    """What a survey or collection found, and the manifests that are damaged: their owners keep all they hold."""

    kinds: list[GcKind]
    damaged: list[str]


class Collector:
    """Looks over and clears the store below `folder`. One pass at a time; who uses it sees to that."""

    def __init__(self, folder: Path, blobs: BlobStore, trees: Trees, db: Database) -> None:
        self._folder, self._blobs, self._trees, self._db = folder, blobs, trees, db
        self._census = Census(folder, blobs, trees, db)
        self._trash = Trash(folder)

    async def survey(self, cutoff: float, course: Course[GcStep] | None = None) -> Pass:
        """What there is, and what would go; uploads younger than `cutoff` (epoch seconds) stay. Raises `Stopped`."""
        tally = await self._census.count(cutoff, course or Course(GcStep()))
        return Pass(tally.kinds(), sorted(tally.damaged))

    async def collect(
        self, cutoff: float, course: Course[GcStep] | None = None, deleted_before: float = math.inf
    ) -> Pass:
        """Take away what `survey` says would go; returns what there is then, with what went.

        Of what might be restored, that goes which was `deleted_before`, in epoch seconds. Told to stop, it returns what
        went until then.
        """
        course, freed = course or Course(GcStep()), Tally()
        try:
            purged = await self._purge(deleted_before, course)
            await self._forget(cutoff, course)
            await self._free(cutoff, _Freeing(course, freed, purged, await self._blobs_of(purged.trees)))
            left = await self._census.count(cutoff, course)
        except Stopped:
            left = Tally()
        await self._empty()
        kinds = [
            GcKind(k.kind, k.count, k.size, freed[k.kind].free_count, freed[k.kind].free_size) for k in left.kinds()
        ]
        return Pass(kinds, sorted(left.damaged))

    # What was deleted

    async def _purge(self, before: float, course: Course[GcStep]) -> Purged:
        """Forget for good what was deleted before then."""
        purged = Purged()
        while await self._db.write(partial(purge_some, before=before, purged=purged)):
            course.at(GcStep("forgetting", len(purged.jobs)))
        return purged

    async def _blobs_of(self, trees: Iterable[str]) -> set[str]:
        """The blobs of `trees`, as far as their manifests can be read: what goes of these was in the trash."""
        found: set[str] = set()
        for tree in trees:
            with contextlib.suppress(Unreadable):
                found |= {digest.hex() for digest in await self._mark([tree])}
        return found

    # What is referred to

    async def _forget(self, cutoff: float, course: Course[GcStep]) -> None:
        """Delete the rows of trees that nobody wants, and then who holds blobs for nothing."""
        claims = self._blobs.claims
        await self._db.write(lambda c: roots.forget_trees(c, claims, cutoff), claims.forgotten)
        owners = await self._db.read(roots.owners)
        for done, owner in enumerate(owners):
            course.at(GcStep("forgetting", done, len(owners)))
            # What one of them has in use cannot be told: all they hold stays, until that manifest is healed.
            with contextlib.suppress(Unreadable):
                await self._release(owner)
        await self._db.write(roots.forget_damage)

    async def _mark(self, trees: Iterable[str]) -> set[bytes]:
        """The blobs of `trees`; raises `Unreadable`."""
        found: set[bytes] = set()
        for tree in trees:
            found |= await to_the_end(partial(self._census.blobs_of, tree))
        return found

    async def _release(self, owner: str) -> None:
        """Make `owner` hold no longer what is in no tree of theirs; raises `Unreadable` where that is not known."""
        marked = await self._db.read(lambda c: roots.trees_of(c, owner))
        live = await self._mark(marked)
        last = ""
        while page := await self._db.read(partial(roots.held_page, owner=owner, after=last, limit=_PAGE)):
            last = page[-1]
            while dead := [digest for digest in page if bytes.fromhex(digest) not in live]:
                release = partial(self._release_unless, owner=owner, marked=marked, dead=dead)
                new = await self._db.write(release, self._blobs.claims.forgotten)
                if not new:
                    break
                live |= await self._mark(new)
                marked |= new

    def _release_unless(
        self, connection: sqlite3.Connection, owner: str, marked: set[str], dead: list[str]
    ) -> set[str]:
        """Let go of `dead`, or, and nothing is done then, the trees put since those `marked` were read."""
        new = roots.trees_of(connection, owner) - marked
        if not new:
            roots.release(connection, self._blobs.claims, owner, dead)
        return new

    # Taking away

    async def _free(self, cutoff: float, freeing: _Freeing) -> None:
        """Take away files, sort by sort; what an interrupted pass left in the trash first."""
        freed, census = freeing.freed, self._census
        batches = blob_batches(self._blobs)
        freeing.total = len(batches)
        await self._empty(freed["trash"])
        for batch in batches:
            freeing.go_on()
            await self._sweep(await to_the_end(partial(listed, batch)), roots.unheld, freeing)
        await self._sweep(await to_the_end(census.texts), roots.unwanted_texts, freeing)
        farms = await to_the_end(lambda: listed([self._trees.farms]))
        await self._sweep(farms, roots.unwanted_texts, freeing, counted=False)
        spoiled = {digest: [path for path in paths if path.suffix] for digest, paths in farms.items()}
        await self._sweep(spoiled, roots.unmounted, freeing, counted=False)
        await self._take_all(await to_the_end(partial(census.old_partials, cutoff)), freed["uploads"])
        for folder in await census.ownerless():
            await self._take_all([folder], freed["trash" if folder.parts[-3:] in freeing.purged.jobs else "jobs"])
        await self._take_all(await to_the_end(census.abandoned), freed["trash"])
        await self._take_all(await census.done_with(), freed["quarantine"])
        await self._take_all(await to_the_end(partial(spare_versions, self._folder, cutoff)), freed["runner"])

    async def _sweep(
        self, files: dict[str, list[Path]], unwanted: Unwanted, freeing: _Freeing, counted: bool = True
    ) -> None:
        suspects = sorted(await self._db.read(lambda c: unwanted(c, files)))
        freed = freeing.of if counted else nobody
        for start in range(0, len(suspects), _BATCH):
            freeing.say()
            batch = {digest: files[digest] for digest in suspects[start : start + _BATCH]}
            await self._db.write(partial(self._take_unwanted, files=batch, unwanted=unwanted, freed=freed))
            await self._empty()

    def _take_unwanted(
        self,
        connection: sqlite3.Connection,
        files: dict[str, list[Path]],
        unwanted: Unwanted,
        freed: Callable[[str], Figures | None],
    ) -> None:
        """Asked once more: on the writing thread nobody can begin to refer to them before they are gone."""
        gone = unwanted(connection, files)
        with self._blobs.claims.lock:
            for digest in gone - self._blobs.claims.held(gone):
                for path in files[digest]:
                    self._take(path, freed(digest))

    async def _take_all(self, paths: Iterable[Path], freed: Figures) -> None:
        for path in paths:
            await to_the_end(partial(self._take, path, freed))
            await self._empty()

    def _take(self, path: Path, freed: Figures | None) -> None:
        size = size_of(path) if freed is not None else 0
        if self._trash.take(path) and freed is not None:
            freed.add(size, goes=True)

    async def _empty(self, freed: Figures | None = None) -> None:
        """Remove what lies in the trash; counted where `freed` is given, for it was not when it was put there."""

        def count(path: Path) -> None:
            if freed is not None:
                freed.add(size_of(path), goes=True)

        while await to_the_end(lambda: self._trash.empty_one(count)):
            pass


def nobody(digest: str) -> None:
    """What counts for nothing."""


class _Freeing:
    """How far the taking away is; `purged` is what was deleted, and `digests` the blobs that this had."""

    def __init__(self, course: Course[GcStep], freed: Tally, purged: Purged, digests: set[str]) -> None:
        self.freed, self.total = freed, 0
        self.purged, self._trash = purged, digests | purged.trees
        self._course, self._done = course, 0

    def of(self, digest: str) -> Figures:
        """The figures that a blob or manifest counts for."""
        return self.freed["trash" if digest in self._trash else "unused"]

    def go_on(self) -> None:
        """One more batch of `total` is begun."""
        self._done += 1
        self.say()

    def say(self) -> None:
        """Tell how much went; raises `Stopped`."""
        self._course.at(GcStep("freeing", self._done, self.total, sum(f.free_size for f in self.freed.values())))
