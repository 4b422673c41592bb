"""What a job in a real container can reach and what not, and names that would hurt a shell."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.executors.base import Identity, Task
from runner.executors.container import ENTRY, ROOT_CAPABILITIES, container_config
from runner.models import Job, JobState, Mount, SecretUse
from tests.support.api import Api, Refused
from tests.support.people import People, two_people
from tests.support.require import DOCKER

pytestmark = [pytest.mark.docker, pytest.mark.sshd, pytest.mark.accounts]
KEPT = b"nobody is to see or change this\n"


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory, docker_image: str) -> Iterator[People]:
    """A shared runner, whose jobs run as accounts that are not root."""
    with two_people(tmp_path_factory.mktemp("containers"), docker_image) as found:
        yield found


@pytest.fixture
def api(people: People) -> Api:
    """As Alice."""
    return people.alice.api


def inspect(people: People) -> dict[str, Any]:
    """What the engine says of the newest container of the runner."""
    (newest, *_) = people.runner.containers()
    raw = subprocess.run([DOCKER, "inspect", newest], capture_output=True, check=True).stdout
    found: dict[str, Any] = json.loads(raw)[0]
    return found


def test_a_container_has_what_it_needs_and_no_more(people: People, api: Api) -> None:
    data = api.dataset("given", {"a": b"1"})
    api.ask("PUT", "/v1/secrets/TOKEN", {"value": "hunter2hunter2"})
    mounts, secrets = (Mount(data, "given"),), (SecretUse("TOKEN", "TOKEN"),)
    api.launch("grep -E '^(Cap|NoNewPrivs|Seccomp)' /proc/self/status; echo up; sleep 600", "tight", mounts=mounts,
               secrets=secrets)  # fmt: skip
    api.prints("tight/1", b"up")
    told = dict(line.split(":", 1) for line in api.log("tight/1").decode().splitlines() if ":" in line)
    assert {told[name].strip() for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert (told["NoNewPrivs"].strip(), told["Seccomp"].strip()) == ("1", "2")
    found = inspect(people)
    host, folder = found["HostConfig"], str(people.runner.data_dir)
    assert not any(host[name] for name in ("Privileged", "Devices", "DeviceRequests"))
    assert host["NetworkMode"].endswith(f"-{people.alice.name}")
    assert (host["PidMode"], host["UTSMode"], host["UsernsMode"]) == ("", "", "")
    assert host["IpcMode"] in ("private", "shareable")
    assert host["CapDrop"] == ["ALL"]
    assert host["SecurityOpt"] == ["no-new-privileges"]
    assert {mount["Source"].startswith(folder) for mount in found["Mounts"]} == {True}
    assert {mount["Destination"]: mount["RW"] for mount in found["Mounts"]} == {
        "/floyd/home": True, "/floyd/log": True, "/output": True, "/floyd/input/given": False, "/given": False,
        "/floyd/secrets": False,
    }  # fmt: skip
    assert "hunter2" not in json.dumps(found)
    api.stop("tight/1")


def test_a_job_of_roots_has_the_stated_capabilities(tmp_path: Path) -> None:
    job = Job("root", "p", 1, JobState.PREPARING, "true", 0.0)
    host = container_config(Task(job, tmp_path, Identity(0, 0, "root")), {}, ())["HostConfig"]
    stated = (Path(__file__).parents[2] / "docs" / "security.md").read_text()
    assert host["CapAdd"] == list(ROOT_CAPABILITIES)
    assert all(f"`{name}`" in stated for name in ROOT_CAPABILITIES)


ESCAPES = """
try() { "$@" 2>/dev/null && echo "ESCAPED: $*"; }
try mount -t tmpfs none /mnt; try chroot / true; try mknod /tmp/sda b 8 0; try cat /dev/sda; try ls /var/run/docker.sock
try dd if=/dev/mem count=1; try sh -c 'echo x >/proc/sys/kernel/hostname'; try sh -c 'echo 1 >/proc/sysrq-trigger'
try unshare -m true; try nsenter -t 1 -m true; try ls {data}; try cat /etc/shadow
try sh -c 'echo x >/floyd/input/given/a'; try rm /floyd/input/given/a; try chmod 777 /floyd/input/given/a
try touch /floyd/input/given/b; try mv /floyd/input/given /floyd/input/x; try ln /floyd/input/given/a /floyd/home/hard
try touch /floyd/x; try mv /floyd/log /floyd/home/log; try rm /floyd/log; try ln /floyd/log /floyd/home/loglink
[ -w /proc/1/root/floyd/input/given/a ] && echo ESCAPED
echo tried
"""


def test_a_job_cannot_leave_its_container(people: People, api: Api) -> None:
    data = api.dataset("given", {"a": KEPT})
    version = data.rpartition("/")[2]
    api.launch(ESCAPES.replace("{data}", str(people.runner.data_dir)), "escape", mounts=(Mount(data, "given"),))
    text, end = api.follow("escape/1")
    assert text == b"tried\n", text.decode()
    assert end.exit_code == 0
    assert api.content(f"given/{version}", "a") == KEPT


PLANTS = """
mkdir -p deep/er; cd deep/er; ln -s /etc/passwd passwd; ln -s {data}/runner.db db; ln -s . self; ln -s loop loop
ln -s /nowhere dangling; ln -s ../../../../../../../../../../etc up; ln -s {data}/blobs blobs; cd ../..
ln -s /etc etc; mkfifo pipe; mkdir real; echo mine >real/file; rm -rf output; ln -s {data}/jobs output
ln -s {victim} victim; ln -s {victim}/log victimlog; touch -h -d @1 etc; echo planted
"""


def test_planted_links_lead_nowhere(people: People, api: Api) -> None:
    mallory = people.mallory.api
    mallory.launch(f"echo {KEPT.decode().strip()} | tee secret", "hers")
    mallory.ended("hers/1")
    data = people.runner.data_dir
    victim = data / "jobs" / people.mallory.name / "hers" / "1"
    plants = PLANTS.replace("{data}", str(data)).replace("{victim}", str(victim))
    api.launch(f"{plants}sleep 600", "plants")
    api.prints("plants/1", b"planted")
    # Other tests make accounts meanwhile, so that of that file only owner and rights stay as they are.
    before = (victim / "log").read_bytes(), _rights(Path("/etc/passwd"))
    _read_all(api, "plants/1")
    api.stop("plants/1")
    assert api.ended("plants/1").state is JobState.STOPPED
    _read_all(api, "plants/1")
    assert api.files("plants/1")["victim"].target == str(victim)
    api.ask("POST", "/v1/datasets/taken/versions", {"source": "plants/1"})
    with pytest.raises(Refused, match="is a link"):
        api.ask("POST", "/v1/datasets/taken/versions", {"source": "plants/1/output/etc"})
    # Mounted in the next job they are links of that container, and lead to its own files.
    peeks = "cat /floyd/input/in/victimlog /floyd/input/in/deep/er/db"
    api.launch(peeks, "reads", mounts=(Mount("plants/1", "in"),))
    assert KEPT not in api.follow("reads/1")[0]
    api.ask("DELETE", "/v1/job", name="plants/1")
    assert ((victim / "log").read_bytes(), _rights(Path("/etc/passwd"))) == before
    assert mallory.content("hers/1", "secret") == KEPT


def _rights(path: Path) -> tuple[int, int, int]:
    found = path.lstat()
    return found.st_mode, found.st_uid, found.st_gid


def _read_all(api: Api, source: str) -> None:
    """Ask for everything below `source` in every way; nothing of what the links point to comes."""
    found = api.files(source)
    assert {"deep/er/passwd", "etc", "victim", "output", "real/file"} <= set(found)
    assert not any(path.startswith(("etc/", "victim/", "output/", "deep/er/self/")) for path in found)
    assert "pipe" not in found
    below = ["passwd", "db", "loop", "dangling", "self/self/passwd", "up/passwd"]
    paths = ["etc/passwd", "victim/log", "victimlog", "output/x", "pipe", *(f"deep/er/{name}" for name in below)]
    for path in paths:
        answer = api.http.get("/v1/content", params={"source": source, "path": path})
        assert answer.status_code in (400, 404), (path, answer.text)
        assert b"root:x" not in answer.content
        assert api.http.get("/v1/files", params={"source": source, "path": path}).status_code in (400, 404, 200)
    assert api.content(source, "real/file") == b"mine\n"


SWAPS = """
mkdir a; echo mine >a/shadow; ln -s /etc b; echo up
while :; do mv a c && mv b a && mv a b && mv c a; done
"""


def test_folders_swapped_for_links_while_they_are_read_lead_nowhere(people: People, api: Api) -> None:
    api.launch(SWAPS, "swaps")
    api.prints("swaps/1", b"up")
    seen = set()
    for _ in range(60):
        answer = api.http.get("/v1/content", params={"source": "swaps/1", "path": "a/shadow"})
        assert (answer.status_code, answer.content) == (200, b"mine\n") or answer.status_code == 404, answer.text
        seen.add(answer.status_code)
        listed = {file["path"] for file in api.ask("GET", "/v1/files", source="swaps/1", recursive=1)}
        assert not any(path.endswith(("/passwd", "/hostname")) for path in listed)
    assert 200 in seen
    api.stop("swaps/1")
    api.ended("swaps/1")
    api.ask("DELETE", "/v1/job", name="swaps/1")
    assert Path("/etc/passwd").exists()


def test_a_log_is_only_its_own_jobs(people: People, api: Api) -> None:
    api.launch("chmod 000 /floyd/log; echo hidden; : >/floyd/log; echo after", "logs")
    assert api.ended("logs/1").state is JobState.SUCCEEDED
    assert b"after" in api.log("logs/1")
    folder = people.runner.data_dir / "jobs" / people.alice.name / "logs" / "1"
    assert folder.stat().st_mode & 0o077 == 0
    as_mallory = ["setpriv", f"--reuid={people.mallory.name}", "--clear-groups", "cat", str(folder / "log")]
    assert subprocess.run(as_mallory, capture_output=True, check=False).returncode != 0


def test_words_that_would_hurt_a_shell_are_only_words(people: People, api: Api, tmp_path: Path) -> None:
    """End to end: of a command only the container's shell makes sense, of all else nobody does."""
    trap = tmp_path / "sprung"
    words = f"'; touch {trap}; \"$(touch {trap})`touch {trap}`\n& | > {trap} \\ * ~ ünd \U0001f600 -e --rm %s"
    env = {"A": words, "LD_PRELOAD": "", "IFS": "x"}
    api.launch('printf "%s" "$A"', "words", env=env, message=words)
    text, end = api.follow("words/1")
    assert (text.decode(), end.exit_code) == (words, 0)
    assert not trap.exists()
    for name in (words, "-v", "a b", "$(id)", "../x"):
        for body in ({"project": name, "command": "true"}, {"project": "p", "command": "true", "tags": [name]}):
            answer = api.http.post("/v1/jobs", json=body)
            assert answer.status_code == 400 or name == "-v", answer.text
        answer = api.http.post("/v1/jobs", json={"project": "p", "command": "true", "environment": name})
        assert answer.status_code in (400, 404) or api.ended(f"p/{answer.json()['number']}").state is JobState.FAILED
    assert not trap.exists()


NASTY = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@given(NASTY, NASTY, NASTY, st.from_regex(r"[\w.-]{1,20}"))
def test_what_people_write_stays_one_argument(command: str, value: str, message: str, project: str) -> None:
    job = Job("alice", project, 1, JobState.PREPARING, command, 0.0, message=message)
    task = Task(job, Path("/data/jobs/x"), Identity(1000, 1000, "alice"), env={"A": value})
    config = container_config(task, {"label": "x"}, ())
    assert config["Cmd"] == [command]
    assert f"A={value}" in config["Env"]
    assert config["Entrypoint"] == ["/bin/sh", "-c", ENTRY, "floyd"]
    assert all(mount["Source"].startswith("/data/jobs/x/") for mount in config["HostConfig"]["Mounts"])


def test_folders_of_the_host_are_seen_where_its_settings_say_so(people: People, tmp_path: Path) -> None:
    job = Job("alice", "p", 1, JobState.PREPARING, "true", 0.0)
    plain = Task(job, tmp_path, Identity(1000, 1000, "alice"), host_paths=("/data/public",))
    (shown,) = [m for m in container_config(plain, {}, ())["HostConfig"]["Mounts"] if m["Source"] == "/data/public"]
    assert shown == {"Type": "bind", "Source": "/data/public", "Target": "/data/public", "ReadOnly": True}
    rooted = Task(job, tmp_path, Identity(1000, 1000, "alice"), as_root=True, host_paths=("/data/public",))
    assert "/data/public" not in json.dumps(container_config(rooted, {}, ()))
