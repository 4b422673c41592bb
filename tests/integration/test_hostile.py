"""A client that means harm, or is broken, at a real runner's socket: refused in a sentence, and others are served."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.models import BLOB_FRAME, JobState, Problem, TreeEntry, decode, manifest_of
from tests.support.api import Api
from tests.support.runner import RunnerProcess
from tests.support.wait import wait_for
from tests.unit.runner_store.store import entry_of, frame

A = "a" * 64
SHARED = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunnerProcess]:
    """A runner that all tests here attack, and that never stumbles."""
    with RunnerProcess(tmp_path_factory.mktemp("hostile") / "runner") as process:
        yield process
        assert "Traceback" not in process.log.read_text()


@pytest.fixture
def http(runner: RunnerProcess) -> Iterator[httpx.Client]:
    with runner.http() as client:
        yield client


def refused(answer: httpx.Response) -> Problem:
    """The problem that the answer is: the client's fault, with a next step."""
    assert 400 <= answer.status_code < 500 or answer.status_code == 507, answer.text
    problem = decode(answer.content, Problem)
    assert problem.detail
    assert problem.hint
    return problem


# Manifests

DEEP = "/".join(["d"] * 1100)
ROWS: dict[str, bytes] = {
    "parent": b'["f","a/../../x",1,"%s"]\n' % A.encode(),
    "absolute": b'["f","/etc/passwd",1,"%s"]\n' % A.encode(),
    "nul": b'["f","a\\u0000b",1,"%s"]\n' % A.encode(),
    "nul in a target": b'["l","a","b\\u0000c"]\n',
    "twice": b'["d","a"]\n' * 2,
    "file used as a folder": b'["f","a",1,"%s"]\n["f","a/b",1,"%s"]\n' % (A.encode(), A.encode()),
    "below a link": b'["l","a","/etc"]\n["f","a/passwd",1,"%s"]\n' % A.encode(),
    "size of 1 EiB": b'["f","a",%d,"%s"]\n' % (1 << 60, A.encode()),
    "sizes that add up to too much": b"".join(b'["f","%d",%d,"%064x"]\n' % (n, (1 << 63) - 1, n) for n in range(1, 10)),
    "deeper than any path": b'["d","%s"]\n' % "/".join(["d"] * 3000).encode(),
    "raw bytes": b'["d","caf\xe9"]\n',
    "half a surrogate pair": b'["d","\\ud83d"]\n',
    "not a list": b'{"f":"a"}\n',
    "NaN": b'["f","a",NaN,"%s"]\n' % A.encode(),
    "escaped slash": b'["d","a\\/b"]\n',
    "million of brackets": b"[" * 1_000_000,
}


@pytest.mark.parametrize("text", ROWS.values(), ids=ROWS)
def test_a_hostile_manifest_is_refused_and_not_stored(http: httpx.Client, text: bytes) -> None:
    digest = hashlib.sha256(text).hexdigest()
    refused(http.put(f"/v1/trees/{digest}", content=text))
    assert http.get(f"/v1/trees/{digest}/status").status_code == 404


def test_names_that_differ_in_case_alone_are_two_names(http: httpx.Client) -> None:
    assert Api(http).dataset("case", {"README": b"one", "readme": b"two", "Straße": b"3", "STRASSE": b"4"}) == "case/1"
    assert Api(http).content("case/1", "readme") == b"two"


def test_folders_deeper_than_anybody_needs_are_laid_out_and_removed(runner: RunnerProcess, http: httpx.Client) -> None:
    api = Api(http)
    code = api.upload({f"{DEEP}/file": b"deep"})
    job = api.launch("find . -name file | wc -l; mv d e", code=code)
    assert api.follow(job.name)[0] == b"1\n"
    assert api.ended(job.name).state is JobState.SUCCEEDED
    assert api.ask("GET", "/v1/gc")["kinds"]
    api.ask("DELETE", "/v1/job", name=job.name)
    api.ask("POST", "/v1/gc")
    wait_for(lambda: not (runner.data_dir / f"jobs/{job.owner}/p/1").exists(), "its folder to go")


@settings(SHARED, max_examples=80)
@given(data=st.data())
def test_a_manifest_with_a_few_bytes_changed_is_refused_or_is_another_tree(
    http: httpx.Client, data: st.DataObject
) -> None:
    entries = [
        entry_of("a/b", b"1"),
        entry_of("run", b"2", True),
        TreeEntry("l", "link", target="a"),
        TreeEntry("e", "dir"),
    ]
    text = bytearray(manifest_of(entries)[1])
    for _ in range(data.draw(st.integers(1, 4))):
        text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))
    digest = hashlib.sha256(text).hexdigest()
    answer = http.put(f"/v1/trees/{digest}", content=bytes(text))
    if answer.status_code != 200:
        refused(answer)
        return
    # What is taken is in canonical form: each path once, in order, inside.
    paths = [json.loads(line)[1] for line in text.splitlines()]
    assert paths == sorted(set(paths))
    assert not any(part in ("", ".", "..") for path in paths for part in path.split("/"))


# Frames

HEADS = st.builds(
    BLOB_FRAME.pack, st.binary(min_size=32, max_size=32), *[st.integers(0, 255)], *[st.integers(0, (1 << 64) - 1)] * 3
)


@settings(SHARED, max_examples=120)
@given(body=st.lists(HEADS | st.binary(max_size=90) | st.just(frame(b"good")), max_size=4).map(b"".join))
def test_frames_of_any_bytes_are_read_or_refused(http: httpx.Client, body: bytes) -> None:
    for content in (body, iter([body])):  # with its length, and in chunks
        answer = http.post("/v1/blobs", content=content)
        if answer.status_code != 200:
            refused(answer)


@settings(SHARED, max_examples=60)
@given(body=st.binary(max_size=200), encoding=st.sampled_from(["gzip", "zstd", "br", "gzip, gzip", "", "identity"]))
def test_encodings_of_any_bytes_are_read_or_refused(http: httpx.Client, body: bytes, encoding: str) -> None:
    answer = http.post("/v1/blobs", content=body, headers={"Content-Encoding": encoding})
    if answer.status_code != 200:
        refused(answer)


def test_a_few_bytes_that_stand_for_gigabytes_fill_neither_memory_nor_disk(
    runner: RunnerProcess, http: httpx.Client
) -> None:
    zeros = gzip.compress(bytes(64 << 20))
    head = BLOB_FRAME.pack(bytes(32), 0, 64 << 20, 0, 64 << 20)
    before = memory(runner)
    answer = http.post("/v1/blobs", content=gzip.compress(head) + zeros, headers={"Content-Encoding": "gzip"})
    refused(answer)
    assert memory(runner) - before < 24 << 20
    assert [path for path in (runner.data_dir / "partial").glob("*/*") if path.is_file()] == []


# HTTP


def raw(runner: RunnerProcess, request: bytes) -> socket.socket:
    """A connection on which `request` was sent."""
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(20)
    connection.connect(str(runner.socket))
    with contextlib.suppress(BrokenPipeError):
        connection.sendall(request)
    return connection


def answer_to(runner: RunnerProcess, request: bytes) -> bytes:
    """All that comes back until the runner hangs up, once nothing more is sent."""
    came = b""
    with contextlib.suppress(ConnectionError), raw(runner, request) as connection:
        connection.shutdown(socket.SHUT_WR)
        while part := connection.recv(1 << 16):
            came += part
    return came


POST = b"POST /v1/blobs HTTP/1.1\r\nHost: r\r\n"
LIES = {
    "longer than it is": POST + b"Content-Length: 5000\r\n\r\n" + frame(b"good"),
    "shorter than it is": POST + b"Content-Length: 20\r\n\r\n" + frame(b"good"),
    "negative": POST + b"Content-Length: -1\r\n\r\n" + frame(b"good"),
    "two lengths": POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    "length and chunks": POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "huge": POST + b"Content-Length: 99999999999999999999999\r\n\r\n" + frame(b"good"),
    "bad chunks": POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nhello",
    "endless head": POST + b"X: " + b"x" * (1 << 20),
    "no HTTP": os.urandom(3000),
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
}


@pytest.mark.parametrize("request_", LIES.values(), ids=LIES)
def test_requests_that_lie_are_refused_and_the_next_one_is_served(
    runner: RunnerProcess, http: httpx.Client, request_: bytes
) -> None:
    came = answer_to(runner, request_)
    assert not came or came.startswith((b"HTTP/1.1 4", b"HTTP/1.1 200")), came
    assert b"Traceback" not in came
    assert http.get("/v1/info").status_code == 200


def memory(runner: RunnerProcess) -> int:
    """What the runner has in memory, in bytes."""
    status = Path(f"/proc/{runner.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) << 10


def test_two_hundred_requests_that_stop_halfway_hold_neither_threads_nor_memory(
    runner: RunnerProcess, http: httpx.Client
) -> None:
    api = Api(http)
    big = os.urandom(8 << 20)
    api.dataset("big", {"big": big})
    half = [
        POST + b"Content-Length: 500000000\r\n\r\n" + frame(os.urandom(3 << 20))[: 2 << 20],
        POST + b"Content-Length: 5000000\r\n\r\n" + BLOB_FRAME.pack(bytes(32), 0, 999_999, 0, 999_999) + b"x",
        POST + b"Transfer-Encoding: chunked\r\n\r\n10\r\nhalf",
        POST + b"Content-Enco",
        b"PUT /v1/trees/%s HTTP/1.1\r\nHost: r\r\nContent-Length: 400000000\r\n\r\n[" % A.encode(),
        # And some that ask for much and read nothing of it.
        b"GET /v1/content?source=big&path=big HTTP/1.1\r\nHost: r\r\n\r\n",
    ]
    before = memory(runner)
    with contextlib.ExitStack() as stack:
        for number in range(200):
            stack.enter_context(raw(runner, half[number % len(half)]))
        assert api.content("big", "big") == big
        assert api.upload({"new": b"goes up"})
        assert api.ask("GET", "/v1/gc")["kinds"]
        assert memory(runner) - before < 100 << 20
    wait_for(lambda: api.dataset("after", {"other": b"2"}), "it to go on")


@settings(SHARED, max_examples=80)
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH"]),
    route=st.sampled_from(
        ["job", "jobs", "content", "contents", "files", "dataset", "datasets/x/versions", "diff", "trees/x"]
    ),
    query=st.dictionaries(
        st.sampled_from(["name", "source", "path", "old", "new", "offset", "limit", "state", "project"]),
        st.text(max_size=30)
        | st.sampled_from(["../..", "/", "a/b/c", "root/projects/p/1", "-1", "9" * 30, "\0", "%", "case/1/.."]),
        max_size=3,
    ),
    body=st.binary(max_size=60)
    | st.sampled_from([b"{}", b"[]", b"null", b'{"tree":1}', b'{"project":"p","command":1}', b"[" * 9999]),
)
def test_any_question_is_answered_or_refused(
    http: httpx.Client, method: str, route: str, query: dict[str, str], body: bytes
) -> None:
    with contextlib.suppress(UnicodeEncodeError):
        answer = http.request(method, f"/v1/{route}", params=query, content=None if method == "GET" else body)
        if answer.is_error:
            assert answer.status_code < 500, answer.text
            assert decode(answer.content, Problem).detail
