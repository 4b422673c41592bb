"""A runner for many: its settings, the folder of its socket, and the names that people have there."""

from __future__ import annotations

import os
import pwd
import socket
from pathlib import Path

import pytest

from runner.api import common
from runner.errors import BadRequest, Unavailable
from runner.executors.base import Identity, Task
from runner.executors.container import container_name
from runner.models import Job, JobState
from runner.settings import Settings
from runner.shared import open_to, prepare_shared_folder


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("shared_socket: here.sock", "no absolute path"),
        ("shared_socket: /run/../etc/x", "no absolute path"),
        ("shared_socket: /run/f/s\nexecutor: process", "cannot be `process`"),
        ("shared_group: lab", "no shared_socket"),
        ("host_paths: [/]", "no absolute path"),
        ("host_paths: [data]", "no absolute path"),
    ],
)
def test_settings_that_cannot_be_are_refused(tmp_path: Path, text: str, named: str) -> None:
    (tmp_path / "runner.yml").write_text(text)
    with pytest.raises(BadRequest, match=named):
        Settings.load(tmp_path)


def test_a_shared_runner_answers_at_its_own_place(tmp_path: Path) -> None:
    (tmp_path / "runner.yml").write_text("shared_socket: /run/floyd-runner/runner.sock")
    settings = Settings.load(tmp_path)
    assert settings.shared
    assert settings.socket == Path("/run/floyd-runner/runner.sock")


@pytest.mark.parametrize("mode", [0o777, 0o775])
def test_a_folder_that_others_may_write_in_is_refused(tmp_path: Path, mode: int) -> None:
    loose = tmp_path / "loose"
    loose.mkdir()
    loose.chmod(mode)
    with pytest.raises(Unavailable, match=r"somebody else's to write in"):
        prepare_shared_folder(loose / "run")
    assert not list(loose.glob("run/*"))


@pytest.mark.parametrize(("mode", "then"), [(0o1777, 0o1777), (0o755, 0o755), (0o700, 0o755)])
def test_a_folder_is_made_passable_and_loses_nothing(tmp_path: Path, mode: int, then: int) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    folder.chmod(mode)
    prepare_shared_folder(folder)
    assert folder.stat().st_mode & 0o7777 == then


def test_the_socket_is_for_all_or_for_a_group(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        open_to(path, "")
        assert path.stat().st_mode & 0o777 == 0o666
        own = os.getgid()
        import grp

        open_to(path, grp.getgrgid(own).gr_name)
        assert (path.stat().st_mode & 0o777, path.stat().st_gid) == (0o660, own)
        with pytest.raises(Unavailable, match="none-such"):
            open_to(path, "none-such")


def test_nobody_is_called_as_somebody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    def entry(uid: int) -> pwd.struct_passwd:
        if uid not in (1001, 1002, 1003):
            raise KeyError(uid)
        name = {1001: "ada", 1002: "uid4000", 1003: "LAB\\ada"}[uid]
        return pwd.struct_passwd((name, "x", uid, uid, "", "/", "/bin/sh"))

    monkeypatch.setattr(pwd, "getpwuid", entry)
    monkeypatch.setattr(common, "_known", {})
    assert [common.owner_of(uid) for uid in (1001, 1002, 1003, 4000)] == ["ada", "uid1002", "uid1003", "uid4000"]


def test_an_account_that_was_not_found_is_looked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    known: dict[int, str] = {}

    def entry(uid: int) -> pwd.struct_passwd:
        return pwd.struct_passwd((known[uid], "x", uid, uid, "", "/", "/bin/sh"))

    monkeypatch.setattr(pwd, "getpwuid", entry)
    monkeypatch.setattr(common, "_known", {})
    assert common.owner_of(5000) == "uid5000"
    known[5000] = "grace"
    assert common.owner_of(5000) == "grace"


@pytest.mark.accounts
def test_jobs_run_as_the_account_that_asked_and_never_as_root_for_want_of_one() -> None:
    assert (Identity.of("uid4321").uid, Identity.of("uid4321").gid) == (4321, 4321)
    assert Identity.of("no-such-account").uid == 65534
    assert Identity.of("root").uid == 0


def test_no_two_jobs_share_a_container(tmp_path: Path) -> None:
    def name(owner: str, project: str) -> str:
        job = Job(owner, project, 1, JobState.QUEUED, "true", 0.0)
        return container_name(Task(job, tmp_path, Identity(1, 1, owner)), tmp_path)

    assert name("a-b", "c") != name("a", "b-c")
    assert name("a", "b-c") == name("a", "b-c")
