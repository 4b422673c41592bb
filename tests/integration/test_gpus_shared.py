"""Two people and two GPUs: each has their own limit, and a container is given its own device and no other.

The engine believes that NVIDIA's container toolkit is there: a hook that does nothing. The rest is real.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.models import JobState
from tests.support.api import Refused
from tests.support.nvml import FakeDriver, FakeGpu
from tests.support.own_engine import OwnEngine, takes_root
from tests.support.people import People, two_people

pytestmark = [pytest.mark.docker, pytest.mark.sshd, pytest.mark.accounts, pytest.mark.gcc, takes_root]
HOOK = "nvidia-container-runtime-hook"
SHOW = "echo has $NVIDIA_VISIBLE_DEVICES; sleep 600"


@pytest.fixture
def engine(tmp_path: Path, docker_image: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[OwnEngine]:
    """An engine that can give GPUs to containers, as far as it knows."""
    (tmp_path / HOOK).write_text("#!/bin/sh\n")
    (tmp_path / HOOK).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/sbin:/usr/bin:/sbin:/bin")
    with OwnEngine() as own:
        own.start()
        own.load(docker_image)
        yield own


@pytest.fixture
def people(tmp_path: Path, engine: OwnEngine, docker_image: str) -> Iterator[People]:
    """One GPU each at once, two on the host."""
    (tmp_path / "people").mkdir()
    driver = FakeDriver(tmp_path / "driver")
    driver.set(FakeGpu("GPU-a"), FakeGpu("GPU-b"))
    settings: dict[str, object] = {"docker_socket": str(engine.socket), "max_gpus_each": 1}
    with two_people(tmp_path / "people", docker_image, settings, driver.env) as found:
        yield found


def test_a_limit_binds_each_person_alone_and_each_container_has_its_own_gpu(people: People, engine: OwnEngine) -> None:
    alice, mallory = people.alice.api, people.mallory.api
    alice.launch(SHOW, gpus=1)
    alice.prints("p/1", b"has")
    second = alice.launch(SHOW, gpus=1)
    assert second.progress == "waits for your own jobs: 1 GPU at once is your limit here"
    with pytest.raises(Refused, match=r"asks for 2 GPUs; one person may have 1 at once on this host"):
        alice.launch(SHOW, gpus=2)
    # Her limit is none of his, and her waiting job holds up nobody.
    mallory.launch(SHOW, gpus=1)
    mallory.prints("p/1", b"has")
    third = mallory.launch(SHOW, gpus=1)
    assert third.progress == "waits for your own jobs: 1 GPU at once is your limit here"
    mallory.launch("echo none: $NVIDIA_VISIBLE_DEVICES; sleep 600")
    mallory.prints("p/3", b"none: void")
    hers, his = (api.job("p/1").devices for api in (alice, mallory))
    assert sorted(hers + his) == ["GPU-a", "GPU-b"]
    assert (alice.log("p/1").split()[1:], mallory.log("p/1").split()[1:]) == (
        [hers[0].encode()],
        [his[0].encode()],
    )
    given = {}
    for one in json.loads(engine.docker("inspect", *engine.containers())):
        requests = one["HostConfig"]["DeviceRequests"] or []
        given[one["Config"]["Labels"]["floyd.job"]] = [request["DeviceIDs"] for request in requests]
    alice_is, mallory_is = people.alice.name, people.mallory.name
    assert given == {
        f"{alice_is}/projects/p/1": [list(hers)],
        f"{mallory_is}/projects/p/1": [list(his)],
        f"{mallory_is}/projects/p/3": [],
    }
    # Hers comes free: it is her second job's turn, and not his, who has one already.
    alice.stop("p/1")
    assert alice.reaches("p/2", JobState.RUNNING).devices == hers
    assert mallory.job("p/2").state is JobState.QUEUED
