"""Where the Docker Engine is looked for."""

from __future__ import annotations

import pytest

from runner.errors import Unavailable
from runner.executors.engine import Engine, engine_address

USUAL = "/var/run/docker.sock"


@pytest.mark.parametrize(
    ("chosen", "environ", "address"),
    [
        ("", {}, USUAL),
        ("", {"DOCKER_HOST": ""}, USUAL),
        ("", {"DOCKER_HOST": "unix:///run/user/1000/docker.sock"}, "/run/user/1000/docker.sock"),
        ("/mine.sock", {"DOCKER_HOST": "unix:///run/user/1000/docker.sock"}, "/mine.sock"),
    ],
)
def test_runner_yml_comes_first_then_docker_host(chosen: str, environ: dict[str, str], address: str) -> None:
    assert engine_address(chosen, environ) == address


@pytest.mark.parametrize("elsewhere", ["tcp://10.0.0.7:2375", "ssh://ada@gpu1"])
async def test_an_engine_of_elsewhere_is_refused_with_what_would_do(elsewhere: str) -> None:
    engine = Engine(engine_address("", {"DOCKER_HOST": elsewhere}))
    for call in (engine.connect(), engine.get("/containers/json")):
        with pytest.raises(Unavailable, match=f"DOCKER_HOST is {elsewhere}") as refused:
            await call
        assert "docker_socket in runner.yml" in refused.value.hint
    await engine.close()
