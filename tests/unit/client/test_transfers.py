"""The queue of downloads: so many at once, each in its state, and what is left of it for the next program."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from floyd_tui.client import transfers as module
from floyd_tui.client.fake import FakeLink, FakeLinks
from floyd_tui.client.transfer_memory import TransferMemory, Unfinished
from floyd_tui.client.transfers import AT_ONCE, Transfer, Transfers
from floyd_tui.errors import HostUnreachable, RunnerProblem
from runner.models import Problem
from tests.support.wait import comes as until

SOURCE = "ada/projects/digits/6/output"


@pytest.fixture
def link() -> FakeLink:
    return FakeLinks.demo()["gauss"]


def states(transfers: Transfers) -> list[str]:
    return [one.state for one in transfers.all]


async def test_so_many_at_once_and_the_others_in_turn(tmp_path: Path, link: FakeLink) -> None:
    transfers = Transfers(TransferMemory(tmp_path / "state"))
    heard: list[tuple[str, str]] = []
    unwatch = transfers.watch(lambda before, now: heard.append((before.state, now.state)))
    gate = link.host.hold("content.piece")
    ids = [transfers.add(link, SOURCE, ["checkpoints"], tmp_path / str(at)).id for at in range(4)]
    assert states(transfers) == ["running"] * AT_ONCE + ["waiting"] * 2
    await until(lambda: transfers.all[0].progress.total_bytes, "that")
    await transfers.pause(ids[0])
    assert states(transfers) == ["paused", "running", "running", "waiting"]
    await transfers.cancel(ids[3])
    gate.set()
    await until(lambda: states(transfers) == ["paused", "done", "done"], "that")
    transfers.resume(ids[0])
    await until(lambda: states(transfers) == ["done"] * 3, "that")
    assert ("running", "paused") in heard
    assert (tmp_path / "0/checkpoints/best.pt").stat().st_size == (tmp_path / "1/checkpoints/best.pt").stat().st_size
    assert transfers.get(ids[3]) is None
    assert transfers.clear() == 3
    unwatch()
    await transfers.close()


async def test_what_stops_one_and_how_it_goes_on(
    tmp_path: Path, link: FakeLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOST_SECONDS", 0.01)
    transfers = Transfers(TransferMemory(tmp_path / "state"))
    (tmp_path / "notes.md").write_text("mine")
    link.host.fail("files", RunnerProblem(Problem("gone", "No such job", 404, "It was deleted.", "Look again.")))
    id = transfers.add(link, SOURCE, ["notes.md"], tmp_path).id
    await until(lambda: states(transfers) == ["failed"], "that")
    link.host.fail("files", HostUnreachable("gauss does not answer."))
    seen: list[Transfer] = []
    transfers.watch(lambda _, now: seen.append(now))
    transfers.resume(id)
    await until(lambda: states(transfers) == ["clash"], "that")
    assert "lost" in [one.state for one in seen], "a host that is away is waited for"
    assert (tmp_path / "notes.md").read_text() == "mine"
    transfers.allow(id)
    await until(lambda: states(transfers) == ["done"], "that")
    assert (tmp_path / "notes.md").read_text() != "mine"
    assert transfers.all[0].place == tmp_path / "notes.md"


def test_what_is_not_done_is_offered_by_the_next_program_alone(tmp_path: Path) -> None:
    one = Unfinished("gauss", SOURCE, ("a", "b"), "/here", True)
    TransferMemory(tmp_path).keep([one])
    (kept,) = tmp_path.glob("*.json")
    other = kept.with_name(f"{os.getppid()}.json")
    other.write_bytes(kept.read_bytes())
    (tmp_path / "999999999.json").write_text('[{"host": "gauss"')
    assert TransferMemory(tmp_path).take() == [one]
    assert list(tmp_path.iterdir()) == [other], "another program that runs keeps its own"
    assert TransferMemory(tmp_path / "nothing").take() == []
    (tmp_path / "file").write_text("")
    TransferMemory(tmp_path / "file").keep([one])
