"""known_hosts: what is known of whom, and lines that OpenSSH itself reads back."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from floyd_tui.client.known_hosts import KnownHosts
from tests.support.sshd import make_key

pytestmark = pytest.mark.sshd  # ssh-keygen comes with it


def public(folder: Path, name: str) -> str:
    return " ".join(make_key(folder / name).with_suffix(".pub").read_text().split()[:2])


def test_added_keys_are_found_by_name_and_port(tmp_path: Path) -> None:
    file = tmp_path / "deep/known_hosts"
    known = KnownHosts([str(file)], [str(tmp_path / "none")])
    key = public(tmp_path, "a")
    assert known.about("gpu1", 22) == []
    assert known.add("gpu1", 2222, key) == file
    assert [str(line) for line in known.about("gpu1", 2222)] == [f"{file}, line 1"]
    assert known.about("gpu1", 22) == []
    known.add("gpu1", 22, key)
    assert len(known.about("gpu1", 22)) == 1
    assert file.read_text().splitlines() == [f"[gpu1]:2222 {key}", f"gpu1 {key}"]
    found = subprocess.run(["ssh-keygen", "-F", "[gpu1]:2222", "-f", file], capture_output=True, text=True, check=True)
    assert key in found.stdout
    assert file.parent.stat().st_mode & 0o777 == 0o700


def test_a_last_line_without_an_end_is_not_run_into(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    one, two = public(tmp_path, "a"), public(tmp_path, "b")
    file.write_text(f"gpu1 {one}")
    KnownHosts([str(file)]).add("gpu2", 22, two)
    assert file.read_text() == f"gpu1 {one}\ngpu2 {two}\n"


def test_hashed_names_are_found_and_bad_lines_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(f"nonsense\n|1|broken\n# a comment\n[gpu1]:2222 {public(tmp_path, 'a')}\n")
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", file], capture_output=True, check=False)
    file.write_text("nonsense\n" + file.read_text())
    assert len(KnownHosts([str(file)]).about("gpu1", 2222)) == 1
    assert KnownHosts([str(file)]).load() is not None


def test_an_authority_is_no_key_of_the_host(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    key = public(tmp_path, "a")
    file.write_text(f"@cert-authority * {key}\n@revoked * {key}\n")
    assert KnownHosts([str(file)]).about("gpu1", 22) == []
