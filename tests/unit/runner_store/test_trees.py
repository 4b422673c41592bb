"""Trees: what is refused, what is missing, farms and copies that never let a write reach a blob."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.errors import BadRequest, Conflict, Damaged, NoSpace, NotFound
from runner.models import EMPTY_TREE, TreeEntry, manifest_lines, manifest_of, parse_manifest, read_entries
from runner.store.comparing import compare
from runner.store.disk import remove_tree
from runner.store.gc import Collector
from runner.store.manifests import below, entries_in, find_entries, find_entry, outline, right_in
from runner.store.roots import release
from runner.store.upload import receive
from runner.threads import Cancelled
from tests.unit.runner_store.store import Store, chunks, entry_of, frame, sha

NAMES = st.text(
    st.characters(exclude_characters="/\0", categories=("L", "N", "P", "Z", "Cc")), min_size=1, max_size=12
).filter(lambda name: name not in (".", "..") and not name.endswith("*"))
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)


def tree_of(files: dict[str, bytes]) -> dict[str, bytes]:
    """`files` without those that lie below another."""
    return {p: d for p, d in files.items() if not any(p.startswith(other + "/") for other in files)}


def snapshot(folder: Path) -> dict[str, tuple[bytes, bool]]:
    """Content and executable bit of each file below `folder`."""
    return {
        str(path.relative_to(folder)): (path.read_bytes(), bool(path.stat().st_mode & stat.S_IXUSR))
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink()
    }


SHARED = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
JSON = st.recursive(st.text(max_size=20), st.lists).map(lambda value: json.dumps(value).encode())


@settings(SHARED, max_examples=30)
@given(files=st.dictionaries(PATHS, st.binary(max_size=50), max_size=8).map(tree_of))
async def test_what_goes_in_comes_out(store: Store, files: dict[str, bytes]) -> None:
    status = await store.add_tree(files)
    assert (status.files, status.size) == (len(files), sum(map(len, files.values())))
    expected = {path: (data, False) for path, data in files.items()}
    assert snapshot(store.trees.link_farm(status.digest)) == expected
    copy = store.folder / "copy"
    store.trees.copy_to(status.digest, copy)
    assert snapshot(copy) == expected
    remove_tree(copy)
    text = store.trees.text(status.digest).read_bytes()
    assert tuple(read_entries(text)) == store.trees.entries(status.digest) == tuple(parse_manifest(text.splitlines()))


@settings(SHARED, max_examples=150)
@given(text=st.binary(max_size=200) | JSON)
async def test_a_hostile_manifest_is_refused(store: Store, text: bytes) -> None:
    digest = hashlib.sha256(text).hexdigest()
    try:
        await store.trees.put(digest, chunks([text]), "ann")
    except BadRequest:
        assert not store.trees.text(digest).exists()
    else:
        assert b"".join(manifest_lines(store.trees.entries(digest))) == text


@settings(SHARED, max_examples=150)
@given(files=st.dictionaries(PATHS, st.just(b""), max_size=25).map(tree_of), others=st.lists(PATHS, max_size=5))
def test_looking_up_one_path_is_as_reading_all(tmp_path: Path, files: dict[str, bytes], others: list[str]) -> None:
    entries = [entry_of(path, data) for path, data in files.items()]
    (tmp_path / "manifest").write_bytes(manifest_of(entries)[1])
    folders = {path[:end] for path in files for end, letter in enumerate(path) if letter == "/"}
    paths = [*files, *folders, *others, *(path + "!" for path in files), *(path[:-1] for path in files)]
    for order in (paths, sorted(paths), sorted(paths)[::-1]):
        each = [path for path in order if path]
        assert list(find_entries(tmp_path / "manifest", each)) == [find_entry(tmp_path / "manifest", p) for p in each]
    for path in paths:
        expected = entry_of(path, b"") if path in files else TreeEntry(path, "dir") if path in folders else None
        if path:
            assert find_entry(tmp_path / "manifest", path) == expected
            inside = [entry.path for entry in entries_in(tmp_path / "manifest", path)]
            assert sorted(inside) == sorted(name for name in files if name.startswith(path + "/"))
    assert len(entries_in(tmp_path / "manifest", "")) == len(files)


@settings(SHARED, max_examples=40)
@given(files=st.dictionaries(PATHS, st.binary(max_size=3), max_size=25).map(tree_of))
def test_what_lies_right_in_a_folder_is_as_adding_up_all(tmp_path: Path, files: dict[str, bytes]) -> None:
    (tmp_path / "manifest").write_bytes(manifest_of(entry_of(path, data) for path, data in files.items())[1])
    for folder in {"", *(path[:end] for path in files for end, letter in enumerate(path) if letter == "/")}:
        inside = {path[len(folder) + bool(folder) :]: data for path, data in files.items() if path.startswith(folder)}
        inside = {path: inside[path] for path in inside if not folder or f"{folder}/{path}" in files}
        entries, sums = right_in(tmp_path / "manifest", folder)
        assert {entry.path.rpartition("/")[2] for entry in entries} == {path for path in inside if "/" not in path}
        expected: dict[str, int] = {}
        for path, data in inside.items():
            if "/" in path:
                top = path.partition("/")[0]
                expected[top] = expected.get(top, 0) + len(data)
        assert sums == expected


@settings(SHARED, max_examples=30)
@given(old=st.dictionaries(PATHS, st.binary(max_size=2), max_size=12).map(tree_of), data=st.data())
@pytest.mark.parametrize("folders", [("", ""), ("in", "in"), ("in", "a/b")])
def test_the_differences_of_two_trees(
    tmp_path: Path, folders: tuple[str, str], old: dict[str, bytes], data: st.DataObject
) -> None:
    changed = st.dictionaries(st.sampled_from(sorted(old)) | PATHS if old else PATHS, st.binary(max_size=2), max_size=9)
    gone = set(data.draw(st.lists(st.sampled_from(sorted(old)), max_size=3))) if old else set()
    new = tree_of({path: d for path, d in (old | data.draw(changed)).items() if path not in gone})
    sides = []
    for name, folder, files in (("old", folders[0], old), ("new", folders[1], new)):
        entries = [entry_of(f"{folder}/{path}" if folder else path, d) for path, d in files.items()]
        (tmp_path / name).write_bytes(manifest_of([*entries, *([TreeEntry("zz", "dir")] if folder else [])])[1])
        sides.append((tmp_path / name, folder))
    found = {one.path: (one.change, one.old_size, one.new_size) for one in compare(*sides)}
    expected: dict[str, tuple[str, int | None, int | None]] = {}
    for path in old.keys() | new.keys():
        if path not in new:
            expected[path] = ("removed", len(old[path]), None)
        elif path not in old:
            expected[path] = ("added", None, len(new[path]))
        elif old[path] != new[path]:
            expected[path] = ("changed", len(old[path]), len(new[path]))
    assert found == expected


HOSTILE = {
    "outside": b'["f","../x",1,"%s"]\n' % (b"a" * 64),
    "absolute": b'["f","/etc/passwd",1,"%s"]\n' % (b"a" * 64),
    "through a link": b'["l","a","/etc"]\n["f","a/b",1,"%s"]\n' % (b"a" * 64),
    "two sizes": b'["f","a",1,"%s"]\n["f","b",2,"%s"]\n' % (b"a" * 64, b"a" * 64),
    "twice": b'["d","a"]\n["d","a"]\n',
    "no last newline": b'["d","a"]',
    "blank line": b'["d","a"]\n\n',
    "carriage return": b'["d","a"]\r\n',
    "name too long": b'["d","%s"]\n' % (b"a" * 256),
    "path too long": b'["d","%s"]\n' % b"/".join([b"a" * 200] * 30),
    "lone surrogate": b'["d","\\ud800"]\n',
    "nested": b"[" * 100_000,
    "huge number": b'["f","a",%s,"%s"]\n' % (b"9" * 5000, b"a" * 64),
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
async def test_known_attacks_are_refused(store: Store, text: bytes) -> None:
    digest = hashlib.sha256(text).hexdigest()
    with pytest.raises(BadRequest) as told:
        await store.trees.put(digest, chunks([text]), "ann")
    assert told.value.hint
    assert not store.trees.text(digest).exists()
    with pytest.raises(NotFound):
        await store.trees.status(digest, "ann")


async def test_the_name_must_be_the_digest(store: Store) -> None:
    for name in ("../../x", "A" * 64, "", sha(b"other")):
        with pytest.raises(BadRequest):
            await store.trees.put(name, chunks([b'["d","a"]\n']), "ann")


async def test_missing_is_what_this_owner_lacks(store: Store) -> None:
    one, two = entry_of("one", b"1"), entry_of("two", b"22")
    digest, text = manifest_of([one, two])
    await receive(store.blobs, "bob", chunks([frame(b"1"), frame(b"22")]))
    status = await store.trees.put(digest, chunks([text]), "ann")
    assert {blob.digest for blob in status.missing} == {one.digest, two.digest}
    await receive(store.blobs, "ann", chunks([frame(b"1")]))
    with pytest.raises(Conflict, match="1 files"):
        await store.trees.require(digest, "ann")
    await receive(store.blobs, "ann", chunks([frame(b"22")]))
    assert (await store.trees.require(digest, "ann")).missing == ()
    with pytest.raises(NotFound):
        await store.trees.status(digest, "bob")


async def test_no_answer_lists_more_than_a_part_of_what_is_missing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runner.store.lacking.LISTED", 3)
    monkeypatch.setattr("runner.store.lacking._PAGE", 2)
    contents = [b"x" * size for size in range(1, 9)]
    entries = [entry_of(f"{number}", content) for number, content in enumerate(contents)]
    digest, text = manifest_of([*entries, entry_of("same", contents[0])])
    await receive(store.blobs, "ann", chunks([frame(contents[1])]))
    left = [entry.digest for entry in entries if entry != entries[1]]
    status = await store.trees.put(digest, chunks([text]), "ann")
    while left:
        assert [blob.digest for blob in status.missing] == left[:3]
        sizes = [entry.size for entry in entries if entry.digest in left]
        assert (status.lacking, status.lacking_bytes) == (len(left), sum(sizes))
        sent = [content for content in contents if sha(content) in left[:2]]
        await receive(store.blobs, "ann", chunks([frame(content) for content in sent]))
        left = left[2:]
        status = await store.trees.status(digest, "ann")
    assert status.missing == ()
    assert status.lacking == status.lacking_bytes == 0


async def test_what_was_collected_since_is_missing_again(store: Store) -> None:
    digest, text = manifest_of([entry_of("a", b"1"), entry_of("b", b"22")])
    await receive(store.blobs, "ann", chunks([frame(b"1")]))
    assert (await store.trees.put(digest, chunks([text]), "ann")).lacking == 1
    await store.db.write(lambda c: release(c, store.blobs.claims, "ann", [sha(b"1")]))
    assert (await store.trees.status(digest, "ann")).lacking == 2


async def test_a_size_that_is_not_the_blobs_is_refused(store: Store) -> None:
    digest, text = manifest_of([TreeEntry("a", "file", 99, sha(b"1"))])
    assert (await store.trees.put(digest, chunks([text]), "ann")).missing
    await receive(store.blobs, "ann", chunks([frame(b"1")]))
    with pytest.raises(BadRequest, match="99 bytes; it has 1"):
        await store.trees.require(digest, "ann")


async def test_a_tree_larger_than_the_disk_is_refused_before_a_byte_comes(store: Store) -> None:
    digest, text = manifest_of([TreeEntry("a", "file", 1 << 60, "a" * 64)])
    with pytest.raises(NoSpace, match=r"1024\.0 PiB are to come"):
        await store.trees.put(digest, chunks([text]), "ann")
    assert not store.trees.text(digest).exists()


async def test_the_empty_tree_is_always_there(store: Store, tmp_path: Path) -> None:
    assert (await store.trees.require(EMPTY_TREE, "ann")).files == 0
    store.trees.copy_to(EMPTY_TREE, tmp_path / "copy")
    assert list((tmp_path / "copy").iterdir()) == []


async def test_farm_and_copy_keep_modes_links_and_empty_folders(store: Store, tmp_path: Path) -> None:
    entries = [
        TreeEntry("empty/inner", "dir"),
        TreeEntry("latest", "link", target="../elsewhere"),
        entry_of("sub/run.sh", b"#!", executable=True),
        entry_of("sub/same", b"#!"),
    ]
    status = await store.add_entries(entries, [b"#!"])
    copy = tmp_path / "copy"
    store.trees.copy_to(status.digest, copy)
    farm = store.trees.link_farm(status.digest)
    for root, file_mode, folder_mode in ((farm, 0o444, 0o555), (copy, 0o644, 0o755)):
        assert os.readlink(root / "latest") == "../elsewhere"
        assert stat.S_IMODE((root / "sub/run.sh").stat().st_mode) == file_mode | 0o111
        assert stat.S_IMODE((root / "sub/same").stat().st_mode) == file_mode
        assert stat.S_IMODE((root / "empty/inner").stat().st_mode) == folder_mode
    assert (farm / "sub/same").samefile(store.blobs.path(sha(b"#!")))
    assert farm == store.trees.link_farm(status.digest)


async def test_a_write_to_a_copy_never_reaches_the_blob(store: Store, tmp_path: Path) -> None:
    status = await store.add_tree({"a": b"original", "run*": b"tool"})
    store.trees.copy_to(status.digest, tmp_path / "copy")
    for name in ("a", "run"):
        (tmp_path / "copy" / name).write_bytes(b"changed!")
    assert store.blobs.path(sha(b"original")).read_bytes() == b"original"
    assert store.blobs.path(sha(b"tool")).read_bytes() == b"tool"


async def test_a_copy_that_fails_leaves_nothing(store: Store, tmp_path: Path) -> None:
    status = await store.add_tree({"a": b"1", "b/c": b"2"})
    store.blobs.path(sha(b"2")).unlink()
    with pytest.raises(Damaged, match="'b/c' is damaged or gone"):
        store.trees.copy_to(status.digest, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
    with pytest.raises(Damaged, match="'b/c'"):
        store.trees.link_farm(status.digest)
    assert not list((store.folder / "mounts").iterdir())


async def test_a_large_copy_is_whole_or_not_there(store: Store, tmp_path: Path) -> None:
    files = {f"{number % 7}/{number}{'*' * (number % 2)}": b"%d" % number for number in range(1000)}
    status = await store.add_tree(files)
    store.trees.copy_to(status.digest, tmp_path / "copy")
    assert snapshot(tmp_path / "copy") == {path.rstrip("*"): (data, path.endswith("*")) for path, data in files.items()}
    for number in (3, 500, 999):
        store.blobs.path(sha(b"%d" % number)).unlink()
        with pytest.raises(Damaged):
            store.trees.copy_to(status.digest, tmp_path / "none")
        assert not (tmp_path / "none").exists()


async def test_more_links_than_a_file_can_have(store: Store, tmp_path: Path) -> None:
    status = await store.add_tree({"a": b"popular"})
    blob = store.blobs.path(sha(b"popular"))
    with contextlib.suppress(OSError):  # ext4 stops at 65,000; others may take them all
        for number in range(70_000):
            os.link(blob, tmp_path / str(number))
    assert (store.trees.link_farm(status.digest) / "a").read_bytes() == b"popular"


async def test_tidy_removes_farms_that_a_crash_cut_off(store: Store) -> None:
    left = store.folder / "mounts" / ".abc.123"
    (left / "sub").mkdir(parents=True)
    (left / "sub").chmod(0o555)
    store.trees.tidy()
    assert not left.exists()


def test_below_is_a_folders_own_tree() -> None:
    entries = [entry_of("a/b/c", b"1"), entry_of("a/d", b"2"), entry_of("ab", b"3")]
    assert [e.path for e in below(entries, "a")] == ["b/c", "d"]
    assert below(entries, "") == entries
    assert outline(below(entries, "a")).files == 2


async def test_a_tree_that_is_asked_for_is_kept_for_what_comes_next(store: Store) -> None:
    tree = await store.add_tree({"a": b"1"})
    collector = Collector(store.folder, store.blobs, store.trees, store.db)
    asked = time.time()
    assert not (await store.trees.status(tree.digest, "ann")).missing
    await collector.collect(asked)
    assert not (await store.trees.require(tree.digest, "ann")).missing
    await collector.collect(time.time())
    with pytest.raises(NotFound):
        await store.trees.status(tree.digest, "ann")


async def test_a_copy_ends_at_a_check_also_within_a_large_file_and_leaves_nothing(store: Store, tmp_path: Path) -> None:
    status = await store.add_tree({"a": b"1", "large": bytes(8 << 20), "z": b"2"})

    def checks(at_most: int) -> Callable[[], None]:
        left = iter(range(at_most))

        def check() -> None:
            if next(left, None) is None:
                raise Cancelled

        return check

    store.trees.copy_to(status.digest, tmp_path / "copy", checks(50))
    for at_most in range(3):
        for lay_out in (store.trees.copy_to, lambda digest, _, check: store.trees.link_farm(digest, check)):
            with pytest.raises(Cancelled):
                lay_out(status.digest, tmp_path / "none", checks(at_most))
            assert not (tmp_path / "none").exists()
            assert not list((store.folder / "mounts").iterdir())
