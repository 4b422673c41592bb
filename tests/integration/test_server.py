"""A real runner over its real socket: who calls, uploads that break, daemons that come and go."""

from __future__ import annotations

import contextlib
import http.client as http_client
import json
import os
import pwd
import shutil
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from runner.models import BLOB_FRAME, RunnerInfo, TreeEntry, decode, manifest_of
from tests.support.runner import RunnerProcess
from tests.support.wait import wait_for
from tests.unit.runner_store.store import entry_of, frame, sha

BIG = os.urandom(1 << 16) * 128  # 8 MiB
root_only = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to act as another user")


class DataRunner(RunnerProcess):
    """A runner that is never asked to run anything, so no job needs an end."""

    def _stop_jobs(self) -> None:
        pass


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[DataRunner]:
    """A runner of the test's own, to be killed and looked into."""
    process = DataRunner(tmp_path / "runner")
    with process:
        yield process


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DataRunner]:
    """A runner that tests only talk to, each with names of its own."""
    process = DataRunner(tmp_path_factory.mktemp("shared") / "runner")
    with process:
        yield process


@pytest.fixture
def http(shared: DataRunner) -> Iterator[httpx.Client]:
    with shared.http() as client:
        yield client


@pytest.fixture
def own(runner: DataRunner) -> Iterator[httpx.Client]:
    with runner.http() as client:
        yield client


def put(http: httpx.Client, files: dict[str, bytes]) -> str:
    """Upload a tree; returns its digest."""
    return put_entries(http, [entry_of(path, data) for path, data in files.items()], list(files.values()))


def put_entries(http: httpx.Client, entries: list[TreeEntry], contents: list[bytes]) -> str:
    digest, text = manifest_of(entries)
    assert http.put(f"/v1/trees/{digest}", content=text).status_code == 200
    answer = http.post("/v1/blobs", content=iter([frame(data) for data in contents]))
    assert answer.json() == {"stored": len(set(contents))}
    assert http.get(f"/v1/trees/{digest}/status").json()["missing"] == []
    return digest


def dataset(http: httpx.Client, name: str, files: dict[str, bytes]) -> None:
    assert http.post(f"/v1/datasets/{name}/versions", json={"tree": put(http, files)}).status_code == 201


def raw(runner: DataRunner, head: str, body: bytes = b"") -> socket.socket:
    """A connection with a request begun on it and not ended."""
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(20)
    connection.connect(str(runner.socket))
    connection.sendall(head.replace("\n", "\r\n").encode() + b"\r\n\r\n" + body)
    return connection


def begin_upload(runner: DataRunner, data: bytes, sent: int) -> socket.socket:
    """Send the first `sent` bytes of the blob `data` and wait until they lie on the disk."""
    length = BLOB_FRAME.size + len(data)
    head = f"POST /v1/blobs HTTP/1.1\nHost: r\nContent-Length: {length}"
    connection = raw(runner, head, frame(data)[: BLOB_FRAME.size + sent])
    wait_for(lambda: on_disk(runner) >= sent - (1 << 20), "the part to arrive")
    return connection


def on_disk(runner: DataRunner) -> int:
    return sum(path.stat().st_size for path in (runner.data_dir / "partial").glob("*/*"))


def problem(answer: httpx.Response) -> tuple[int, str, str]:
    """Status, sentence and next step of a problem document, which has no traceback."""
    assert answer.headers["content-type"] == "application/problem+json"
    assert "Traceback" not in answer.text
    document = answer.json()
    return answer.status_code, document["detail"], document["hint"]


# Who calls


def test_the_caller_is_who_the_kernel_says(shared: DataRunner, http: httpx.Client) -> None:
    info = decode(http.get("/v1/info", headers={"X-Remote-User": "mallory"}).content, RunnerInfo)
    assert info.owner == pwd.getpwuid(os.geteuid()).pw_name
    assert info.pid == shared.pid


def test_only_the_owner_can_open_the_socket(shared: DataRunner) -> None:
    assert stat.S_IMODE(shared.socket.stat().st_mode) == 0o600
    assert stat.S_IMODE(shared.data_dir.stat().st_mode) == 0o700


@root_only
def test_another_user_is_another_owner_and_sees_nothing_of_mine(runner: DataRunner, own: httpx.Client) -> None:
    dataset(own, "mine", {"a": b"secret"})
    digest = put(own, {"a": b"secret"})
    for path, mode in ((runner.data_dir.parent, 0o755), (runner.data_dir, 0o755), (runner.socket, 0o666)):
        path.chmod(mode)
    with contextlib.closing(http_client.HTTPConnection("runner")) as nobody:
        nobody.sock = connect_as(65534, runner.socket)
        assert ask(nobody, "info")[1]["owner"] == pwd.getpwuid(65534).pw_name
        assert ask(nobody, "datasets") == (200, [])
        for hidden in (
            "dataset?name=root/datasets/mine",
            "files?source=root/datasets/mine/1",
            "content?source=root/datasets/mine/1&path=a",
            f"trees/{digest}/status",
            f"trees/{digest}?source=root/datasets/mine/1",
        ):
            assert ask(nobody, hidden)[0] == 404, hidden


def connect_as(uid: int, path: Path) -> socket.socket:
    """A connection of which the kernel says that `uid` made it."""
    connection = socket.socket(socket.AF_UNIX)
    os.seteuid(uid)
    try:
        connection.connect(str(path))
    finally:
        os.seteuid(0)
    return connection


def ask(connection: http_client.HTTPConnection, path: str) -> tuple[int, Any]:
    connection.request("GET", f"/v1/{path}")
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


# Uploads


def test_five_thousand_small_files_in_one_request(http: httpx.Client) -> None:
    files = {f"folder{number % 40}/file{number}": b"content %d" % number for number in range(5000)}
    dataset(http, "many", files)
    listed = http.get("/v1/files", params={"source": "many", "recursive": "1"}).json()
    assert sum(file["kind"] == "file" for file in listed) == 5000
    part = http.get("/v1/content", params={"source": "many", "path": "folder7/file47"})
    assert part.content == b"content 47"


def test_a_cut_upload_goes_on_where_it_was(runner: DataRunner, own: httpx.Client) -> None:
    digest, text = manifest_of([entry_of("big", BIG)])
    assert own.put(f"/v1/trees/{digest}", content=text).json()["missing"] == [{"digest": sha(BIG), "have": 0}]
    begin_upload(runner, BIG, 3 << 20).close()

    def have() -> int:
        return int(own.get(f"/v1/trees/{digest}/status").json()["missing"][0]["have"])

    assert wait_for(have, "the part to be kept") == 3 << 20
    assert own.post("/v1/blobs", content=frame(BIG, 3 << 20)).json() == {"stored": 1}
    assert own.get(f"/v1/trees/{digest}/status").json()["missing"] == []


def test_a_kill_in_the_middle_of_an_upload_loses_nothing_that_was_there(runner: DataRunner, own: httpx.Client) -> None:
    dataset(own, "before", {"a": b"kept"})
    with begin_upload(runner, BIG, 5 << 20):
        runner.kill()
    runner.start()
    with runner.http() as again:
        digest, text = manifest_of([entry_of("big", BIG)])
        (missing,) = again.put(f"/v1/trees/{digest}", content=text).json()["missing"]
        assert 4 << 20 <= missing["have"] <= 5 << 20
        assert again.post("/v1/blobs", content=frame(BIG, missing["have"])).json() == {"stored": 1}
        assert again.post("/v1/datasets/after/versions", json={"tree": digest}).status_code == 201
        assert again.get("/v1/content", params={"source": "after", "path": "big"}).content == BIG
        assert again.get("/v1/content", params={"source": "before", "path": "a"}).content == b"kept"
    assert on_disk(runner) == 0


def test_a_blob_that_is_not_what_it_says_is_named(http: httpx.Client) -> None:
    answer = http.post("/v1/blobs", content=frame(b"good") + frame(b"bad", digest=sha(b"other")))
    status, detail, hint = problem(answer)
    assert status == 400
    assert sha(b"other")[:12] in detail
    assert hint


def test_a_refusal_reaches_a_client_that_still_sends(http: httpx.Client) -> None:
    head = BLOB_FRAME.pack(bytes(32), 0, 1 << 60, 0, 1 << 60)
    status, detail, hint = problem(http.post("/v1/blobs", content=iter([head, *[bytes(1 << 16)] * 500])))
    assert (status, "free" in detail, bool(hint)) == (507, True, True)


@root_only
def test_a_disk_that_fills_up_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    """The runner's data lies on a tmpfs of 6 MiB in a mount namespace of its own."""
    if not shutil.which("unshare"):
        pytest.skip("unshare is not here")
    folder = tmp_path / "small"
    folder.mkdir()
    script = 'mount -t tmpfs -o size=6m,mode=700 small "$1" && exec "$2" -m runner serve --data-dir "$1"'
    command = ["unshare", "-m", "sh", "-c", script, "sh", str(folder), sys.executable]
    with (tmp_path / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            inside = Path(f"/proc/{process.pid}/root{folder}")
            wait_for(lambda: listens(inside / "runner.sock"), "the runner")
            with httpx.Client(transport=httpx.HTTPTransport(uds=str(inside / "runner.sock")), base_url="http://r") as c:
                # Small blobs: each fits, all together do not.
                small = [os.urandom(900_000) for _ in range(8)]
                status, detail, hint = problem(c.post("/v1/blobs", content=iter(map(frame, small))))
                assert (status, "is full" in detail or "free" in detail, bool(hint)) == (507, True, True)
                assert not [path for path in (inside / "partial").glob("*/*") if path.is_file()]
                assert c.get("/v1/info").status_code == 200
        finally:
            process.terminate()


def listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


# Files


def test_content_in_ranges(http: httpx.Client) -> None:
    data = os.urandom(3 << 20)
    dataset(http, "ranges", {"sub/file": data, "empty": b""})
    params = {"source": "ranges", "path": "sub/file"}
    whole = http.get("/v1/content", params=params)
    etag = f'"{sha(data)}"'
    assert (whole.content == data, whole.headers["etag"], whole.headers["accept-ranges"]) == (True, etag, "bytes")
    for text, part in (("1000-", data[1000:]), ("5-9", data[5:10]), ("-7", data[-7:]), (f"0-{1 << 40}", data)):
        answer = http.get("/v1/content", params=params, headers={"Range": f"bytes={text}"})
        assert (answer.status_code, answer.content == part) == (206, True), text
        start = len(data) - 7 if text == "-7" else int(text.split("-")[0])
        assert answer.headers["content-range"] == f"bytes {start}-{start + len(part) - 1}/{len(data)}"
    kept = http.get("/v1/content", params=params, headers={"Range": "bytes=5-", "If-Range": '"other"'})
    assert (kept.status_code, len(kept.content)) == (200, len(data))
    beyond = http.get("/v1/content", params=params, headers={"Range": f"bytes={len(data)}-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{len(data)}")
    assert http.get("/v1/content", params=params, headers={"Range": "lines=1-2"}).status_code == 400
    assert http.get("/v1/content", params={"source": "ranges", "path": "empty"}).content == b""


def test_many_files_in_one_answer(http: httpx.Client) -> None:
    files = {f"sub/{number}": os.urandom(number * 100) for number in range(100)}
    dataset(http, "bundle", {**files, "big": BIG})
    paths = [f"sub/{number}" for number in (7, 0, 99, 7)]
    ask = partial(http.post, "/v1/contents", params={"source": "bundle"})
    body = b"".join(frame(files[path]) for path in paths)
    whole = ask(json=paths)
    assert (whole.status_code, whole.content == body, whole.headers["content-length"]) == (200, True, str(len(body)))
    for start in (0, 30, len(frame(files["sub/7"])), len(body) - 1):
        rest = ask(json=paths, headers={"Range": f"bytes={start}-"})
        assert (rest.status_code, rest.content == body[start:]) == (206, True), start
    middle = ask(json=paths, headers={"Range": "bytes=10-999"})
    assert middle.content == body[10:1000]
    assert ask(json=[]).content == b""
    within = http.post("/v1/contents", params={"source": "bundle/1/sub"}, json=["3"])
    assert within.content == frame(files["sub/3"])
    for paths, status, words in (
        (["sub/1", "sub/none"], 404, "no 'sub/none'"),
        (["sub"], 400, "not a file"),
        (["../x"], 400, "not a path inside a tree"),
        (["big"], 413, "no small file"),
    ):
        found, detail, _ = problem(ask(json=paths))
        assert (found, words in detail) == (status, True), detail
    assert problem(ask(json=5))[0] == 400


def test_content_of_what_is_no_file(http: httpx.Client) -> None:
    link = TreeEntry("latest", "link", target="/etc/passwd")
    digest = put_entries(http, [entry_of("sub/file", b"1"), link], [b"1"])
    http.post("/v1/datasets/nofile/versions", json={"tree": digest})
    for path, words in (("sub", "a folder"), ("latest", "a link to /etc/passwd"), ("", "a folder")):
        status, detail, _ = problem(http.get("/v1/content", params={"source": "nofile", "path": path}))
        assert (status, words in detail) == (400, True)
    status, _, hint = problem(http.get("/v1/content", params={"source": "nofile", "path": "sub/fil"}))
    assert (status, hint) == (404, "Did you mean sub/file?")
    assert problem(http.get("/v1/content", params={"source": "nofile", "path": "../../etc/passwd"}))[0] == 400


def test_names_that_are_not_utf8(http: httpx.Client) -> None:
    name = os.fsdecode(b"odd \xff name")
    digest = put_entries(http, [entry_of(name, b"1")], [b"1"])
    http.post("/v1/datasets/odd/versions", json={"tree": digest})
    assert http.get("/v1/files?source=odd").json()[0]["path"] == name
    assert http.get("/v1/content?source=odd&path=odd%20%FF%20name").content == b"1"


def test_the_manifest_of_a_source(http: httpx.Client) -> None:
    digest = put(http, {"a": b"1"})
    http.post("/v1/datasets/told/versions", json={"tree": digest})
    answer = http.get(f"/v1/trees/{digest}", params={"source": "told/1"})
    assert answer.content == manifest_of([entry_of("a", b"1")])[1]
    assert problem(http.get(f"/v1/trees/{'a' * 64}", params={"source": "told/1"}))[0] == 404


# Files of a job, while it runs and after


def job_state(http: httpx.Client) -> str:
    return str(http.get("/v1/job", params={"name": "life/1"}).json()["state"])


def listed(http: httpx.Client, source: str, path: str = "") -> dict[str, int]:
    asked = {"source": source, "path": path, "recursive": "1"}
    return {file["path"]: file["size"] for file in http.get("/v1/files", params=asked).json()}


def content(http: httpx.Client, source: str, path: str) -> httpx.Response:
    return http.get("/v1/content", params={"source": source, "path": path})


def test_a_jobs_files_while_it_runs_and_as_the_next_dataset(http: httpx.Client) -> None:
    code = put(http, {"train.py": b"code"})
    command = (
        "mkdir deep && echo one > deep/x && ln -s /etc/passwd leak && ln -s / all && echo > ready && exec sleep 600"
    )
    assert http.post("/v1/jobs", json={"project": "life", "command": command, "code": code}).status_code == 201
    try:
        wait_for(lambda: "ready" in listed(http, "life"), "the job's files")
        assert listed(http, "life") == {"deep": 4, "deep/x": 4, "all": 0, "leak": 0, "ready": 1}
        assert content(http, "life/1", "deep/x").content == b"one\n"
        for path in ("leak", "all/etc/passwd", "deep", "none"):
            assert problem(content(http, "life/1", path))[0] == 404, path
        assert problem(http.post("/v1/contents", params={"source": "life/1"}, json=["deep/x"]))[0] == 409
        early = problem(http.post("/v1/datasets/early/versions", json={"source": "life/1"}))
        assert (early[0], "may still change" in early[1]) == (409, True)
    finally:
        http.post("/v1/job/stop", params={"name": "life/1"})
        wait_for(lambda: job_state(http) == "stopped", "the job's end")
    assert listed(http, "life") == {"deep": 4, "deep/x": 4, "all": 0, "leak": 0, "ready": 1}
    assert listed(http, "life/1/code") == {"train.py": 4}
    assert "a link to /etc/passwd" in problem(content(http, "life/1", "leak"))[1]
    assert content(http, "life/1/output/deep", "x").content == b"one\n"
    for source, files in (("life/1", {"deep", "deep/x", "all", "leak", "ready"}), ("life/1/output/deep", {"x"})):
        name = f"from-{len(files)}"
        added = http.post(f"/v1/datasets/{name}/versions", json={"source": source})
        assert (added.status_code, added.json()["version"]["version"]) == (201, 1)
        assert http.post(f"/v1/datasets/{name}/versions", json={"source": source}).json()["created"] is False
        assert set(listed(http, name)) == files


# Datasets


def test_versions_from_trees_and_from_versions(http: httpx.Client) -> None:
    dataset(http, "d", {"train/a": b"1", "test/b": b"2"})
    again = http.post("/v1/datasets/d/versions", json={"tree": put(http, {"train/a": b"1", "test/b": b"2"})})
    assert (again.status_code, again.json()["created"], again.json()["version"]["version"]) == (200, False, 1)
    part = http.post("/v1/datasets/part/versions", json={"source": "d/1/train", "message": "half"})
    assert part.status_code == 201
    assert http.get("/v1/content", params={"source": "part/1", "path": "a"}).content == b"1"
    version = http.get("/v1/dataset", params={"name": "part"}).json()["versions"][0]
    owner = pwd.getpwuid(os.geteuid()).pw_name
    assert (version["files"], version["size"], version["message"]) == (1, 1, "half")
    assert version["source"] == f"{owner}/datasets/d/1/train"
    assert {"d", "part"} <= {one["name"] for one in http.get("/v1/datasets").json()}


def test_a_version_that_cannot_be(http: httpx.Client) -> None:
    none: list[tuple[str, dict[str, object], int, str]] = [
        ("bad", {}, 400, "from a tree or from a source"),
        ("bad", {"tree": "a" * 64, "source": "x"}, 400, "from a tree or from a source"),
        ("bad", {"tree": 7}, 400, "tree"),
        ("bad", {"tree": "a" * 64}, 404, "no tree aaaaaaaaaaaa of yours"),
        ("bad", {"source": "none/1"}, 404, "no dataset or project none"),
        ("b d", {"tree": "a" * 64}, 400, "cannot be a name"),
        ("bad/3", {"tree": "a" * 64}, 400, "not the name of a dataset"),
        ("mallory/datasets/bad", {"tree": "a" * 64}, 404, "no dataset mallory/datasets/bad"),
    ]
    for name, wanted, status, words in none:
        told = problem(http.post(f"/v1/datasets/{name}/versions", json=wanted))
        assert (told[0], words in told[1]) == (status, True), told
    assert problem(http.get("/v1/dataset", params={"name": "bad"}))[0] == 404


# Errors


def test_every_error_is_a_problem_document(http: httpx.Client) -> None:
    asked = [
        (http.get("/v1/nothing"), 404),
        (http.delete("/v1/info"), 405),
        (http.get("/v1/files"), 400),
        (http.get("/v1/files", params={"source": "a b"}), 400),
        (http.post("/v1/datasets/d/versions", content=b"{not json"), 400),
        (http.post("/v1/datasets/d/versions", content=b"[" * (2 << 20)), 413),
        (http.post("/v1/datasets/d/versions", content=b"[" * 100_000), 400),
        (http.put("/v1/trees/xyz", content=b""), 400),
        (http.post("/v1/blobs", content=b"\xff" * 100), 400),
    ]
    for answer, status in asked:
        assert problem(answer)[0] == status, answer.request.url


# The daemon


def runner_command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "runner", *arguments], capture_output=True, text=True, check=False)


@pytest.fixture
def daemon_dir() -> Iterator[Path]:
    """A data folder with a short path; what daemon is left there is stopped."""
    folder = Path(f"/tmp/fr-{os.urandom(4).hex()}")
    yield folder
    runner_command("stop", "--data-dir", str(folder))
    shutil.rmtree(folder, ignore_errors=True)


def test_start_is_idempotent_and_stop_ends_it(daemon_dir: Path) -> None:
    at = ("--data-dir", str(daemon_dir))
    assert runner_command("status", *at).returncode == 3
    starts = [
        subprocess.Popen([sys.executable, "-m", "runner", "start", *at], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    assert [start.communicate()[0].strip() for start in starts] == [str(daemon_dir / "runner.sock")] * 3
    pid = (daemon_dir / "runner.lock").read_text()
    assert runner_command("start", *at).stdout.strip() == str(daemon_dir / "runner.sock")
    assert f"process {pid}" in runner_command("status", *at).stdout
    second = runner_command("serve", *at)
    assert (second.returncode, f"process {pid}" in second.stderr, "Traceback" in second.stderr) == (1, True, False)
    assert f"process {pid}" in runner_command("stop", *at).stdout
    assert runner_command("status", *at).returncode == 3
    assert not (daemon_dir / "runner.sock").exists()
    assert "No runner was running" in runner_command("stop", *at).stdout


def test_what_a_crash_left_behind_is_no_obstacle(runner: DataRunner) -> None:
    runner.kill()
    assert runner.socket.exists()
    runner.start()
    with runner.http() as http:
        assert http.get("/v1/info").status_code == 200


def test_a_start_that_fails_says_why(daemon_dir: Path) -> None:
    daemon_dir.mkdir()
    (daemon_dir / "runner.db").write_bytes(b"this is no database" * 1000)
    failed = runner_command("start", "--data-dir", str(daemon_dir))
    assert (failed.returncode, "Traceback" in failed.stderr) == (1, False)
    assert "runner.db" in failed.stderr
    long = runner_command("start", "--data-dir", str(daemon_dir / ("x" * 100)))
    assert (long.returncode, "too long for Linux" in long.stderr) == (1, True)
    (daemon_dir / "runner.yml").write_text("executer: docker")
    wrong = runner_command("start", "--data-dir", str(daemon_dir))
    assert (wrong.returncode, "executer" in wrong.stderr) == (1, True)


def test_open_requests_do_not_hold_the_end(runner: DataRunner) -> None:
    follow = raw(runner, "GET /v1/events HTTP/1.1\nHost: r")
    with begin_upload(runner, BIG, 2 << 20) as upload, raw(runner, "GET /v1/info HTTP/1.1\nHost: r") as idle, follow:
        assert idle.recv(15) == b"HTTP/1.1 200 OK"
        assert follow.recv(15) == b"HTTP/1.1 200 OK"
        runner.stop()
        assert b"503 Service Unavailable" in upload.recv(1 << 16)
        assert whole(follow).endswith(b"\r\n0\r\n\r\n")
    assert on_disk(runner) == 2 << 20
    assert "Traceback" not in runner.log.read_text()
    runner.start()


def whole(connection: socket.socket) -> bytes:
    """All that comes until the other end closes."""
    return b"".join(iter(lambda: connection.recv(1 << 16), b""))


def test_the_socket_command_needs_no_daemon(tmp_path: Path) -> None:
    said = runner_command("socket", "--data-dir", str(tmp_path))
    assert said.stdout.strip() == str(tmp_path / "runner.sock")
    assert list(tmp_path.iterdir()) == []
    assert json.dumps(said.stderr) == '""'
