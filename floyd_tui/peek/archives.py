"""What archives hold, from their lists of contents alone: ZIP files by the list at their end, tar files by their heads.

The standard library reads both; what is not here yet of a file it is told to fetch (`floyd_tui.peek.sparse`).
"""

from __future__ import annotations

import io
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from floyd_tui.peek.sparse import Missing, SparseFile, Unreadable
from floyd_tui.peek.tables import Table
from floyd_tui.sizes import human_count, human_size

# A longer list of contents is not looked at, nor more members of a tar file, nor more of one that is compressed.
MOST_LIST, MOST_MEMBERS, MOST_UNPACKED = 2 << 20, 2_000, 8 << 20
# What `zipfile` raises for bytes that are no ZIP file, or one that it cannot read.
ZIP_TROUBLE = (zipfile.BadZipFile, ValueError, NotImplementedError, RuntimeError, EOFError, OSError, zlib.error)
_END = 22
_HEADS = 4 << 10


@dataclass(frozen=True, slots=True)
class Member:
    """One file in an archive: sizes in bytes, `modified` as ``2026-11-24``; `packed` is None where nobody says."""

    name: str
    size: int
    packed: int | None = None
    modified: str = ""


def open_zip(file: SparseFile) -> zipfile.ZipFile:
    """The ZIP archive, its list of contents read; raises `Unreadable` or `Missing`."""
    _check_list(file)
    file.seek(0)
    try:
        return zipfile.ZipFile(file)
    except (*ZIP_TROUBLE, IndexError, KeyError) as error:
        raise Unreadable("it begins as a ZIP archive, and its list of contents is damaged or not there yet") from error


def _check_list(file: SparseFile) -> None:
    """The end of the file in one piece, and a list that is no longer than is wanted; raises `Unreadable`."""
    start = max(0, file.size - (64 << 10))
    end = file.range(start, file.size - start)
    at = end.rfind(b"PK\5\6")
    if at < 0 or len(end) - at < _END:
        raise Unreadable("it begins as a ZIP archive, and its end is missing: it may be written just now")
    length = int.from_bytes(end[at + 12 : at + 16], "little")
    # All ones stand for a number that is written elsewhere, in an archive beyond 4 GiB; zipfile finds it.
    if MOST_LIST < length < 0xFFFFFFFF:
        raise Unreadable(f"its list of contents takes {human_size(length)}, too much to show here")


def member_bytes(archive: zipfile.ZipFile, file: SparseFile, info: zipfile.ZipInfo, most: int) -> bytes:
    """The beginning of a member, at most `most` bytes; raises `Unreadable` or `Missing`."""
    start = info.header_offset
    if 0 <= start < file.size:
        # In one piece, with what stands before it, so that it is asked for once.
        file.range(start, min(file.size - start, _HEADS + min(info.compress_size, most)))
    try:
        with archive.open(info) as opened:
            return opened.read(most)
    except (*ZIP_TROUBLE, KeyError, IndexError) as error:
        raise Unreadable(f"its member {info.filename[:60]!r} cannot be read") from error


def zip_members(archive: zipfile.ZipFile) -> list[Member]:
    """Its files; folders are left out."""
    files = [info for info in archive.infolist() if not info.is_dir()]
    return [Member(one.filename, one.file_size, one.compress_size, _day(one.date_time)) for one in files]


def _day(moment: tuple[int, ...]) -> str:
    year, month, day, *_ = moment
    return f"{year:04}-{month:02}-{day:02}"


# tar


def packed_tar_members(head: bytes) -> tuple[list[Member], bool]:
    """The files of a gzipped tar archive that begins with `head`; raises `Unreadable` where it is none."""
    try:
        unpacked = zlib.decompressobj(wbits=31).decompress(head, MOST_UNPACKED)
    except zlib.error as error:
        raise Unreadable("it begins as gzip does, and is damaged") from error
    return tar_members(io.BytesIO(unpacked))


def tar_members(file: SparseFile | io.BytesIO) -> tuple[list[Member], bool]:
    """The files of a tar archive, and whether these are all; raises `Unreadable` where there is none.

    Each file's head stands before it: after a few large ones, the others are not looked for.
    """
    found: list[Member] = []
    whole = False
    file.seek(0)
    try:
        with tarfile.open(fileobj=file, mode="r:") as archive:
            found.extend(Member(one.name[:400], max(0, one.size)) for one in _members(archive) if one.isfile())
            whole = True
    except Missing:
        if not (isinstance(file, SparseFile) and file.spent):
            raise
    except (tarfile.TarError, ValueError, OverflowError, OSError, EOFError, RecursionError) as error:
        if not found:
            raise Unreadable("it is no tar archive, or a damaged one") from error
    if not found:
        raise Unreadable("it is no tar archive, or its first file is too large to look behind")
    return found, whole


def _members(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    before = -1
    for _ in range(MOST_MEMBERS):
        info = archive.next()
        if info is None:
            return
        if info.offset <= before:  # sizes below zero lead back
            raise tarfile.ReadError("members in a circle")
        before = info.offset
        yield info
    raise tarfile.ReadError("too many members")


def listing(members: Sequence[Member]) -> Table:
    """A row each."""
    packed = any(member.packed is not None for member in members)
    names = ("name", "size", "packed", "modified") if packed else ("name", "size")
    rows = [_row(member, packed) for member in members[:MOST_MEMBERS]]
    return Table(names, tuple(rows), (False, True, True, False)[: len(names)])


def _row(member: Member, packed: bool) -> tuple[str, ...]:
    row = (" ".join(member.name[-120:].split()), human_size(member.size))
    return (*row, human_size(member.packed or 0), member.modified) if packed else row


def summary(members: Sequence[Member], whole: bool = True) -> str:
    """``12 files, 3.4 MiB unpacked``."""
    more = "" if whole else "the first "
    return f"{more}{human_count(len(members), 'file')}, {human_size(sum(one.size for one in members))} unpacked"
