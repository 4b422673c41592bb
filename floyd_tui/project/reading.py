"""Reading files for their digests: several at once, each as it is at one moment or not at all."""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain, islice
from typing import NamedTuple, Protocol, TypeVar

from floyd_tui.errors import ProjectError
from floyd_tui.project.scan import marks_of

T = TypeVar("T")
CHUNK = 1 << 20
TRIES = 3
# From this size on, in bytes, reading a file takes long enough for others to make use of that time.
LARGE = 64 << 20
_BATCH_FILES, _BATCH_BYTES = 64, 4 * CHUNK


class Read(NamedTuple):
    """A file as it was when it was read: its digest, and its marks then."""

    digest: str
    marks: tuple[int, int, int, int, int]


class Large(Protocol):
    """Is told, from threads, of large files while they are read."""

    def begins(self, path: str, size: int) -> None:
        """A file of `size` bytes is being read from its beginning."""
        ...

    def ends(self, path: str, digest: str) -> None:
        """It has been read; without a `digest` it did not hold still."""
        ...


class Reader:
    """Reads the files of `root`. `check` is called often and may raise; `tell` is told of files and bytes done."""

    def __init__(
        self, root: str, check: Callable[[], None], tell: Callable[[int, int], None], large: Large | None = None
    ) -> None:
        self._root, self._check, self._tell, self._large = root, check, tell, large

    def read(self, path: str) -> Read | None:
        """Read one file; None if it is gone. Raises `ProjectError` if it cannot be read or does not hold still."""
        try:
            for _ in range(TRIES):
                if read := self._once(path):
                    self._tell(1, 0)
                    return read
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ProjectError(
                f"{path} cannot be read: {error.strerror}.",
                f"Make it readable, or add {path} to .floydignore.",
            ) from error
        raise ProjectError(
            f"{path} keeps changing while it is read.",
            f"Wait until it is written, or add {path} to .floydignore.",
        )

    def _once(self, path: str) -> Read | None:
        """The file if it was the same before and after: what was read in between is then of one moment."""
        digest = hashlib.sha256()
        size = 0
        with open(os.path.join(self._root, path), "rb", buffering=0) as stream:
            before = marks_of(os.fstat(stream.fileno()))
            large = self._large if before[0] >= LARGE else None
            if large:
                large.begins(path, before[0])
            while chunk := stream.read(CHUNK):
                self._check()
                digest.update(chunk)
                size += len(chunk)
                self._tell(0, len(chunk))
            after = marks_of(os.fstat(stream.fileno()))
        read = Read(digest.hexdigest(), after) if before == after and size == after[0] else None
        if large:
            large.ends(path, read.digest if read else "")
        return read


def side_by_side(work: Callable[[list[T]], None], batches: Iterable[list[T]], cancel: Callable[[], None]) -> None:
    """Do `work` on each of `batches` in threads, a few batches ahead; calls `cancel` and raises where one raises."""
    rest = iter(batches)
    head = list(islice(rest, 2))
    if len(head) < 2:
        # A few files changed: they are read in less time than a thread takes to start.
        for batch in head:
            work(batch)
        return
    threads = min(8, (os.cpu_count() or 2) + 1)
    with ThreadPoolExecutor(threads, "hash") as pool:
        running: deque[Future[None]] = deque()
        try:
            for batch in chain(head, rest):
                running.append(pool.submit(work, batch))
                if len(running) > 2 * threads:
                    running.popleft().result()
            while running:
                running.popleft().result()
        except BaseException:
            cancel()
            raise


def in_batches(files: Iterable[tuple[T, int]]) -> Iterator[list[T]]:
    """Files, each with its size in bytes, as a thread takes them: one by one, small ones would cost more in hand-over
    than in reading."""
    batch: list[T] = []
    total = 0
    for file, size in files:
        batch.append(file)
        total += size
        if len(batch) >= _BATCH_FILES or total >= _BATCH_BYTES:
            yield batch
            batch, total = [], 0
    if batch:
        yield batch
