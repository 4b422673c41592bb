"""The same address once more: what has not changed there is not downloaded, and what is not the same is."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from email.utils import formatdate

import pytest

from tests.integration.test_fetching import fetched, refused, tar_of
from tests.support.api import Api
from tests.support.runner import RunnerProcess
from tests.support.web import LONG_AGO, Page, Web

LATER = formatdate(1_710_000_000, usegmt=True)
BYTES, OTHER = os.urandom(300_000), os.urandom(300_000)


@pytest.fixture
def web() -> Iterator[Web]:
    with Web() as server:
        yield server


@pytest.fixture
def api(runner: RunnerProcess) -> Iterator[Api]:
    with runner.http() as http:
        yield Api(http)


@pytest.mark.parametrize("page", [Page(BYTES), Page(BYTES, etag="", modified=LONG_AGO)], ids=["etag", "date"])
def test_what_has_not_changed_is_not_downloaded_again(api: Api, web: Web, page: Page) -> None:
    name = "by-etag" if page.etag else "by-date"
    web.pages["/same"], url = page, web.url("/same")
    first = fetched(api, url, name)
    again = fetched(api, url, name, sha256=hashlib.sha256(BYTES).hexdigest())
    assert again.added is not None
    assert first.added is not None
    assert again.added.version == first.added.version
    assert (again.added.created, again.unchanged, again.done_bytes) == (False, True, 0)
    assert (len(web.asked), web.unchanged) == (2, ["/same"])
    page.data, page.modified = OTHER, LATER if page.modified else ""
    changed = fetched(api, url, name)
    assert changed.added is not None
    assert (changed.added.version.version, changed.unchanged) == (2, False)
    assert api.content(f"{name}/2", "same") == OTHER


def test_what_is_known_is_asked_for_anew_where_it_would_be_another(api: Api, web: Web) -> None:
    packed = tar_of({"a": BYTES})
    url = web.serve("/all.tgz", packed)
    fetched(api, url, "asked")
    assert list(api.files("asked/1")) == ["a"]
    fetched(api, url, "asked", unpack=False)
    assert list(api.files("asked/2")) == ["all.tgz"]
    fetched(api, url, "beside", unpack=False)
    api.dataset("beside", {"other": b"other"})
    assert fetched(api, url, "beside", unpack=False).added is not None
    assert list(api.files("beside/3")) == ["all.tgz"]
    assert web.unchanged == []
    assert "not 0000" in refused(api, url, sha256="0" * 64)
    weak = web.serve("/weak", BYTES, etag='W/"1"')
    fetched(api, weak, "weak")
    assert not fetched(api, weak, "weak").unchanged
    odd = web.serve("/odd", fails=[304])
    assert "answered 304" in refused(api, odd)


def test_what_is_damaged_is_downloaded_again_and_healed(api: Api, web: Web, runner: RunnerProcess) -> None:
    url, digest = web.serve("/data", BYTES), hashlib.sha256(BYTES).hexdigest()
    fetched(api, url, "healed")
    blob = runner.data_dir / "blobs" / digest[:2] / digest
    blob.chmod(0o600)
    blob.write_bytes(OTHER)
    check = [sys.executable, "-m", "runner", "fsck", "--data-dir", str(runner.data_dir)]
    assert subprocess.run(check, capture_output=True, check=False).returncode == 1
    again = fetched(api, url, "healed")
    assert again.added is not None
    assert (again.added.created, again.unchanged) == (False, False)
    assert api.content("healed/1", "data") == BYTES
