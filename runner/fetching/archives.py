"""The members of tar and zip archives in one form, read one after another.

The standard library reads the formats. What it would pass over in silence is an error here: a damaged header in the
middle of a tar ends its list as if the archive ended there, and a header may be as long as it says.
"""

from __future__ import annotations

import bz2
import contextlib
import gzip
import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any, Literal, cast

# One after another, the headers of one member: names, times, maps of holes. Real ones take a few KiB.
_MAX_HEADERS = 8 << 20
_READ = 256 << 10
_MAX_TARGET = 4096
_UNIX = 3  # of a zip's "made by"
_MAGIC: dict[bytes, Callable[[IO[bytes]], IO[bytes]]] = {
    b"\x1f\x8b": lambda file: cast("IO[bytes]", gzip.GzipFile(fileobj=file)),
    b"BZh": lambda file: cast("IO[bytes]", bz2.BZ2File(file)),
    b"\xfd7zXZ\0": lambda file: cast("IO[bytes]", lzma.LZMAFile(file)),  # noqa: SIM115
}
ArchiveKind = Literal["tar", "zip"]
_UNREADABLE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
    UnicodeError,
    ValueError,
    gzip.BadGzipFile,
)


class Broken(Exception):
    """An archive that cannot be read, or a part of one; the message says why."""


@dataclass(frozen=True, slots=True)
class Member:
    """One thing in an archive: `again` is a hard link to the earlier member `target`. `size` is in bytes.

    `open` gives its bytes, before the next member is asked for. `position` is how much of the archive is read by then.
    """

    name: str
    kind: Literal["file", "dir", "link", "again"]
    position: int
    open: Callable[[], IO[bytes]]
    size: int = 0
    target: str = ""
    executable: bool = False


def kind_of(archive: Path) -> ArchiveKind | None:
    """What a file is by its content; what is compressed as a tar may be, and damaged, is a tar."""
    with archive.open("rb") as file:
        try:
            with reading(), contextlib.suppress(tarfile.ReadError):
                _open_tar(file)[0].close()
                return "tar"
        except Broken:
            return "tar"
        # Asked only now, for a tar may end with a zip.
        return "zip" if zipfile.is_zipfile(file) else None


@contextlib.contextmanager
def reading() -> Iterator[None]:
    """While members and their bytes are read: what the standard library raises of a damaged archive is `Broken`."""
    try:
        yield
    except OSError as error:
        # gzip and bz2 say so of damaged data, too; then there is no number.
        if error.errno is not None:
            raise
        raise Broken(str(error)) from error
    except _UNREADABLE as error:
        raise Broken(str(error) or "it ends too early") from error


def members_of(archive: Path, kind: ArchiveKind) -> Iterator[Member]:
    """What `archive` holds, in its order. Go through it, and read each, within `reading`."""
    with archive.open("rb") as file:
        yield from _tar_members(file) if kind == "tar" else _zip_members(file)


# tar


class _Strict(tarfile.TarInfo):
    """Headers that are damaged or cut off are errors, also after the first."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _Strict:
        try:
            return super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            if type(error).__name__ in ("EOFHeaderError", "EmptyHeaderError"):
                raise
            raise tarfile.ReadError(f"damaged header ({error})") from error


class _Limited:
    """A stream that gives at most so much while headers are read: they are held in memory."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.left: int | None = None

    def read(self, size: int) -> bytes:
        """The next bytes; raises `Broken` over the limit."""
        data = self._stream.read(size)
        if self.left is not None:
            self.left -= len(data)
            if self.left < 0:
                raise Broken("endless headers")
        return data

    @contextlib.contextmanager
    def limited(self) -> Iterator[None]:
        """While this holds, headers are read."""
        self.left = _MAX_HEADERS
        yield
        self.left = None


def _open_tar(file: IO[bytes]) -> tuple[tarfile.TarFile, _Limited]:
    """The archive with its first header read, and what it reads from."""
    head = file.read(6)
    file.seek(0)
    stream = _Limited(next((opened(file) for magic, opened in _MAGIC.items() if head.startswith(magic)), file))
    readable = cast("IO[bytes]", stream)
    with stream.limited():
        opened = tarfile.open(fileobj=readable, mode="r|", bufsize=_READ, tarinfo=_Strict, encoding="utf-8")  # noqa: SIM115
    return opened, stream


def _tar_members(file: IO[bytes]) -> Iterator[Member]:
    tar, stream = _open_tar(file)
    with tar:
        while True:
            with stream.limited():
                info = tar.next()
            if info is None:
                return
            # The library would remember each of a million.
            cast("Any", tar).members.clear()
            yield _tar_member(tar, info, file.tell())


def _tar_member(tar: tarfile.TarFile, info: tarfile.TarInfo, position: int) -> Member:
    def content() -> IO[bytes]:
        found = tar.extractfile(info)
        assert found is not None
        return found

    if info.isdir():
        return Member(info.name, "dir", position, content)
    if info.issym() or info.islnk():
        return Member(info.name, "link" if info.issym() else "again", position, content, target=info.linkname)
    if not info.isfile():
        raise Broken(f"{info.name[:80]!r} is a device or a pipe")
    return Member(info.name, "file", position, content, info.size, executable=bool(info.mode & stat.S_IXUSR))


# zip


def _zip_members(file: IO[bytes]) -> Iterator[Member]:
    position = 0
    with zipfile.ZipFile(file) as archive:
        for info in archive.infolist():
            position += info.compress_size
            yield _zip_member(archive, info, position)


def _zip_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, position: int) -> Member:
    if info.flag_bits & 1:
        raise Broken("it is encrypted")
    unix = info.create_system == _UNIX
    # Some programs of Windows write its own separator.
    name = info.filename if unix else info.filename.replace("\\", "/")
    mode = info.external_attr >> 16 if unix else 0
    content = partial(archive.open, info)
    if info.is_dir() or name.endswith("/"):
        return Member(name, "dir", position, content)
    if stat.S_ISLNK(mode):
        if info.file_size > _MAX_TARGET:
            raise Broken(f"{name[:80]!r} is a link with too long a target")
        target = archive.read(info).decode("utf-8", "surrogateescape")
        return Member(name, "link", position, content, target=target)
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        raise Broken(f"{name[:80]!r} is a device or a pipe")
    return Member(name, "file", position, content, info.file_size, executable=bool(mode & stat.S_IXUSR))
