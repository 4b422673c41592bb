"""Unpacking archives of strangers: what is right is stored, what is not is refused as a whole and leaves nothing."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import subprocess
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.errors import NoSpace, RunnerError
from runner.fetching.unpack import Stopped, Unpacker
from runner.models import TreeEntry, manifest_of, parse_manifest
from runner.store.disk import remove_tree
from runner.store.room import Room
from tests.unit.runner_store.store import Store, sha

Told = Callable[[int, int], None]


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "", mode: int = 0o644) -> tarfile.TarInfo:
    """The header of one."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = kind, target, mode
    return info


def tar(*members: tarfile.TarInfo | tuple[tarfile.TarInfo, bytes]) -> bytes:
    """An archive of these, with their bytes where they have some."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for one in members:
            info, data = one if isinstance(one, tuple) else (one, b"")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return packed.getvalue()


def packed_zip(*files: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    """A zip of these."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files:
            archive.writestr(name, data)
    return packed.getvalue()


def special(name: str, mode: int) -> zipfile.ZipInfo:
    """The header of a zip's entry with all of a Unix mode."""
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, mode << 16
    return info


def unpack(
    store: Store, archive: bytes, most: int = 1000, tell: Told = lambda position, files: None
) -> list[TreeEntry]:
    """What comes out of it."""
    file = store.folder / "archive"
    file.write_bytes(archive)
    return Unpacker(store.blobs, "ann", tell, most).unpack(file).entries


def tree(entries: list[TreeEntry]) -> dict[str, str]:
    """Entries in short, by path: ``f`` or ``x`` and the digest's beginning, a link's target, ``dir``."""
    return {
        e.path: e.target or (f"{'x' if e.executable else 'f'} {e.digest[:6]}" if e.kind == "file" else "dir")
        for e in entries
    }


def test_files_modes_links_and_empty_folders_come_as_they_are(store: Store) -> None:
    archive = tar(
        member("./", tarfile.DIRTYPE),
        (member("./a/run.sh", mode=0o755), b"#!"),
        (member("a/big"), b"x" * 3_000_000),
        member("a/latest", tarfile.SYMTYPE, "run.sh"),
        member("a/up", tarfile.SYMTYPE, "../a/broken"),
        member("b/same", tarfile.LNKTYPE, "./a/big"),
        member("empty", tarfile.DIRTYPE),
        member("a", tarfile.DIRTYPE),
        (member("twice"), b"old"),
        (member("twice"), b"new"),
        (member("na\udcffme"), b""),
    )
    big = f"f {sha(b'x' * 3_000_000)[:6]}"
    assert tree(unpack(store, archive)) == {
        "a/run.sh": f"x {sha(b'#!')[:6]}",
        "a/big": big,
        "a/latest": "run.sh",
        "a/up": "../a/broken",
        "b/same": big,
        "empty": "dir",
        "twice": f"f {sha(b'new')[:6]}",
        "na\udcffme": f"f {sha(b'')[:6]}",
    }
    assert store.blobs.path(sha(b"x" * 3_000_000)).stat().st_size == 3_000_000
    assert not list(store.blobs.partial_folder("ann").iterdir())


def test_a_zip_with_links_modes_and_names_of_windows(store: Store) -> None:
    windows = zipfile.ZipInfo("w\\deep\\one")
    windows.create_system = 0
    archive = packed_zip(
        (special("run", 0o100755), b"#!"), (special("d/link", 0o120777), b"../run"), ("empty/", b""), (windows, b"1")
    )
    assert tree(unpack(store, archive)) == {
        "run": f"x {sha(b'#!')[:6]}",
        "d/link": "../run",
        "empty": "dir",
        "w/deep/one": f"f {sha(b'1')[:6]}",
    }


def test_a_sparse_file_has_its_holes(store: Store, tmp_path: Path) -> None:
    sparse = tmp_path / "sparse"
    with sparse.open("wb") as file:
        file.seek(2_000_000)
        file.write(b"end")
    subprocess.run(["tar", "-S", "-cf", tmp_path / "t.tar", "-C", tmp_path, "sparse"], check=True)
    archive = (tmp_path / "t.tar").read_bytes()
    assert len(archive) < 100_000
    assert tree(unpack(store, archive)) == {"sparse": f"f {sha(sparse.read_bytes())[:6]}"}


def damaged() -> bytes:
    """A tar whose second header has a flipped byte: the standard library would end there, in silence."""
    archive = bytearray(tar((member("one"), b"1"), (member("two"), b"2"), (member("three"), b"3")))
    archive[1024 + 5] ^= 1
    return bytes(archive)


def long_header() -> bytes:
    """A tar with a name of 20 MiB of zeros, which gzip makes small."""
    return gzip.compress(tar((member("x" * (20 << 20)), b"1")))


def lying(name: str = "one") -> bytes:
    """A tar that gives a file a size of 1 PiB."""
    info = member(name)
    info.size = 1 << 50
    return info.tobuf() + b"1" * 512


def wrong_crc() -> bytes:
    """A zip whose bytes are not those of its checksum."""
    return packed_zip(("one", b"stored as it is")).replace(
        zlib.crc32(b"stored as it is").to_bytes(4, "little"), b"0000"
    )


def encrypted() -> bytes:
    """A zip that says it is."""
    archive = bytearray(packed_zip(("one", b"1")))
    archive[archive.index(b"PK\x01\x02") + 8] |= 1
    return bytes(archive)


REFUSED = {
    "absolute": (tar((member("/etc/passwd"), b"x")), "absolute path"),
    "above": (tar((member("a/../../b"), b"x")), "leads out"),
    "above a folder": (tar((member("ok"), b"1"), member("../d", tarfile.DIRTYPE)), "leads out"),
    "link to absolute": (tar((member("ok"), b"1"), member("l", tarfile.SYMTYPE, "/etc")), "lead out"),
    "link above": (tar((member("ok"), b"1"), member("a/l", tarfile.SYMTYPE, "../../x")), "lead out"),
    "link to nothing": (tar((member("ok"), b"1"), member("l", tarfile.SYMTYPE, "")), "lead out"),
    "link through a link": (
        tar(member("x", tarfile.SYMTYPE, "."), (member("ok"), b"1"), member("l", tarfile.SYMTYPE, "x/..")),
        "lead out",
    ),
    "hard link out": (tar((member("ok"), b"1"), member("l", tarfile.LNKTYPE, "../x")), "leads out"),
    "hard link to none": (tar((member("ok"), b"1"), member("l", tarfile.LNKTYPE, "later")), "not before it"),
    "device": (tar((member("ok"), b"1"), member("null", tarfile.CHRTYPE)), "device or a pipe"),
    "pipe": (tar((member("ok"), b"1"), member("p", tarfile.FIFOTYPE)), "device or a pipe"),
    "below a file": (tar((member("a"), b"1"), (member("a/b"), b"2")), "exclude each other"),
    "through a link": (tar(member("a", tarfile.SYMTYPE, "."), (member("a/b"), b"2")), "exclude each other"),
    "long name": (tar((member("n" * 300), b"1")), "too long a path"),
    "many": (tar(*((member(str(n)), b"") for n in range(1001))), "more than 1,000"),
    "huge": (lying(), "larger than the disk has free"),
    "nothing": (tar(member("a", tarfile.DIRTYPE)), "no files"),
    "damaged": (damaged(), "damaged header"),
    "cut off": (tar((member("a"), b"1" * 9000))[:3000], "cannot be read"),
    "cut off gzip": (gzip.compress(tar((member("a"), b"1" * 9000)))[:-20], "cannot be read"),
    "flipped bzip2": (bz2.compress(tar((member("a"), b"1" * 9000)))[:-9] + b"123456789", "cannot be read"),
    "long header": (long_header(), "endless headers"),
    "zip above": (packed_zip(("../x", b"1")), "leads out"),
    "zip absolute": (packed_zip(("/x", b"1")), "absolute"),
    "zip link out": (packed_zip((special("l", 0o120777), b"/etc")), "lead out"),
    "zip device": (packed_zip((special("d", 0o020666), b"")), "device or a pipe"),
    "zip checksum": (wrong_crc(), "CRC"),
    "zip encrypted": (encrypted(), "encrypted"),
    "no archive": (b"<html>", "no tar or zip"),
    "gzip of no tar": (gzip.compress(b"1,2\n"), "no tar or zip"),
    "empty": (b"", "no tar or zip"),
}


@pytest.mark.parametrize("what", REFUSED)
async def test_what_is_not_right_is_refused_as_a_whole(store: Store, what: str) -> None:
    archive, words = REFUSED[what]
    with pytest.raises(RunnerError, match=words) as told:
        unpack(store, archive)
    assert told.value.hint
    assert not list(store.blobs.partial_folder("ann").iterdir())
    assert await store.blobs.held("ann", [sha(b"1"), sha(b"2")]) == {}


def test_a_disk_without_room_and_being_stopped_leave_nothing(store: Store) -> None:
    def stop(position: int, files: int) -> None:
        raise Stopped

    archive = tar((member("small"), b"1"), (member("big"), b"2" * 3_000_000))
    with pytest.raises(Stopped):
        unpack(store, archive, tell=stop)
    store.blobs.room = Room(store.folder, 1 << 62)
    with pytest.raises(NoSpace, match="are to come"):
        unpack(store, archive)
    assert not list(store.blobs.partial_folder("ann").iterdir())


NAMES = st.lists(st.sampled_from(["a", "b", "..", ".", "", "a\n", "é"]), min_size=1, max_size=4).map("/".join)
KINDS = st.sampled_from([tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])


@given(st.lists(st.tuples(NAMES, KINDS, NAMES), max_size=6))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_in_it_what_comes_out_is_a_tree(store: Store, rows: list[tuple[str, bytes, str]]) -> None:
    archive = tar(
        *((member(name, kind, target), b"1" if kind == tarfile.REGTYPE else b"") for name, kind, target in rows)
    )
    try:
        entries = unpack(store, archive)
    except RunnerError:
        return
    _, text = manifest_of(entries)
    assert len(list(parse_manifest(text.splitlines(keepends=True)))) == len(entries)
    # A new one for each: what an example that failed has left is not in the way of the next.
    place = Path(tempfile.mkdtemp(dir=store.folder))
    for entry in entries:
        if entry.kind == "link":
            (place / entry.path).parent.mkdir(parents=True, exist_ok=True)
            (place / entry.path).symlink_to(entry.target)
    for entry in entries:
        if entry.kind == "link":
            with contextlib.suppress(RuntimeError, OSError):  # a loop leads nowhere
                assert (place / entry.path).resolve().is_relative_to(place.resolve())
    remove_tree(place)
