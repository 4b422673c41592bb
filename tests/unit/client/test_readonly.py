"""Hosts that are only looked at: nothing that changes them is sent, whatever is added to what one may ask."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from floyd_tui.client.fake import FakeLinks
from floyd_tui.client.protocol import Client
from floyd_tui.client.readonly import READS, read_only
from floyd_tui.errors import ReadOnly

METHODS = [name for name, value in vars(Client).items() if callable(value) and not name.startswith("_")]
# A new method of Client is named here or in READS, once it is known which of them it is.
CHANGES = {
    "add_version", "begin_fetch", "cancel_fetch", "cancel_fsck", "cancel_gc", "change_dataset", "change_job",
    "create_project", "delete_dataset", "delete_job", "delete_secret", "drop_part", "fsck", "gc", "launch",
    "name_part", "put_tree", "restore", "send_blobs", "set_secret", "stop",
}  # fmt: skip


def test_it_is_known_of_every_method_whether_it_changes_something() -> None:
    assert set(METHODS) == READS | CHANGES
    assert not READS & CHANGES


@pytest.mark.parametrize("name", METHODS)
async def test_each_changing_method_is_refused_before_it_is_sent(name: str) -> None:
    links = FakeLinks.demo()
    sent: list[str] = []
    for method in METHODS:
        # Recorded on the way through; nothing behind it may be reached.
        setattr(links["gauss"].client, method, lambda *_, m=method, **__: sent.append(m))
    method = getattr(read_only(links)["gauss"].client, name)
    wanted: dict[str, Any] = {
        each.name: None
        for each in inspect.signature(getattr(Client, name)).parameters.values()
        if each.name != "self" and each.default is inspect.Parameter.empty
    }
    if name in READS:
        method(**wanted)
        assert sent == [name]
        return
    with pytest.raises(ReadOnly) as caught:
        await method(**wanted)
    assert "gauss is only looked at" in str(caught.value)
    assert not sent


async def test_what_would_be_freed_is_told_and_no_runner_is_installed() -> None:
    links = read_only(FakeLinks.demo())
    assert (await links["gauss"].client.gc(dry_run=True)) is not None
    with pytest.raises(ReadOnly):
        await links["gauss"].install_runner()
    assert links["gauss"] is links["gauss"]
    assert links["gauss"].client is links["gauss"].client
    assert links["gauss"].status.state is FakeLinks.demo()["gauss"].status.state
