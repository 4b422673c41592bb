"""`floyd-runner fsck` on a real store: damage is found, named, set aside and healed by the next upload."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import pty
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from floyd_tui.config import Config, HostConfig
from runner.errand import Course
from runner.models import FsckStep, TreeEntry, manifest_of
from runner.store.db import Database
from runner.store.fsck import Check
from tests.support.api import Api, Refused, mount
from tests.support.runner import RunnerProcess
from tests.support.shell import Shell

FILES = {"bad": b"bad bytes", "good": b"good"}
SHOWS = "cat ${FLOYD_INPUT:-/floyd/input}/d/bad"
FSCK = [sys.executable, "-m", "runner", "fsck", "--data-dir"]


def fsck(runner: RunnerProcess, *words: str, code: int = 0) -> str:
    done = subprocess.run([*FSCK, str(runner.data_dir), *words], capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def damage(runner: RunnerProcess) -> list[tuple[str, str, tuple[str, ...]]]:
    """What a check beside the runner finds, as the command does it: digest, what it is, and what it touches."""
    db = Database(runner.data_dir / "runner.db")
    try:
        report = asyncio.run(Check(runner.data_dir, db, Course(FsckStep())).run())
    finally:
        db.close()
    return [(one.digest, f"{one.part} {one.what}", one.touches) for one in report.damage]


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def blob(runner: RunnerProcess, data: bytes) -> Path:
    return runner.data_dir / "blobs" / sha(data)[:2] / sha(data)


def flip(path: Path) -> None:
    """Change one byte of a stored file where it lies."""
    path.chmod(0o600)
    data = path.read_bytes()
    path.write_bytes(bytes([data[0] ^ 1]) + data[1:])
    path.chmod(0o444)


@pytest.fixture
def shell(tmp_path: Path, runner: RunnerProcess) -> Shell:
    """A prompt in a folder ``d`` tied to the dataset of that name."""
    Config.load(tmp_path / "config").with_host(HostConfig("local", data_dir=str(runner.data_dir)))
    (tmp_path / "d").mkdir()
    for name, data in FILES.items():
        (tmp_path / "d" / name).write_bytes(data)
    return Shell(tmp_path / "d", tmp_path / "config")


def upload(shell: Shell) -> None:
    shell("data", "upload", str(shell.folder), "--name", "d")


def test_a_flipped_byte_is_named_and_the_next_upload_heals_it(runner: RunnerProcess, shell: Shell) -> None:
    with runner.http() as http:
        api = Api(http)
        api.dataset("d", FILES)
        api.launch(SHOWS, code=api.upload({"other": b"fine"}), mounts=(mount("d", "d"),))
        assert api.follow("p/1")[0] == b"bad bytes"
        owner = api.ended("p/1").owner
        assert "none is damaged" in fsck(runner)

        flip(blob(runner, b"bad bytes"))
        report: dict[str, Any] = json.loads(fsck(runner, "--json", code=1))
        (found,) = report["damage"]
        assert (found["digest"], found["what"]) == (sha(b"bad bytes"), "damaged")
        assert found["touches"] == [f"{owner}/datasets/d/1"]
        assert [path.name[:64] for path in (runner.data_dir / "quarantine").iterdir()] == [found["digest"]]
        assert "is missing; it touches" in fsck(runner, code=1), "until it is healed"

        with pytest.raises(Refused, match=r"'bad' of .*/d/1 is damaged or gone.* Upload the same files again"):
            api.launch(SHOWS, mounts=(mount("d", "d"),))
        said = shell("data", "get", "d", "bad", "--to", str(shell.folder.parent / "got"), code=1).stderr
        assert "'bad' of" in said
        assert "floyd-tui fsck" in said
        assert not (shell.folder.parent / "got" / "bad").exists()

        upload(shell)
        assert len(api.ask("GET", "/v1/dataset", name="d")["versions"]) == 1, "the same content is no new version"
        assert damage(runner) == []
        assert api.content("d/1", "bad") == b"bad bytes"
        api.launch(SHOWS, mounts=(mount("d", "d"),))
        assert api.follow("p/2")[0] == b"bad bytes", "the links that jobs mount are made anew"
        api.ended("p/2")
        api.ask("POST", "/v1/gc")
        assert api.content("d/1", "bad") == b"bad bytes"
        assert not list((runner.data_dir / "mounts").glob("*.damaged.*"))
        assert not list((runner.data_dir / "quarantine").iterdir()), "healed, it is of no use any more"
        assert damage(runner) == []


def test_bytes_that_changed_on_the_disk_are_refused_by_who_fetches_them(runner: RunnerProcess, shell: Shell) -> None:
    with runner.http() as http:
        Api(http).dataset("d", FILES)
    to = shell.folder.parent / "got"
    flip(blob(runner, b"bad bytes"))
    said = shell("data", "get", "d", "bad", "--to", str(to), code=1).stderr
    assert "not what its digest says" in said
    assert "floyd-tui fsck" in said
    assert not (to / "bad").exists()
    blob(runner, b"good").chmod(0o600)
    os.truncate(blob(runner, b"good"), 2)
    assert "'good' of" in shell("data", "get", "d", "good", "--to", str(to), code=1).stderr
    assert not list(to.glob("*"))


def test_a_damaged_or_lost_manifest_is_named_and_sent_again(runner: RunnerProcess, shell: Shell) -> None:
    digest, _ = manifest_of([TreeEntry(name, "file", len(data), sha(data)) for name, data in FILES.items()])
    manifest = runner.data_dir / "trees" / digest[:2] / digest
    with runner.http() as http:
        api = Api(http)
        owner = api.ask("GET", "/v1/info")["owner"]
        for what, harm in (("damaged", flip), ("missing", Path.unlink)):
            api.dataset("d", FILES)
            harm(manifest)
            assert damage(runner) == [(digest, f"manifest {what}", (f"{owner}/datasets/d/1",))]
            for path in ("/v1/files", f"/v1/trees/{digest}"):
                with pytest.raises(
                    Refused, match=r"manifest of tree .* is damaged or gone.* Upload the same files again"
                ):
                    api.ask("GET", path, source="d/1")
            with pytest.raises(Refused, match="manifest"):
                api.launch("true", mounts=(mount("d", "d"),))
            assert f"The manifest {digest[:12]} is damaged" in shell("gc", "--dry-run").stderr
            report = api.ask("POST", "/v1/gc")
            assert report["damaged"] == [digest]
            assert blob(runner, b"good").exists(), "whatever may be in use stays"
        upload(shell)
        assert damage(runner) == []
        assert api.content("d/1", "good") == b"good"
        assert api.ask("POST", "/v1/gc")["damaged"] == []


def test_of_a_plain_and_an_executable_copy_one_that_is_good_repairs_the_other(runner: RunnerProcess) -> None:
    script = b"#!/bin/sh\necho whole\n"
    with runner.http() as http:
        api = Api(http)
        api.dataset("d", {"run": script})
        names = (f"{api.ask('GET', '/v1/info')['owner']}/datasets/d/1",)
        for number in range(1, 5):
            api.launch("${FLOYD_INPUT:-/floyd/input}/d/run", mounts=(mount("d", "d"),))
            assert api.follow(f"p/{number}")[0] == b"whole\n"
            api.ended(f"p/{number}")
            if number < 4:
                plain = blob(runner, script)
                copy = plain.with_name(plain.name + ".x")
                (flip if number < 3 else Path.unlink)(copy if number == 1 else plain)
                assert damage(runner) == [(sha(script), "blob repaired", names)], number
                assert damage(runner) == []


def test_it_finds_nothing_wrong_beside_uploads_and_collections(runner: RunnerProcess) -> None:
    ended, failures = threading.Event(), list[BaseException]()

    def beside() -> None:
        try:
            with runner.http() as http:
                api = Api(http)
                while not ended.is_set():
                    name = api.dataset("d", {f"{i}": os.urandom(500) for i in range(60)} | {"run": b"#!/bin/sh"})
                    api.ask("DELETE", "/v1/dataset", name=name)
                    api.ask("POST", "/v1/gc")
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=beside)
    thread.start()
    try:
        for _ in range(20):
            assert damage(runner) == []
    finally:
        ended.set()
        thread.join(60)
    assert not failures


def test_ctrl_c_ends_it_and_judges_nothing_that_was_not_read(runner: RunnerProcess) -> None:
    endless = runner.data_dir / "blobs" / "ff" / ("ff" * 32)
    with endless.open("wb") as file:
        file.truncate(1 << 40)  # sparse: a TiB that takes no room and an hour to read
    ours, theirs = pty.openpty()
    with subprocess.Popen([*FSCK, str(runner.data_dir)], stdout=subprocess.PIPE, stderr=theirs, text=True) as process:
        os.close(theirs)
        seen = b""
        while b"of 1.0 TiB" not in seen:
            seen += os.read(ours, 4096)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=20)
        while b"Interrupted" not in seen:
            seen += os.read(ours, 4096)
    os.close(ours)
    assert process.returncode == 130
    assert (out, endless.exists()) == ("", True)


def test_a_damaged_database_is_one_clear_sentence(runner: RunnerProcess) -> None:
    with runner.http() as http:
        Api(http).dataset("d", {f"{number:0200}": b"%d" % number for number in range(100)})
    runner.stop()
    database = runner.data_dir / "runner.db"
    whole = database.read_bytes()
    try:
        database.write_bytes(whole[: len(whole) // 2] + b"\xff" * (len(whole) - len(whole) // 2))
        done = subprocess.run([*FSCK, str(runner.data_dir)], capture_output=True, text=True, check=False)
    finally:
        database.write_bytes(whole)
    assert done.returncode == 2
    assert "runner.db cannot be used" in done.stderr
    assert "Restore it from a copy" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_without_a_store_is_one_clear_sentence(runner: RunnerProcess) -> None:
    done = subprocess.run([*FSCK, str(runner.data_dir / "nowhere")], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "no runner's data" in done.stderr
    assert "Traceback" not in done.stderr
