"""Two people on one shared host: by no route does either find, read or change what the other keeps to themselves."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from runner.models import BLOB_FRAME, JobState, TreeEntry, manifest_of
from tests.support.people import People, two_people
from tests.unit.test_documents import routes

pytestmark = [pytest.mark.docker, pytest.mark.sshd, pytest.mark.accounts]
# In the name or content of all that is Alice's own: whoever reads it has seen something that is not theirs.
MARK = "qzxv"
SECRET = f"{MARK} alice alone\n".encode() * 100
CODE = f"print('{MARK}')\n".encode()


@dataclass(frozen=True)
class Host:
    """What there is on the host: Alice's things, by the names that Mallory might guess."""

    people: People
    names: dict[str, str]

    def fill(self, value: Any) -> Any:
        """`value` with ``{job}`` and the like filled in."""
        if isinstance(value, dict):
            return {key: self.fill(one) for key, one in value.items()}
        if isinstance(value, list):
            return [self.fill(one) for one in value]
        return value.format(**self.names) if isinstance(value, str) else value


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory, docker_image: str) -> Iterator[Host]:
    """Alice has a bit of everything; Mallory has a project and a dataset of the plainest kind."""
    with two_people(tmp_path_factory.mktemp("people"), docker_image) as people:
        yield Host(people, _furnish(people))


def _furnish(people: People) -> dict[str, str]:
    alice, mallory = people.alice.api, people.mallory.api
    code = alice.upload({f"{MARK}.py": CODE})
    alice.dataset(f"{MARK}-data", {f"{MARK}.bin": SECRET})
    alice.dataset("open", {"all.txt": b"for all\n"})
    alice.ask("PATCH", "/v1/dataset", {"public": True}, name="open")
    project = f"{MARK}-work"
    alice.launch(f'echo {MARK} >out; echo \'{{"metric": "{MARK}", "value": 1}}\'', project, code=code)
    done = alice.ended(f"{project}/1")
    assert done.state is JobState.SUCCEEDED, done
    alice.launch(f"echo {MARK}; echo {MARK} >out; sleep 600", project, code=code)
    alice.prints(f"{project}/2", MARK.encode())
    fetch = alice.ask("POST", f"/v1/datasets/{MARK}-net/fetches", {"url": f"http://192.0.2.1/{MARK}"})
    alice.dataset(f"{MARK}-gone", {"gone": CODE})
    alice.ask("DELETE", "/v1/dataset", name=f"{MARK}-gone")
    mallory.dataset("mine", {"mine": b"mallory's\n"})
    alice.ask("PUT", f"/v1/secrets/{MARK}_KEY", {"value": f"{MARK} of Alice"})
    name = people.alice.name
    return {
        "alice": name,
        "secret": f"{MARK}_KEY",
        "done": f"{name}/projects/{project}/1",
        "running": f"{name}/projects/{project}/2",
        "project": f"{name}/projects/{project}",
        "data": f"{name}/datasets/{MARK}-data",
        "gone": f"{name}/datasets/{MARK}-gone",
        "fetch": fetch["id"],
        "blob": hashlib.sha256(SECRET).hexdigest(),
        "tree": alice.ask("GET", "/v1/dataset", name=f"{MARK}-data")["versions"][0]["tree"],
        "code": code,
        "output": done.output or "",
    }


@dataclass(frozen=True)
class Try:
    """A request of Mallory's for something of Alice's, which is to end as if there were no such thing.

    `query` and `body` may hold ``{job}`` and the like; `path` what stands in the address for its braces.
    """

    query: dict[str, str] = field(default_factory=dict)
    body: Any = None
    content: bytes | None = None
    path: dict[str, str] = field(default_factory=dict)
    status: int = 404

    def make(self, host: Host, method: str, address: str) -> httpx.Response:
        """Mallory's request."""
        url = address.format(**{key: host.fill(value) for key, value in self.path.items()})
        body = {"json": host.fill(self.body)} if self.body is not None else {"content": self.content}
        answer = host.people.mallory.api.http.request(method, url, params=host.fill(self.query), **body)
        return answer


@dataclass(frozen=True)
class Look:
    """A request that is answered, and the answer holds nothing of Alice's. `lines` of a stream are read."""

    query: dict[str, str] = field(default_factory=dict)
    body: Any = None
    content: bytes | None = None
    path: dict[str, str] = field(default_factory=dict)
    lines: int = 0


EMPTY = hashlib.sha256(b"").hexdigest()
LAUNCH = {"project": "p", "command": "true"}
ALL_SOURCES = ("{data}/1", "{done}", "{done}/code", "{running}", "{running}/code", "{done}/output/out")
# Of every route what Mallory tries there. A route that is not named here fails the test below.
TABLE: dict[str, list[Try | Look]] = {
    "GET /v1/info": [Look()],
    "GET /v1/openapi.json": [Look()],
    "GET /v1/projects": [Look()],
    "PUT /v1/projects/{name}": [Look(path={"name": "p"}, body={})],
    "GET /v1/jobs": [Look(), Try({"project": "{project}"}), Look({"state": "running"})],
    "GET /v1/jobs/curves": [Look({"name": "{done}"}), Look({"name": "{running}"})],
    "POST /v1/jobs": [
        *(Try(body={**LAUNCH, "mounts": [{"source": s, "destination": "x"}]}) for s in ALL_SOURCES),
        *(Try(body={**LAUNCH, "code_from": name}) for name in ("{done}", "{running}")),
        *(Try(body={**LAUNCH, "after": [name]}) for name in ("{done}", "{running}")),
        Try(body={**LAUNCH, "secrets": [{"name": "{secret}", "variable": "X"}]}),
        *(Try(body={**LAUNCH, "code": digest}) for digest in ("{code}", "{tree}", "{output}")),
    ],
    "POST /v1/jobs/check": [
        *(Try(body={**LAUNCH, "mounts": [{"source": s, "destination": "x"}]}) for s in ALL_SOURCES),
        Try(body={**LAUNCH, "code_from": "{done}"}),
        Try(body={**LAUNCH, "code": "{code}"}),
    ],
    "GET /v1/job": [Try({"name": "{done}"}), Try({"name": "{running}"}), Try({"name": "{project}"})],
    "POST /v1/job/stop": [Try({"name": "{running}"}), Try({"name": "{done}"})],
    "PATCH /v1/job": [
        Try({"name": "{running}"}, {"held": True}),
        Try({"name": "{done}"}, {"priority": 1}),
        Try({"name": "{done}"}, {"tags": ["x"]}),
    ],
    "GET /v1/job/usage": [Try({"name": "{running}"}), Try({"name": "{done}"})],
    "DELETE /v1/job": [Try({"name": "{done}"}), Try({"name": "{running}"})],
    "GET /v1/job/logs": [
        Try({"name": "{done}"}),
        Try({"name": "{running}"}),
        Try({"name": "{running}", "follow": "1"}),
    ],
    "GET /v1/job/metrics": [Try({"name": "{done}"}), Try({"name": "{running}"})],
    "GET /v1/lineage": [*(Try({"name": name}) for name in ("{done}", "{data}/1")), Look({"name": "datasets/mine/1"})],
    "GET /v1/files": [Try({"source": s, "recursive": "1"}) for s in ALL_SOURCES],
    "POST /v1/contents": [Try({"source": s}, body=["out"]) for s in ALL_SOURCES],
    "GET /v1/content": [Try({"source": s, "path": "out"}) for s in ALL_SOURCES],
    "GET /v1/datasets": [Look()],
    "GET /v1/dataset": [Try({"name": "{data}"})],
    "POST /v1/datasets/{name}/versions": [
        *(Try(path={"name": "p"}, body={"source": s}) for s in ALL_SOURCES),
        *(Try(path={"name": "p"}, body={"tree": digest}) for digest in ("{code}", "{tree}", "{output}")),
        Try(path={"name": "{data}"}, body={"tree": EMPTY}),
        Try(path={"name": "{alice}/datasets/open"}, body={"tree": EMPTY}, status=403),
    ],
    "POST /v1/datasets/{name}/fetches": [
        Try(path={"name": "{data}"}, body={"url": "http://192.0.2.1/x"}),
        Try(path={"name": "p"}, body={"url": "http://127.0.0.1/x"}, status=403),
    ],
    "GET /v1/fetches": [Look()],
    "GET /v1/fetch": [Try({"id": "{fetch}"}), Try({"id": "{fetch}", "follow": "1"})],
    "DELETE /v1/fetch": [Try({"id": "{fetch}"})],
    "PATCH /v1/dataset": [
        Try({"name": "{data}"}, {"public": True}),
        Try({"name": "{alice}/datasets/open"}, {"description": "mine"}, status=403),
    ],
    "DELETE /v1/dataset": [
        Try({"name": "{data}"}),
        Try({"name": "{data}/1"}),
        Try({"name": "{alice}/datasets/open"}, status=403),
    ],
    "GET /v1/dataset/uses": [Try({"name": "{data}"}), Look({"name": "{alice}/datasets/open"})],
    "GET /v1/diff": [
        Try({"old": "{data}/1", "new": "mine/1"}),
        Try({"old": "mine/1", "new": "{done}"}),
    ],
    # What takes the disk is told of all people's things together: on a shared host to its administrator alone.
    "GET /v1/gc": [Try(status=403)],
    "POST /v1/gc": [Try(status=403)],
    "GET /v1/trash": [Look()],
    "POST /v1/trash/restore": [
        *(Try({"name": name}) for name in ("{done}", "{gone}", "{data}", "{data}/1")),
    ],
    "DELETE /v1/gc": [Try(status=403)],
    "POST /v1/fsck": [Try(status=403)],
    "DELETE /v1/fsck": [Try(status=403)],
    "GET /v1/secrets": [Look(), Look({"project": "{project}"})],
    "PUT /v1/secrets/{name}": [Look({"project": "p"}, path={"name": "MINE"}, body={"value": "mallory's"})],
    "DELETE /v1/secrets/{name}": [Try(path={"name": "{secret}"}), Try({"project": "p"}, path={"name": "{secret}"})],
    "GET /v1/environments": [Look()],
    "GET /v1/stats": [Look(), Look({"follow": "1"}, lines=2)],
    "GET /v1/events": [Look(lines=1)],
    "PUT /v1/trees/{digest}": [Look(path={"digest": EMPTY}, content=b"")],
    "GET /v1/trees/{digest}/status": [Try(path={"digest": d}) for d in ("{code}", "{tree}", "{output}")],
    "GET /v1/trees/{digest}": [
        *(Try({"source": "mine/1"}, path={"digest": d}) for d in ("{code}", "{tree}", "{output}")),
        Try({"source": "{data}/1"}, path={"digest": "{tree}"}),
    ],
    "POST /v1/blobs": [Look(content=b"")],
    "GET /v1/parts/{digest}": [Try(path={"digest": "{blob}"}, status=200)],
    "DELETE /v1/parts/{digest}": [Try(path={"digest": "{blob}"})],
    "POST /v1/parts/{digest}": [Try({"sent_as": "{blob}"}, path={"digest": "{blob}"})],
}


def test_every_route_is_in_the_table() -> None:
    assert {f"{method} {path}" for method, path in routes()} == set(TABLE)


@pytest.mark.parametrize("route", TABLE)
def test_nothing_of_alices_is_there_for_mallory(host: Host, route: str) -> None:
    method, address = route.split()
    for trial in TABLE[route]:
        if isinstance(trial, Try):
            _check_none(host, method, address, trial)
        else:
            _check_look(host, method, address, trial)


def _check_none(host: Host, method: str, address: str, trial: Try) -> None:
    answer = trial.make(host, method, address)
    assert answer.status_code == trial.status, (trial, answer.text)
    if trial.status in (200, 404):
        # Word for word what it says of things that are not there at all.
        absent = _absent(host)
        fiction = trial.make(absent, method, address)
        assert _without(answer.text, host) == _without(fiction.text, absent), trial


DIGESTS = ("blob", "tree", "code", "output")


def _absent(host: Host) -> Host:
    """Names like Alice's of things that nobody has."""
    names = {key: value.replace(MARK, "qzvx") for key, value in host.names.items()}
    return Host(host.people, {**names, "fetch": "0" * 8, **{key: names[key][::-1] for key in DIGESTS}})


def _without(text: str, host: Host) -> str:
    for key in DIGESTS:
        # Errors name digests by their first twelve digits.
        text = text.replace(host.names[key], f"<{key}>").replace(host.names[key][:12], f"<{key}>")
    return text.replace(host.names["fetch"], "<fetch>").replace("qzvx", MARK)


def _check_look(host: Host, method: str, address: str, look: Look) -> None:
    url = address.format(**look.path)
    body = {"json": look.body} if look.body is not None else {"content": look.content}
    with host.people.mallory.api.http.stream(method, url, params=host.fill(look.query), **body) as answer:
        lines = itertools.islice(answer.iter_lines(), look.lines or None)
        text = "\n".join(lines)
    assert answer.status_code in (200, 201), text
    for own in (MARK, *(host.names[key] for key in ("blob", "tree", "code", "output", "fetch"))):
        assert own not in text, (look, text)


def test_events_tell_each_their_own(host: Host) -> None:
    people = host.people
    seen: list[str] = []
    began = threading.Event()

    def listen() -> None:
        with people.mallory.api.http.stream("GET", "/v1/events", timeout=30) as answer:
            for line in answer.iter_lines():
                began.set()
                seen.append(line)
                if "the last of them" in line:
                    return

    listening = threading.Thread(target=listen)
    listening.start()
    assert began.wait(10)
    alice = people.alice.api
    alice.ask("PUT", f"/v1/projects/{MARK}-other", {})
    alice.dataset(f"{MARK}-news", {"a": SECRET})
    job = alice.launch(f"echo {MARK}", f"{MARK}-other")
    alice.ended(job.short)
    alice.ask("DELETE", "/v1/job", name=job.short)
    alice.ask("DELETE", "/v1/dataset", name=f"{MARK}-news")
    alice.ask("PATCH", "/v1/dataset", {"description": "the last of them"}, name="open")
    listening.join(20)
    told = [json.loads(line) for line in seen]
    assert all(event["job"] is None and event["removed"] is None and event["fetch"] is None for event in told), seen
    assert {event["dataset"]["name"] for event in told if event["dataset"]} == {"open"}
    assert MARK not in "".join(seen)


def test_what_was_public_is_lost_to_others_at_once_when_it_is_not_any_more(host: Host) -> None:
    alice, mallory = host.people.alice.api, host.people.mallory.api
    for name in ("shown", "goes", "moves"):
        alice.dataset(name, {"a": b"for all\n"})
        alice.ask("PATCH", "/v1/dataset", {"public": True}, name=name)
    of = f"{host.people.alice.name}/datasets"
    with mallory.http.stream("GET", "/v1/events", timeout=30) as answer:
        lines = answer.iter_lines()
        next(lines)  # a sign of life: from here on all is told
        alice.ask("PATCH", "/v1/dataset", {"public": False}, name="shown")
        alice.ask("DELETE", "/v1/dataset", name="goes")
        alice.ask("PATCH", "/v1/dataset", {"name": "moved", "public": False}, name="moves")
        # What was private all along goes without a word to others.
        alice.dataset("hidden", {"a": b"alice's\n"})
        alice.ask("DELETE", "/v1/dataset", name="hidden")
        alice.ask("PATCH", "/v1/dataset", {"description": "as it was"}, name="open")
        told = [json.loads(line) for line in itertools.islice(lines, 4)]
    assert [event["removed"] for event in told[:3]] == [f"{of}/shown", f"{of}/goes", f"{of}/moves"]
    assert told[3]["dataset"]["name"] == "open"


def test_alices_things_are_untouched_by_all_that(host: Host) -> None:
    alice = host.people.alice.api
    assert alice.job(host.names["running"]).state is JobState.RUNNING
    assert alice.job(host.names["done"]).state is JobState.SUCCEEDED
    assert alice.content(host.names["data"] + "/1", f"{MARK}.bin") == SECRET
    assert alice.ask("GET", "/v1/dataset", name=host.names["data"])["public"] is False
    assert alice.content(host.names["done"], "out") == f"{MARK}\n".encode()
    assert alice.ask("GET", "/v1/fetch", id=host.names["fetch"])["owner"] == host.people.alice.name


def test_a_digest_is_no_key(host: Host) -> None:
    """Who knows what a file of Alice's is called in the store is asked to send it like anybody else."""
    mallory = host.people.mallory.api
    digest, manifest = manifest_of([TreeEntry("stolen", "file", len(SECRET), host.names["blob"])])
    told = mallory.http.put(f"/v1/trees/{digest}", content=manifest).json()
    assert [one["digest"] for one in told["missing"]] == [host.names["blob"]]
    assert told["lacking_bytes"] == len(SECRET)
    # Neither the wrong bytes nor none make it theirs, and the same is said of a blob that nobody has.
    for blob in (host.names["blob"], hashlib.sha256(b"nobody's").hexdigest()):
        frame = BLOB_FRAME.pack(bytes.fromhex(blob), 0, len(SECRET), 0, len(SECRET))
        answer = mallory.http.post("/v1/blobs", content=frame + b"x" * len(SECRET))
        assert (answer.status_code, blob[:12] in answer.text) == (400, True)
        empty = BLOB_FRAME.pack(bytes.fromhex(blob), 0, len(SECRET), 0, 0)
        assert mallory.http.post("/v1/blobs", content=empty).status_code == 200
        late = BLOB_FRAME.pack(bytes.fromhex(blob), 0, len(SECRET), len(SECRET) - 1, 1)
        assert mallory.http.post("/v1/blobs", content=late + SECRET[-1:]).status_code == 409
    assert host.people.mallory.status("GET", f"/v1/trees/{digest}/status") == 200
    assert mallory.ask("GET", f"/v1/trees/{digest}/status")["lacking"] == 1
    assert host.people.mallory.status("POST", "/v1/datasets/loot/versions", json={"tree": digest}) == 409


def test_storing_what_another_has_costs_what_it_would_cost_otherwise(host: Host) -> None:
    """Else the time it takes, or the disk's free space, would tell that somebody has it."""
    folder = host.people.runner.data_dir
    shared, fresh = os.urandom(1 << 20), os.urandom(1 << 20)
    host.people.alice.api.upload({"model": shared})
    for content in (shared, fresh):
        before = _bytes_of(folder)
        host.people.mallory.api.upload({"guess": content})
        assert _bytes_of(folder) - before >= len(content)


def _bytes_of(folder: Path) -> int:
    return sum(path.stat().st_size for part in ("blobs", "partial", "trash") for path in (folder / part).rglob("*"))


def test_what_is_public_is_for_all_to_read_and_mount(host: Host) -> None:
    mallory, name = host.people.mallory.api, f"{host.people.alice.name}/datasets/open"
    assert mallory.content(f"{name}/1", "all.txt") == b"for all\n"
    mount = {"source": name, "destination": "open"}
    mallory.ask("POST", "/v1/jobs", {"project": "reads", "command": "cat /floyd/input/open/*", "mounts": [mount]})
    assert mallory.follow("reads/1")[0] == b"for all\n"
    mallory.ask("POST", "/v1/datasets/taken/versions", {"source": f"{name}/1"})
    assert mallory.content("taken/1", "all.txt") == b"for all\n"


def test_a_job_runs_as_its_owner(host: Host) -> None:
    import pwd

    entry = pwd.getpwnam(host.people.mallory.name)
    mallory = host.people.mallory.api
    mallory.launch("id -u; id -g; echo $USER", "whoami")
    assert mallory.follow("whoami/1")[0].decode().split() == [str(entry.pw_uid), str(entry.pw_gid), entry.pw_name]


def test_the_runners_folder_is_closed_to_all_others(host: Host) -> None:
    folder = host.people.runner.data_dir
    assert folder.stat().st_mode & 0o077 == 0
    for path in (folder / "runner.db", folder / "jobs", folder / "blobs", folder / "trees"):
        assert path.stat().st_mode & 0o077 == 0, path


def test_names_are_the_kernels_and_nothing_that_is_sent(host: Host) -> None:
    headers = {"X-Remote-User": host.people.alice.name, "Authorization": "Basic cm9vdDo=", "X-Forwarded-For": "root"}
    for person in (host.people.alice, host.people.mallory):
        answer = person.api.http.get("/v1/info", headers=headers, params={"owner": "root", "uid": "0"})
        assert answer.json()["owner"] == person.name


def test_the_administrator_keeps_house(host: Host) -> None:
    with host.people.runner.http() as root:
        assert root.get("/v1/gc").status_code == 200
        # To run the host is not to read in it: root's own view is that of any other person.
        assert root.get("/v1/job", params={"name": host.names["done"]}).status_code == 404
