"""Files that are here compared with those to come: told of, and ended by a cancel."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import pytest

from floyd_tui.client import comparing
from floyd_tui.client.comparing import planned
from floyd_tui.client.place import Place
from floyd_tui.client.progress import Progress
from runner.models import FileInfo

SIZE = 5 << 20


def info(name: str, content: bytes) -> FileInfo:
    return FileInfo(name, "file", len(content), 0.0, hashlib.sha256(content).hexdigest())


async def test_content_decides_what_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparing, "TELL_EVERY", 0.0)
    same, new = bytes(SIZE), b"x" * SIZE
    (tmp_path / "same").write_bytes(same)
    (tmp_path / "other").write_bytes(same)
    told: list[Progress] = []
    listing = [info("same", same), info("other", new), info("missing", new)]
    plan = await planned(Place(tmp_path, ""), listing, told.append)
    assert [file.same for file in plan.files] == [True, False, False]
    assert plan.clashes == [str(tmp_path / "other")]
    await asyncio.sleep(0)
    assert told[-1].done_bytes == 2 * SIZE
    assert all(now.comparing for now in told)


async def test_a_cancel_ends_the_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparing, "TELL_EVERY", 0.0)
    with (tmp_path / "large").open("wb") as file:
        file.truncate(1 << 40)  # more than anyone reads within this test's life
    listing = [FileInfo("large", "file", 1 << 40, 0.0, "0" * 64)]
    begun = asyncio.Event()
    task = asyncio.create_task(planned(Place(tmp_path, ""), listing, lambda now: begun.set()))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(asyncio.get_running_loop().shutdown_default_executor(), 10)
