"""Every endpoint against what nobody means well by: by the API that the runner states itself, and below HTTP.

FLOYD_TEST_FUZZ is how many times longer to go on than the suite does (``FLOYD_TEST_FUZZ=50 pytest …/test_fuzz.py``).
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.runner import RunnerProcess
from tests.support.wait import wait_for

TIMES = int(os.environ.get("FLOYD_TEST_FUZZ", "1"))
# What may grow: pools, caches, the allocator's own habits. A leak of a body or a request is more, in bytes.
MAY_GROW = 48 << 20
DIGEST = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
NAMES = [
    "p", "p/1", "root/projects/p/1", "p/1/output", "p/1/code/a", "d", "d/1", "root/datasets/d/1", "eve/datasets/d/1",
    "p/0", "p/99999999999999999999", "../../etc/passwd", "d/1/../../x", "", ".", "..", "/", "//", "a" * 500, "$(id)",
    "'; DROP TABLE jobs; --", "\0", "\n", "ü", "\U0001f600", DIGEST, DIGEST.upper(), "datasets/d/-1", "p/ 1",
]  # fmt: skip
HEADERS = [
    {}, {"Range": "bytes=0-"}, {"Range": "bytes=-0"}, {"Range": "bytes=9-1,3-4"}, {"Range": f"bytes={'9' * 400}-"},
    {"If-Match": '"x"'}, {"If-None-Match": "*"}, {"Content-Encoding": "zstd"}, {"Content-Encoding": "gzip"},
    {"Content-Encoding": "br"}, {"Content-Type": "text/plain"}, {"Expect": "100-continue"}, {"Connection": "close"},
    {"Upgrade": "websocket", "Connection": "upgrade"}, {"X-Long": "x" * 8000}, {"Accept": "application/x-none"},
]  # fmt: skip
TEXTS = st.one_of(st.sampled_from(NAMES), st.text(max_size=30))
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
# What is run or fetched if all the rest happens to be right.
HARMLESS = {
    "command": st.sampled_from(["true", "exit 3", "", " ", "\0"]) | st.just("x").map(lambda x: x * 200_000),
    "url": st.sampled_from(["http://127.0.0.1:1/x", "file:///etc/passwd", "http://", "https://[::1", "//x"]),
    "executor": st.sampled_from(["process", "docker", None, "slurm"]),
}


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunnerProcess]:
    """A runner that runs one job at a time, with something in its store."""
    chosen: dict[str, object] = {"max_running": 1, "request_silence": 0.5, "fetch_patience": 0.1}
    with RunnerProcess(tmp_path_factory.mktemp("fuzz") / "runner", settings=chosen) as process:
        with process.http() as http:
            http.put(f"/v1/trees/{DIGEST}", content=b"")
            http.post("/v1/datasets/d/versions", json={"tree": DIGEST})
            http.post("/v1/jobs", json={"project": "p", "command": "echo 1 >a; echo out"})
        yield process


@pytest.fixture(scope="module")
def api(runner: RunnerProcess) -> Document:
    """What the runner says of itself."""
    with runner.http() as http:
        return Document(http.get("/v1/openapi.json").json())


@dataclass(frozen=True)
class Document:
    """An OpenAPI document. It is not shown: Hypothesis would print all of it."""

    whole: dict[str, Any] = field(repr=False)


def values(schema: dict[str, Any], document: Document) -> st.SearchStrategy[Any]:
    """What fits a schema, and often does not."""
    return st.one_of(fitting(schema, document), fitting(schema, document), JUNK)


def fitting(schema: dict[str, Any], document: Document) -> st.SearchStrategy[Any]:
    """What fits a schema, as far as types go."""
    if "$ref" in schema:
        return fitting(document.whole["components"]["schemas"][schema["$ref"].rpartition("/")[2]], document)
    if "anyOf" in schema:
        return st.one_of(*(fitting(one, document) for one in schema["anyOf"]))
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    kind = schema.get("type")
    if kind == "object" and "properties" in schema:
        fields = {
            name: HARMLESS[name] if name in HARMLESS else values(one, document)
            for name, one in schema["properties"].items()
        }
        needed = {name: fields.pop(name) for name in schema.get("required", ())}
        return st.fixed_dictionaries(needed, optional=fields)
    if kind == "object":
        return st.dictionaries(TEXTS, values(schema.get("additionalProperties", {}), document), max_size=3)
    if kind == "array":
        return st.lists(values(schema.get("items", {}), document), max_size=3)
    plain: dict[Any, st.SearchStrategy[Any]] = {
        "string": TEXTS, "boolean": st.booleans(), "null": st.none(), "number": st.floats(),
        "integer": st.sampled_from([0, 1, -1, 2**31, 2**63, 10**400]) | st.integers(-9, 9),
    }  # fmt: skip
    return plain.get(kind, JUNK)


def operations(document: Document) -> list[tuple[str, str, dict[str, Any]]]:
    """Method, path and description of each."""
    return [(m.upper(), path, told) for path, methods in document.whole["paths"].items() for m, told in methods.items()]


@st.composite
def requests(draw: st.DrawFn, document: Document) -> tuple[str, str, dict[str, str], bytes]:
    """A request: method, target, headers, body."""
    method, path, told = draw(st.sampled_from(operations(document)))
    method = draw(st.sampled_from([method] * 9 + ["BREW"]))
    query = []
    for parameter in told["parameters"]:
        name = parameter["name"]
        if parameter["in"] == "path":
            path = path.replace(f"{{{name}}}", quote(_text(draw(st.sampled_from(NAMES[:-1]) | TEXTS)), safe=""))
        elif draw(st.booleans()) or parameter["required"]:
            value = draw(values(parameter["schema"], document) if name != "follow" else st.sampled_from([0, 1, "x"]))
            query += [(name, value)] if not isinstance(value, list) else [(name, one) for one in value]
    target = path + ("?" + urlencode([(k, _text(v)) for k, v in query]) if query else "")
    content = told.get("requestBody", {}).get("content", {})
    body = draw(st.binary(max_size=200))
    if "application/json" in content and draw(st.integers(0, 5)):
        body = json.dumps(draw(values(content["application/json"]["schema"], document))).encode()
    return method, target[:60_000], draw(st.sampled_from(HEADERS)), body


def _text(value: object) -> bytes:
    return str(value)[:20_000].encode("utf-8", "surrogatepass")


def _ask(http: httpx.Client, method: str, target: str, headers: dict[str, str], body: bytes) -> int:
    """The status of the answer; an endless one is read a little, and its status is 0 where even that does not come."""
    status, endless = 0, "follow=1" in target or target.startswith("/v1/events")
    timeout = httpx.Timeout(5, read=0.3) if endless else httpx.Timeout(30)
    slow = [httpx.ReadTimeout] if endless else []
    asked = http.stream(method, target, headers=headers, content=body, timeout=timeout)
    with contextlib.suppress(*slow), asked as answer:
        status = answer.status_code
        for _ in zip(answer.iter_raw(), range(3), strict=False):
            pass
    return status


def memory(pid: int) -> int:
    """Resident memory in bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_no_request_makes_the_runner_stumble(runner: RunnerProcess, api: Document) -> None:
    sent = 0

    @settings(max_examples=400 * TIMES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(requests(api))
    def fuzz(request: tuple[str, str, dict[str, str], bytes]) -> None:
        nonlocal sent
        sent += 1
        method, target, headers, body = request
        with contextlib.suppress(httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
            status = _ask(http, method, target, headers, body)
            assert status not in (500, 501), (method, target, headers, body)

    transport = httpx.HTTPTransport(uds=str(runner.socket))
    with httpx.Client(transport=transport, base_url="http://runner") as http:
        _ask(http, "GET", "/v1/stats", {}, b"")
        before = memory(runner.pid)
        fuzz()
        assert memory(runner.pid) - before < MAY_GROW
        assert http.get("/v1/info", timeout=10).status_code == 200
    assert sent >= 400
    assert "Traceback" not in runner.log.read_text()


def _connect(runner: RunnerProcess) -> socket.socket:
    line = socket.socket(socket.AF_UNIX)
    line.connect(str(runner.socket))
    line.settimeout(20)
    return line


def _cut(line: socket.socket) -> bytes:
    """What is said until the runner ends the connection."""
    said = b""
    with contextlib.suppress(ConnectionError):
        while part := line.recv(65536):
            said += part
    return said


@pytest.mark.parametrize(
    "head",
    [
        b"G",
        b"GET /v1/info HTTP/1.1\r\nHost: x\r\n",
        b"GET /v1/info HTTP/1.1\r\nHost: x\r\n\r\nGET /v1/in",
        b"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{",
        b"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
        b"PUT /v1/trees/%s HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{" % DIGEST.encode(),
    ],
)
def test_what_dawdles_is_cut(runner: RunnerProcess, head: bytes) -> None:
    with _connect(runner) as line:
        line.sendall(head)
        began = time.monotonic()
        said = _cut(line)
    assert time.monotonic() - began < 10
    assert b"408" in said or not head.startswith(b"P")


def test_a_body_that_drips_is_cut_though_it_is_never_silent(runner: RunnerProcess) -> None:
    with _connect(runner) as line:
        line.sendall(b"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        line.settimeout(0.1)
        said = b""

        def dripped() -> bool:
            nonlocal said
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                line.sendall(b"1\r\n \r\n")
            with contextlib.suppress(TimeoutError, ConnectionResetError):
                said += line.recv(65536)
            return bool(said)

        wait_for(dripped, "the body to be cut", 10)
    assert said.startswith(b"HTTP/1.1 408")


def test_a_body_over_its_limit_is_cut_where_it_goes_over(runner: RunnerProcess) -> None:
    with _connect(runner) as line:
        line.sendall(b"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        sent, piece = 0, b"10000\r\n" + b" " * 65536 + b"\r\n"
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            while sent < 200 << 20:
                line.sendall(piece)
                sent += 65536
        said = _cut(line)
    assert said.startswith(b"HTTP/1.1 413")
    assert sent < 16 << 20


def test_a_flood_of_headers_is_refused(runner: RunnerProcess) -> None:
    with _connect(runner) as line:
        line.sendall(b"GET /v1/info HTTP/1.1\r\nHost: x\r\n")
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for number in range(200_000):
                line.sendall(b"X-%d: y\r\n" % number)
        said = _cut(line)
    assert said.startswith(b"HTTP/1.1 400") or not said


def test_one_person_cannot_have_all_connections_and_memory_stays(runner: RunnerProcess) -> None:
    before = memory(runner.pid)
    lines = [_connect(runner) for _ in range(1200)]
    try:
        for line in lines:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                line.sendall(b"GET /v1/info HTTP/1.1\r\nHost: x\r\nX-Filler: " + b"x" * 8000)
        # Those that go beyond are closed at once, all others when they dawdle.
        wait_for(lambda: _closed(lines[-1]), "the connections beyond a thousand to be closed", 10)
        wait_for(lambda: _closed(lines[0]), "the others to be cut", 20)
    finally:
        for line in lines:
            line.close()
    with runner.http() as http:
        assert http.get("/v1/info").status_code == 200
    assert memory(runner.pid) - before < MAY_GROW
    assert "Traceback" not in runner.log.read_text()


def _closed(line: socket.socket) -> bool:
    line.setblocking(False)
    try:
        return not line.recv(1)
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def test_large_bodies_of_one_person_are_not_kept_all_at_once(runner: RunnerProcess) -> None:
    before = memory(runner.pid)
    with contextlib.ExitStack() as stack:
        lines = [stack.enter_context(_connect(runner)) for _ in range(8)]
        for line in lines:
            head = b"PUT /v1/trees/%s HTTP/1.1\r\nHost: x\r\nContent-Length: 268435456\r\n\r\n" % DIGEST.encode()
            line.sendall(head)
            line.settimeout(0.2)
        for line in lines:
            with contextlib.suppress(TimeoutError, BrokenPipeError, ConnectionResetError):
                for _ in range(24):
                    line.sendall(b" " * (1 << 20))
        # One of them is read, the rest wait at eight megabytes.
        assert memory(runner.pid) - before < (8 * 9 + 2 * 24) << 20
