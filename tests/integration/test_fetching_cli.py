"""`data add URL` as people type it, with a real runner and a real web server: Ctrl-C, kills, going on alone."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from floyd_tui.config import LOCAL, Config, HostConfig
from tests.integration.test_datasets import ASK
from tests.support.api import Api, mount
from tests.support.runner import RunnerProcess
from tests.support.shell import Shell
from tests.support.wait import wait_for
from tests.support.web import Web

BYTES = os.urandom(1_500_000)


@pytest.fixture
def web() -> Iterator[Web]:
    with Web() as server:
        yield server


@pytest.fixture
def shell(tmp_path: Path, runner: RunnerProcess) -> Shell:
    Config.load(tmp_path / "config").with_host(HostConfig(LOCAL, data_dir=str(runner.data_dir)))
    return Shell(tmp_path, tmp_path / "config")


def fetches(runner: RunnerProcess) -> list[dict[str, Any]]:
    """What the runner says of its fetches."""
    with runner.http() as http:
        found: list[dict[str, Any]] = http.get("/v1/fetches").json()
        return found


def test_a_version_is_made_shown_and_not_made_twice(shell: Shell, web: Web) -> None:
    url, sha256 = web.serve("/digits.bin", BYTES), hashlib.sha256(BYTES).hexdigest()
    done = shell("data", "add", url, "--name", "digits", "--sha256", sha256.upper(), "-m", "as scanned")
    assert done.stdout == "digits/1\n"
    assert f"{url}: 1.4 MiB" in done.stderr
    assert "New version: 1 file, 1.4 MiB" in done.stderr
    again = shell("data", "add", url, "--name", "digits")
    assert again.stdout == "digits/1\n"
    assert "Not changed there since version 1 (1 file, 1.4 MiB): nothing was downloaded" in again.stderr
    web.pages["/digits.bin"].etag = ""
    assert "Unchanged since version 1" in shell("data", "add", url, "--name", "digits").stderr
    assert url in shell("data", "ls", "digits").stdout
    files = shell("data", "ls", "digits/1")
    assert "digits.bin" in files.stdout
    assert f"From {url}" in files.stderr
    assert f"SHA-256 {sha256}" in files.stderr
    assert web.pages["/digits.bin"].tag in files.stderr
    assert [line.split()[2] for line in shell("data", "fetches").stdout.splitlines()] == ["STATE", *["done"] * 3]


def test_a_job_says_where_on_the_net_its_data_is_from(shell: Shell, web: Web, runner: RunnerProcess) -> None:
    url = web.serve("/digits.bin", BYTES)
    shell("data", "add", url, "--name", "digits")
    with runner.http() as http:
        api = Api(http)
        api.dataset("own", {"a": b"a"})
        api.launch("true", mounts=(mount("digits", "digits"), mount("own", "own")))
        api.ended("p/1")
        api.ask("DELETE", "/v1/dataset", name="digits")
    said = shell("info", "p/1").stdout
    assert "/datasets/digits/1 at /floyd/input/digits" in said
    assert said.count("from ") == 1
    assert f"from {url}" in said, "also when that dataset is gone"


def test_what_is_wrong_is_said_and_leaves_nothing(shell: Shell, web: Web) -> None:
    wrong = shell("data", "add", web.serve("/x", BYTES), "--name", "x", "--sha256", "0" * 64, code=1)
    assert "error: What came has the SHA-256" in wrong.stderr
    assert "are for a URL" in shell("data", "add", "p/1", "--name", "x", "--detach", code=2).stderr
    assert "cannot be a name" in shell("data", "add", web.url("/x"), "--name", "a b", code=1).stderr
    assert "What came has the SHA-256" in shell("data", "fetches").stdout


def test_ctrl_c_cancels_it_on_the_host(shell: Shell, web: Web, runner: RunnerProcess) -> None:
    url = web.serve("/slow", BYTES, hold=threading.Event(), hold_at=1000)
    adding = shell.start("data", "add", url, "--name", "slow")
    wait_for(lambda: [one for one in fetches(runner) if one["done_bytes"]], "its beginning")
    adding.send_signal(signal.SIGINT)
    _, said = adding.communicate(timeout=30)
    assert adding.returncode == 130
    assert "Cancelled; no version was made" in said
    assert [one["state"] for one in fetches(runner)] == ["cancelled"]
    assert not list((runner.data_dir / "fetches").iterdir())


def test_the_host_goes_on_without_anybody(shell: Shell, web: Web, runner: RunnerProcess) -> None:
    hold = threading.Event()
    adding = shell.start("data", "add", web.serve("/one", BYTES, hold=hold, hold_at=1000), "--name", "one")
    wait_for(lambda: [one for one in fetches(runner) if one["done_bytes"]], "its beginning")
    adding.kill()
    adding.communicate()
    detached = shell("data", "add", web.serve("/two", BYTES, hold=hold, hold_at=2000), "--name", "two", "-d")
    wait_for(lambda: fetches(runner)[0]["done_bytes"] == 2000, "the other's beginning")
    assert f"data cancel {detached.stdout.strip()}" in detached.stderr
    listed = shell("data", "fetches").stdout
    assert "fetching" in listed
    assert "2.0 KiB of 1.4 MiB" in listed
    assert "cancelled; nothing of it is kept" in shell("data", "cancel", detached.stdout.strip()).stderr
    shell("data", "cancel", detached.stdout.strip())  # forgotten
    assert "no fetch" in shell("data", "cancel", detached.stdout.strip(), code=1).stderr
    hold.set()
    wait_for(lambda: fetches(runner)[0]["state"] == "done", "the end of the first")
    assert [one["name"] for one in shell.json("data", "ls")] == ["one"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_the_host_itself_is_for_the_runners_user(shell: Shell, web: Web, runner: RunnerProcess) -> None:
    for path, mode in ((runner.data_dir.parent, 0o711), (runner.data_dir, 0o711), (runner.socket, 0o666)):
        path.chmod(mode)

    def nobody(method: str, path: str, body: object = None) -> tuple[int, Any]:
        words = [sys.executable, "-c", ASK, str(runner.socket), method, path, json.dumps(body)]
        status, answer = json.loads(subprocess.run(words, capture_output=True, check=True).stdout)
        return status, answer

    def how_it_ended(fetch: str) -> Any:
        found = nobody("GET", f"/v1/fetch?id={fetch}")[1]
        return found if found["ended_at"] else None

    url = web.serve("/secret", BYTES)
    status, answer = nobody("POST", "/v1/datasets/mine/fetches", {"url": url})
    assert status == 403
    assert "only the runner's own user" in answer["detail"]
    named = web.url("/secret", "localhost")
    status, answer = nobody("POST", "/v1/datasets/mine/fetches", {"url": named})
    assert status == 201, "what a name leads to is known when it is connected to"
    assert "this host itself" in wait_for(lambda: how_it_ended(answer["id"]), "its end")["problem"]["detail"]
    assert web.asked == [], "not a byte was sent there"
    shell("data", "add", named, "--name", "mine")
    assert nobody("GET", f"/v1/fetch?id={fetches(runner)[0]['id']}")[0] == 404
    assert nobody("DELETE", f"/v1/fetch?id={fetches(runner)[0]['id']}")[0] == 404
