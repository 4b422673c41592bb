"""What a hostile or strange host may say to a sync, and what a listing costs where nothing changes."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from floyd_tui.client.fake import NOW, FakeClient, FakeFile, FakeHost, FakeLink, FakeLinks
from floyd_tui.client.sync import Round, Sync
from floyd_tui.client.sync_memory import NAME, RESERVED
from floyd_tui.errors import TransferError
from runner.models import FileInfo, JobState

JOB = "digits/7"


@pytest.fixture
def link() -> FakeLink:
    return FakeLinks.demo()["gauss"]


def writes(link: FakeLink, *files: FakeFile) -> None:
    link.host.sources[f"{link.host.find_job(JOB).name}/output"] = list(files)


async def synced(link: FakeLink, to: Path) -> Round:
    async with Sync(link, link.host.find_job(JOB), to) as sync:
        found = await sync.round()
        assert found is not None
        return found


@pytest.mark.parametrize("name", ["../out", "/etc/passwd", "a/../../out", "a\0b", "a//b"])
async def test_names_that_lead_elsewhere_are_refused(tmp_path: Path, link: FakeLink, name: str) -> None:
    writes(link, FakeFile("good", b"1", 0, NOW), FakeFile(name, b"2", 0, NOW))
    with pytest.raises(TransferError, match="outside"):
        await synced(link, tmp_path / "to")
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("name", [*RESERVED, NAME.upper()])
async def test_a_host_never_writes_what_the_sync_remembers(tmp_path: Path, link: FakeLink, name: str) -> None:
    writes(link, FakeFile("good", b"1", 0, NOW), FakeFile(name, b"2", 0, NOW))
    found = await synced(link, tmp_path / "to")
    assert ([path.name for path in found.came], found.left_out) == (["good"], (name,))
    assert (await synced(link, tmp_path / "to")).here == 1, "the memory is whole"


class Older(FakeClient):
    """A runner that tells neither digests nor stamps of what a job writes."""

    async def files_if_changed(self, source: str, tag: str = "") -> tuple[list[FileInfo] | None, str]:
        return [replace(info, stamp="") for info in await self.files(source, recursive=True)], ""


async def test_an_older_runner_is_named_with_what_mends_it(tmp_path: Path, link: FakeLink) -> None:
    writes(link, FakeFile("good", b"1", 0, NOW))
    link._client = Older(link.host)
    with pytest.raises(TransferError, match="older") as caught:
        await synced(link, tmp_path / "to")
    assert caught.value.hint == "Bring it up to date: floyd-tui host install gauss"


async def test_what_has_not_changed_is_neither_read_nor_fetched(tmp_path: Path, link: FakeLink) -> None:
    host: FakeHost = link.host
    writes(link, FakeFile("a", b"1", 0, NOW), FakeFile("b", b"2", 0, NOW))
    async with Sync(link, host.find_job(JOB), tmp_path / "to") as sync:
        first = await sync.round()
        assert first is not None
        assert len(first.came) == 2
        calls = len(host.calls)
        for _ in range(3):
            assert await sync.round() is None
        assert "content" not in host.calls[calls:]
        # At the end the same content has a digest: it is known from when it came, and the file here is not read.
        (tmp_path / "to/a").chmod(0)
        host.finish(JOB, JobState.SUCCEEDED)
        last = await sync.round()
        assert last is not None
        assert (last.came, last.here, last.ended) == ((), 2, True)
        assert "content" not in host.calls[calls:]
