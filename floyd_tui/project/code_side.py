"""One side of a comparison of code: what a job ran, or what a folder here would send if it were run now."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Protocol

from floyd_tui.client.protocol import Link
from floyd_tui.errors import ProjectError
from floyd_tui.project.snapshot import take
from runner.models import FileInfo, Job


class CodeSide(Protocol):
    """Files with their digests, and their content."""

    @property
    def name(self) -> str:
        """What a person calls it."""
        ...

    async def files(self) -> list[FileInfo]:
        """All its files and links; of a link, the digest stands for where it leads. Raises `FloydError`."""
        ...

    async def read(self, path: str, most: int) -> bytes:
        """At most `most` bytes of a file, or where a link leads. Raises `FloydError`."""
        ...


class JobSide:
    """The code that `job` ran, on its host."""

    def __init__(self, link: Link, job: Job) -> None:
        self.link, self.job = link, job
        self._links: dict[str, str] = {}

    @property
    def name(self) -> str:
        """``digits/7``."""
        return self.job.short

    async def files(self) -> list[FileInfo]:
        """All files; none of a job without code."""
        if self.job.code is None:
            return []
        found = await self.link.client.files(f"{self.job.name}/code", recursive=True)
        self._links = {info.path: info.target for info in found if info.kind == "link"}
        return [comparable(info) for info in found if info.kind != "dir"]

    async def read(self, path: str, most: int) -> bytes:
        """At most `most` bytes of a file."""
        if path in self._links:
            return _said_of_link(self._links[path])
        content = self.link.client.content(f"{self.job.name}/code", path, length=most)
        return b"".join([piece async for piece in content])


class FolderSide:
    """What of `folder` a run would send: what .floydignore leaves out is no part of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.expanduser().resolve()

    @property
    def name(self) -> str:
        """``~/work/digits``."""
        home = Path.home()
        inside = self.folder.is_relative_to(home) and self.folder != home
        return f"~/{self.folder.relative_to(home).as_posix()}" if inside else str(self.folder)

    async def files(self) -> list[FileInfo]:
        """All files that would go up, read where they changed since the last look."""
        snapshot = await take(self.folder)
        entries = (entry for entry in snapshot.entries if entry.kind != "dir")
        return [
            comparable(FileInfo(one.path, one.kind, one.size, None, one.digest, one.executable, one.target))
            for one in entries
        ]

    async def read(self, path: str, most: int) -> bytes:
        """At most `most` bytes of a file."""
        return await asyncio.to_thread(self._read, path, most)

    def _read(self, path: str, most: int) -> bytes:
        place = self.folder / path
        try:
            if place.is_symlink():
                return _said_of_link(str(place.readlink()))
            with place.open("rb") as file:
                return file.read(most)
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise ProjectError(f"{place} cannot be read: {error.strerror}.", "Make it readable.") from error


def comparable(info: FileInfo) -> FileInfo:
    """`info` with a digest that tells whether two are the same, a link's too."""
    if info.kind != "link":
        return info
    return FileInfo(info.path, info.kind, digest=f"-> {info.target}", target=info.target)


def _said_of_link(target: str) -> bytes:
    return f"link to {target}\n".encode("utf-8", "surrogateescape")
