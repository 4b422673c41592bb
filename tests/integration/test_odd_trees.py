"""Any folder that Linux can hold goes up and comes down as it was, through a real runner."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from floyd_tui.client.link import HostLink
from floyd_tui.client.links import Links
from floyd_tui.client.transfer import download, upload
from floyd_tui.config import Config
from floyd_tui.project.snapshot import take
from runner.models import NewVersion
from tests.support.runner import RunnerProcess
from tests.support.tapped import tapped

NAMES = st.one_of(
    st.sampled_from(
        [b"a", b"A", b"a.b", b"a-b", b"a b", b"-rf", b"~", b"\n", b"'", b"*", b"caf\xe9", b"\xff", b"CON", b" "]
    ),
    st.binary(min_size=1, max_size=40).filter(lambda name: not {0, 47} & set(name) and name not in (b".", b"..")),
    st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=60)
    .map(str.encode)
    .filter(lambda name: name not in (b".", b"..")),
)
FILES = st.tuples(
    st.binary(max_size=200) | st.integers(0, 3 << 20).map(lambda size: b"%d" % size * (size // 8)), st.booleans()
)
LINKS = NAMES.map(lambda target: ("link", target))
TREES = st.recursive(FILES | LINKS, lambda inner: st.dictionaries(NAMES, inner, max_size=4), max_leaves=12)


def make(folder: bytes, tree: dict[bytes, Any]) -> None:
    os.mkdir(folder)
    for name, what in tree.items():
        path = folder + b"/" + name
        if isinstance(what, dict):
            make(path, what)
        elif what[0] == "link":
            os.symlink(what[1], path)
        else:
            with open(path, "wb") as file:
                file.write(what[0])
            os.chmod(path, 0o755 if what[1] else 0o644)


def read(folder: bytes) -> dict[bytes, Any]:
    """The folder as `make` was told; a folder's own mode is nobody's business."""
    found: dict[bytes, Any] = {}
    for name in os.listdir(folder):
        path = folder + b"/" + name
        if os.path.islink(path):
            found[name] = ("link", os.readlink(path))
        elif os.path.isdir(path):
            found[name] = read(path)
        else:
            with open(path, "rb") as file:
                found[name] = (file.read(), bool(os.stat(path).st_mode & 0o100))
    return found


@pytest.fixture
def links(tmp_path: Path, runner: RunnerProcess) -> Iterator[Links]:
    with tapped(runner) as (_, host):
        yield Links(Config.load(tmp_path / "config").with_host(host))


@pytest.fixture
async def link(links: Links) -> AsyncIterator[HostLink]:
    await links["local"].connected()
    yield links["local"]
    await links.close()


@settings(deadline=None, max_examples=25, suppress_health_check=list(HealthCheck))
@given(tree=st.dictionaries(NAMES, TREES, min_size=1, max_size=5))
async def test_any_tree_comes_down_as_it_went_up(link: HostLink, tree: dict[bytes, Any]) -> None:
    with tempfile.TemporaryDirectory() as short:
        make(os.fsencode(short) + b"/up", tree)
        snapshot = await take(Path(short) / "up", defaults=())
        await upload(link, snapshot)
        name = (await link.client.add_version("d", NewVersion(tree=snapshot.digest))).version.name
        came = await download(link, name, "", Path(short) / "down")
        assert came.left_out == ()
        assert read(os.fsencode(short) + b"/down") == read(os.fsencode(short) + b"/up")
