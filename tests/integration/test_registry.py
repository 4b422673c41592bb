"""Images from a real registry: pulled with progress, with credentials, refused, broken off, cancelled."""

from __future__ import annotations

import json
import subprocess
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from runner.executors.credentials import HEADER, pull_headers, registry_of
from runner.models import JobState
from tests.support.api import Api
from tests.support.line import Break, Line
from tests.support.registry import PASSWORD, USER, forget, push, registry
from tests.support.require import DOCKER
from tests.support.runner import RunnerProcess
from tests.support.wait import wait_for

pytestmark = [pytest.mark.docker, pytest.mark.registry]
SIZE = 6_000_000
AUTH = b64encode(f"{USER}:{PASSWORD}".encode()).decode()


@contextmanager
def pulled(port: int, name: str) -> Iterator[str]:
    """The image's whole name; it is gone from the engine before and after."""
    image = f"127.0.0.1:{port}/{name}"
    forget(image)
    try:
        yield image
    finally:
        forget(image)


def test_a_pull_tells_how_far_it_is_breaks_off_goes_on_and_is_cancelled(
    tmp_path: Path, docker_runner: RunnerProcess
) -> None:
    with registry(tmp_path / "registry") as (port, _), Line(port) as line, docker_runner.http() as http:
        api, name = Api(http), push(port, SIZE)
        with pulled(line.port, name) as image:
            line.cut("down", SIZE // 2, Break.SILENCE)
            api.launch("echo never", environment=image)
            words = f"pulling {image}: "
            wait_for(lambda: line.sprung and " of 6." in api.job("p/1").progress, "half of it")
            assert api.job("p/1").progress.startswith(words)
            api.stop("p/1")
            assert api.ended("p/1").state is JobState.STOPPED
        with pulled(line.port, name) as image:
            line.cut("down", SIZE // 2, Break.RESET)
            api.launch("echo pulled", environment=image)
            wait_for(lambda: "broke off, retrying in" in api.job("p/2").progress, "the engine to say that it tries on")
            job = api.ended("p/2")
            assert (job.state, job.reason, api.log("p/2")) == (JobState.SUCCEEDED, "", b"pulled\n")
            assert job.image.startswith("sha256:")
    assert docker_runner.containers() == []


def test_a_private_image_is_pulled_with_what_the_runners_account_has_logged_in_with(
    tmp_path: Path, home: Path, docker_image: str
) -> None:
    shelf = tmp_path / "registry"
    with registry(shelf) as (port, _), registry(shelf, private=True) as (private, _):
        name = push(port, 1000)
        with pulled(private, name) as image, RunnerProcess(tmp_path / "runner", "docker", docker_image) as server:
            with server.http() as http:
                api = Api(http)
                api.launch("true", environment=image)
                refused = api.ended("p/1")
                assert refused.state is JobState.FAILED
                assert "no basic auth credentials" in refused.reason
                assert f"`docker login 127.0.0.1:{private}` as the runner's account" in refused.reason
                # As a person does it. The runner need not be started anew for that.
                login = [DOCKER, "login", "-u", USER, "--password-stdin", f"127.0.0.1:{private}"]
                subprocess.run(login, input=PASSWORD, text=True, check=True, capture_output=True)
                assert AUTH in (home / ".docker" / "config.json").read_text()
                api.launch("echo let in", environment=image)
                let_in = api.ended("p/2")
                assert (let_in.state, let_in.reason) == (JobState.SUCCEEDED, "")
                assert api.log("p/2") == b"let in\n"
            said = server.log.read_text()
            assert PASSWORD not in said
            assert AUTH not in said


@pytest.fixture
def keep(home: Path) -> Callable[[object], object]:
    """Writes Docker's file in the home."""
    (home / ".docker").mkdir()
    file = home / ".docker" / "config.json"
    return lambda value: file.write_text(value if isinstance(value, str) else json.dumps(value))


def header(value: dict[str, str]) -> dict[str, str]:
    return {HEADER: urlsafe_b64encode(json.dumps(value).encode()).decode()}


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("python:3.11", "https://index.docker.io/v1/"),
        ("pytorch/pytorch:2.8", "https://index.docker.io/v1/"),
        ("ghcr.io/ada/net:2", "ghcr.io"),
        ("localhost/net", "localhost"),
        ("127.0.0.1:5000/a/b@sha256:12", "127.0.0.1:5000"),
    ],
)
def test_whose_registry_an_image_is_of(image: str, name: str) -> None:
    assert registry_of(image) == name


async def test_what_docker_keeps_in_each_of_its_forms(keep: Callable[[object], object]) -> None:
    assert await pull_headers("python:3.11") == {}, "no file"
    auths = {
        "https://index.docker.io/v1/": {"auth": AUTH},
        "https://old.example/v2/": {"username": "ada", "password": "p:w"},
        "token.example": {"identitytoken": "t0ken"},
        "empty.example": {},
    }
    keep({"auths": auths})
    named = {"username": USER, "password": PASSWORD, "serveraddress": "https://index.docker.io/v1/"}
    assert await pull_headers("python:3.11") == header(named)
    old = {"username": "ada", "password": "p:w", "serveraddress": "old.example"}
    assert await pull_headers("old.example/a:1") == header(old)
    token = {"identitytoken": "t0ken", "serveraddress": "token.example"}
    assert await pull_headers("token.example/a") == header(token)
    assert await pull_headers("empty.example/a") == await pull_headers("other.example/a") == {}


HELPER = """#!/bin/sh
read -r registry
case $registry in
known.example) printf '{"ServerURL":"%s","Username":"ada","Secret":"from a helper"}' "$registry";;
token.example) printf '{"Username":"<token>","Secret":"t0ken"}';;
*) echo credentials not found in native keychain; exit 1;;
esac
"""


async def test_helper_programs_are_asked(
    keep: Callable[[object], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    helper = tmp_path / "docker-credential-tests"
    helper.write_text(HELPER)
    helper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    known = {"username": "ada", "password": "from a helper", "serveraddress": "known.example"}
    for way in ({"credsStore": "tests"}, {"credHelpers": {"known.example": "tests"}}):
        keep(way)
        assert await pull_headers("known.example/a") == header(known)
        assert await pull_headers("unknown.example/a") == {}
    keep({"credsStore": "tests", "auths": {"plain.example": {"auth": AUTH}}})
    token = {"identitytoken": "t0ken", "serveraddress": "token.example"}
    assert await pull_headers("token.example/a") == header(token)
    plain = {"username": USER, "password": PASSWORD, "serveraddress": "plain.example"}
    assert await pull_headers("plain.example/a") == header(plain)


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"auths": [1]}',
        '{"auths": {"a.example": {"auth": "hunter2!"}}}',
        '{"credsStore": "not-there"}',
        '{"credHelpers": {"a.example": 5}}',
    ],
)
async def test_what_cannot_be_read_is_said_without_its_words(
    text: str, keep: Callable[[object], object], caplog: pytest.LogCaptureFixture
) -> None:
    keep(text)
    assert await pull_headers("a.example/net:1") == {}
    assert "what Docker keeps for a.example cannot be read" in caplog.text
    assert "hunter2" not in caplog.text


def test_an_image_without_a_shell_is_said_to_have_none(tmp_path: Path, docker_runner: RunnerProcess) -> None:
    with registry(tmp_path / "registry") as (port, _), pulled(port, push(port, 10, shell=False)) as image:
        with docker_runner.http() as http:
            Api(http).launch("true", environment=image)
            job = Api(http).ended("p/1")
        assert (job.state, job.exit_code) == (JobState.FAILED, None)
        assert job.reason == "The image has no /bin/sh, which a job needs. Choose another environment."
    assert docker_runner.containers() == []
