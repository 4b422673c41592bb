"""Looking after datasets from the command line, over a real runner: who uses them, who sees them, what differs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from floyd_tui.config import LOCAL, Config, HostConfig
from tests.support.api import Api, mount
from tests.support.runner import RunnerProcess
from tests.support.shell import Shell

# What another account of the host does: ask the runner's socket, with nothing but Python.
ASK = """
import http.client, json, os, socket, sys, encodings.idna
os.setgroups([]), os.setgid(65534), os.setuid(65534)
class Unix(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(sys.argv[1])
asking = Unix("runner")
asking.request(sys.argv[2], sys.argv[3], sys.argv[4] if len(sys.argv) > 4 else None)
answer = asking.getresponse()
print(json.dumps([answer.status, json.loads(answer.read() or "null")]))
"""


@pytest.fixture
def shell(tmp_path: Path, runner: RunnerProcess) -> Shell:
    folder = tmp_path / "work"
    folder.mkdir()
    Config.load(tmp_path / "config").with_host(HostConfig(LOCAL, data_dir=str(runner.data_dir)))
    return Shell(folder, tmp_path / "config")


@pytest.fixture
def digits(shell: Shell, tmp_path: Path) -> Path:
    """Two versions of a dataset, and the folder they came from."""
    data = tmp_path / "data"
    (data / "deep").mkdir(parents=True)
    (data / "one").write_text("1")
    (data / "deep" / "two").write_text("22")
    shell("data", "upload", str(data), "--name", "digits")
    (data / "one").write_text("one")
    (data / "deep" / "two").unlink()
    (data / "deep").rmdir()
    (data / "three").write_text("333")
    shell("data", "upload", str(data), "--name", "digits")
    return data


def test_versions_are_compared_listed_and_fetched_in_part(shell: Shell, digits: Path) -> None:
    assert shell.json("data", "diff", "digits/1", "digits/2") == [
        {"path": "deep/two", "change": "removed", "old_size": 2, "new_size": None},
        {"path": "one", "change": "changed", "old_size": 1, "new_size": 3},
        {"path": "three", "change": "added", "old_size": None, "new_size": 3},
    ]
    lines = shell("data", "diff", "digits/1", "digits").stdout.splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [["-", "deep/two"], ["~", "one"], ["+", "three"]]
    assert "same files" in shell("data", "diff", "digits/2", "digits").stderr
    assert [file["path"] for file in shell.json("data", "files", "digits")] == ["one", "three"]
    assert [file["path"] for file in shell.json("data", "files", "digits/1", "deep")] == ["deep/two"]
    shell("data", "get", "digits/1", "deep", "one", "--to", "came")
    assert (shell.folder / "came" / "deep" / "two").read_text() == "22"
    assert (shell.folder / "came" / "one").read_text() == "1"
    assert "no 'nowhere'" in shell("data", "get", "digits", "nowhere", code=1).stderr


def test_a_dataset_is_renamed_and_described(shell: Shell, digits: Path) -> None:
    shell("data", "describe", "digits", "Scans of digits")
    assert "numbers now" in shell("data", "rename", "digits", "numbers").stderr
    (one,) = shell.json("data", "ls")
    assert (one["name"], one["description"], len(one["versions"])) == ("numbers", "Scans of digits", 2)
    assert "no dataset" in shell("data", "ls", "digits", code=1).stderr
    shell("data", "upload", str(digits), "--name", "digits")
    assert "already" in shell("data", "rename", "digits", "numbers", code=1).stderr
    assert "dataset name" in shell("data", "rename", "digits", "no/such", code=1).stderr


def test_a_folder_is_tied_to_a_dataset_sent_and_fetched_whole(shell: Shell) -> None:
    data = shell.folder / "birds"
    data.mkdir()
    (data / "songs").write_text("wren\n")
    assert "tied to no dataset" in shell("data", "upload", cwd=data, code=1).stderr
    assert "the dataset birds" in shell("data", "init", cwd=data).stdout
    assert "the dataset owls" in shell("data", "init", "owls", cwd=data).stdout
    assert "New version: 1 file" in shell("data", "upload", "-m", "first", cwd=data).stderr
    assert "Unchanged since version 1" in shell("data", "upload", cwd=data).stderr
    (data / "songs").write_text("robin\n")
    assert shell("data", "upload", cwd=data).stdout == "owls/2\n"
    shell("data", "clone", "owls")
    assert (shell.folder / "owls" / "songs").read_text() == "robin\n"
    shell("data", "clone", "owls/1", "first")
    assert (shell.folder / "first" / "songs").read_text() == "wren\n"
    assert not (shell.folder / "first" / ".floyddata").exists()
    assert "--overwrite" in shell("data", "clone", "owls/2", "first", code=1).stderr


def test_a_part_of_an_output_becomes_a_dataset_and_no_byte_is_copied(shell: Shell, runner: RunnerProcess) -> None:
    with runner.http() as http:
        api = Api(http)
        job = api.launch("mkdir -p ckpt/deep && echo model > ckpt/deep/best.pt && echo log > log.txt", project="p")
        api.ended(job.name)
        blobs = {path: path.stat().st_ino for path in (runner.data_dir / "blobs").glob("*/*")}
        added = shell.json("data", "add", "p/1/output/ckpt", "--name", "best", "-m", "of the first")
        assert added["created"]
        assert added["version"]["source"] == f"{job.name}/output/ckpt"
        assert list(api.files("best/1")) == ["deep/best.pt"]
        assert {path: path.stat().st_ino for path in (runner.data_dir / "blobs").glob("*/*")} == blobs
    assert shell("data", "add", "p/1", "--name", "best").stdout == "best/2\n"
    assert "Unchanged since version 2" in shell("data", "add", "p/1/output", "--name", "best").stderr
    assert "not a folder" in shell("data", "add", "p/1/output/log.txt", "--name", "best", code=1).stderr
    assert "output/ckpt" in shell("data", "ls", "best").stdout


def test_what_a_running_job_uses_is_not_removed(shell: Shell, digits: Path, runner: RunnerProcess) -> None:
    with runner.http() as http:
        api = Api(http)
        job = api.launch("echo up; sleep 60", mounts=(mount("digits/1", "d"),))
        api.prints(job.name, b"up")
        refused = shell("data", "rm", "digits/1", "-y", code=1).stderr
        assert f"in use by {job.name}" in refused
        assert "in use" in shell("data", "rename", "digits", "numbers", code=1).stderr
        assert "in use" in shell("data", "rm", "digits", "-y", code=1).stderr
        assert "(version 1, running)" in shell("data", "ls", "digits").stderr
        assert "No job has used digits/2." in shell("data", "rm", "digits/2", "-y").stderr
        api.stop(job.name)
        api.ended(job.name)
    assert "Nobody is here to answer" in shell("data", "rm", "digits/1", code=1).stderr
    shell("data", "rm", "digits/1", "-y")
    assert shell.json("data", "ls", "digits")["versions"] == []
    added = shell.json("data", "upload", str(digits), "--name", "digits")
    assert added["version"]["version"] == 3, "a number names one content for ever"
    shell("data", "rm", "digits", "-y")
    assert "no dataset" in shell("data", "rm", "digits", "-y", code=1).stderr


def test_the_room_of_what_was_removed_is_freed(shell: Shell, digits: Path, runner: RunnerProcess) -> None:
    for twice in ("big", "same"):
        (digits / twice).write_bytes(bytes(range(256)) * (3 << 12))
    assert "3.0 MiB of it need not be sent" in shell("data", "upload", str(digits), "--name", "big").stderr
    assert "Nothing is to be freed" in shell("gc", "-y").stderr
    assert "have it back: floyd-tui data restore big" in shell("data", "rm", "big", "-y").stderr
    assert "big is there again" in shell("data", "restore", "big").stderr
    shell("data", "rm", "big", "-y")
    told = shell.json("gc", "--dry-run")
    deleted = next(kind for kind in told["kinds"] if kind["kind"] == "trash")
    assert told["dry_run"]
    assert deleted["free_size"] >= 3 << 20
    assert "Nobody is here to answer" in shell("gc", code=1).stderr
    done = shell("gc", "--yes")
    assert "deleted, can be restored" in done.stdout
    assert "3.0 MiB freed, 3.0 MiB of it deleted before; " in done.stderr
    assert max(path.stat().st_size for path in (runner.data_dir / "blobs").glob("*/*")) < 1 << 20
    shell("data", "get", "digits", "three")
    assert (shell.folder / "three").read_text() == "333"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_another_account_sees_what_is_shared_and_nothing_else(
    shell: Shell, digits: Path, runner: RunnerProcess
) -> None:
    # As on a shared host, where a group may open the socket.
    for path, mode in ((runner.data_dir.parent, 0o711), (runner.data_dir, 0o711), (runner.socket, 0o666)):
        path.chmod(mode)

    def nobody(method: str, path: str, body: str = "") -> tuple[int, object]:
        words = [sys.executable, "-c", ASK, str(runner.socket), method, path, body]
        done = subprocess.run(words, capture_output=True, check=True)
        status, answer = json.loads(done.stdout)
        return status, answer

    name = f"{shell.json('data', 'ls')[0]['owner']}/datasets/digits"
    assert nobody("GET", f"/v1/dataset?name={name}")[0] == 404
    shell("data", "share", "digits")
    assert shell.json("data", "ls")[0]["public"]
    status, seen = nobody("GET", f"/v1/dataset?name={name}")
    assert status == 200
    assert isinstance(seen, dict)
    assert seen["name"] == "digits"
    for method, body in (("PATCH", '{"public": false}'), ("DELETE", "")):
        assert nobody(method, f"/v1/dataset?name={name}", body)[0] == 403
    shell("data", "unshare", "digits")
    assert nobody("GET", f"/v1/dataset?name={name}")[0] == 404
    assert nobody("GET", f"/v1/dataset/uses?name={name}")[0] == 404
    assert nobody("GET", f"/v1/diff?old={name}/1&new={name}/2")[0] == 404
