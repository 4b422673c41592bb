"""`floyd-runner fsck` on a real store: damage is found, named, set aside and healed by the next upload."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from typing import Any

from tests.support.api import Api, mount
from tests.support.runner import RunnerProcess


def fsck(runner: RunnerProcess, *words: str, code: int = 0) -> str:
    command = [sys.executable, "-m", "runner", "fsck", "--data-dir", str(runner.data_dir), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    return done.stdout


def flip(runner: RunnerProcess, data: bytes) -> str:
    """Change one byte of a blob where it lies; returns its digest."""
    digest = hashlib.sha256(data).hexdigest()
    path = runner.data_dir / "blobs" / digest[:2] / digest
    path.chmod(0o600)
    path.write_bytes(bytes([data[0] ^ 1]) + data[1:])
    path.chmod(0o444)
    return digest


def test_a_flipped_byte_is_named_and_the_next_upload_heals_it(runner: RunnerProcess) -> None:
    files = {"good": b"good", "bad": b"bad bytes"}
    with runner.http() as http:
        api = Api(http)
        assert api.dataset("d", files) == "d/1"
        shows = "cat ${FLOYD_INPUT:-/floyd/input}/d/bad"
        api.launch(shows, code=api.upload({"other": b"fine"}), mounts=(mount("d", "d"),))
        assert api.follow("p/1")[0] == b"bad bytes"
        owner = api.ended("p/1").owner
        assert "none is damaged" in fsck(runner)

        digest = flip(runner, b"bad bytes")
        report: dict[str, Any] = json.loads(fsck(runner, "--json", code=1))
        assert report["damage"] == [{"digest": digest, "what": "damaged", "touches": [f"{owner}/datasets/d/1"]}]
        assert [path.name[:64] for path in (runner.data_dir / "quarantine").iterdir()] == [digest]
        assert "is missing; it touches" in fsck(runner, code=1), "until it is healed"

        assert api.dataset("d", files) == "d/1", "the same content is no new version"
        assert "none is damaged" in fsck(runner)
        assert api.content("d/1", "bad") == b"bad bytes"
        api.launch(shows, mounts=(mount("d", "d"),))
        assert api.follow("p/2")[0] == b"bad bytes", "the links that jobs mount are made anew"
        api.ended("p/2")
        api.ask("POST", "/v1/gc")
        assert api.content("d/1", "bad") == b"bad bytes"
        assert not list((runner.data_dir / "mounts").glob("*.damaged.*"))
        assert "none is damaged" in fsck(runner)


def test_a_folder_without_a_store_is_one_clear_sentence(runner: RunnerProcess) -> None:
    command = [sys.executable, "-m", "runner", "fsck", "--data-dir", str(runner.data_dir / "nowhere")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "no runner's data" in done.stderr
    assert "Traceback" not in done.stderr
