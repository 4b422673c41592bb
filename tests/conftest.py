"""Fixtures for all tests: an isolated home, and the real things: sshd, Docker's test image, a runner."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.test_image import ensure_image
from tests.support.locks import file_lock
from tests.support.require import CHECKS, missing, required
from tests.support.runner import RunnerProcess
from tests.support.sshd import Sshd

# Hundreds of processes are started: all but the first find what they import compiled.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# A shell that runs `make test &` has SIGINT ignored, and each process that tests start would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip or fail a test whose marked needs are not met here."""
    for need in CHECKS:
        if item.get_closest_marker(need) and (reason := missing(need)):
            if need in required():
                pytest.fail(f"FLOYD_TEST_REQUIRE asks for {need}: {reason}", pytrace=False)
            pytest.skip(f"{need}: {reason}")


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder of this test's own: nothing of the user's is read or written."""
    folder = tmp_path_factory.mktemp("home")
    for name in list(os.environ):
        if name.startswith(("FLOYD_", "XDG_", "SSH_")) and name != "FLOYD_TEST_REQUIRE":
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("TZ", "UTC")
    return folder


@pytest.fixture(scope="session")
def docker_image(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Name of an image with python3 and bash in the real engine, built once a machine (also under xdist)."""
    with file_lock(tmp_path_factory.getbasetemp().parent / "docker-image.lock"):
        return ensure_image()


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    """A real OpenSSH server on 127.0.0.1, with keys and a home of its own."""
    with Sshd(tmp_path / "sshd") as server:
        yield server


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[RunnerProcess]:
    """A real runner in a process of its own, executor ``process``; `RunnerProcess` says how to get others."""
    with RunnerProcess(tmp_path / "runner") as process:
        yield process


@pytest.fixture
def docker_runner(tmp_path: Path, docker_image: str) -> Iterator[RunnerProcess]:
    """A real runner over the real Docker Engine, whose default environment is the test image."""
    with RunnerProcess(tmp_path / "runner", executor="docker", image=docker_image) as process:
        yield process
