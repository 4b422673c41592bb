"""The one file that goes to hosts, run by the Pythons that hosts have: a whole life of jobs, not only its start."""

from __future__ import annotations

from pathlib import Path

import pytest

from floyd_tui.client.pack import pack
from runner.models import JobState, LogEnd, Mount
from tests.support.api import Api, Refused, json_line
from tests.support.pythons import OLDEST, PYTHONS
from tests.support.runner import RunnerProcess

TRAIN = f"""
cat "${{FLOYD_INPUT:-/floyd/input}}/words/w" > model
{json_line(metric="loss", value=0.5, step=1)}
while [ ! -e go ]; do sleep 0.05; done
"""


ABSENT = [] if OLDEST else [pytest.param("python3.10", marks=pytest.mark.skip(reason="no Python 3.10 is here"))]


@pytest.fixture(params=[*PYTHONS, *ABSENT])
def packed(request: pytest.FixtureRequest, tmp_path: Path) -> RunnerProcess:
    """A runner from the zipapp, under one of the Pythons."""
    _, file = pack(tmp_path / "packed")
    return RunnerProcess(tmp_path / "runner", program=(request.param, str(file)))


def test_a_life_from_the_packed_runner(packed: RunnerProcess) -> None:
    with packed, packed.http() as http:
        api = Api(http)
        words = api.dataset("words", {"w": b"mnist\n"})
        code = api.upload({"train.sh": TRAIN.encode()})
        job = api.launch("bash train.sh && exit 3", code=code, mounts=(Mount(words, "words"),))
        api.prints("p/1", b"loss")
        assert list(api.files("p/1")) == ["model"]

        # The runner is gone and comes back while the job runs on.
        packed.kill()
        packed.start()
        assert api.job("p/1").state is JobState.RUNNING
        (packed.data_dir / "jobs" / job.owner / "p" / "1" / "home" / "go").touch()
        text, end = api.follow("p/1")
        assert end == LogEnd(JobState.FAILED, 3, len(text))
        assert [(point.name, point.value, point.step) for point in api.metrics("p/1")] == [("loss", 0.5, 1)]
        assert api.content("p/1", "model") == b"mnist\n"

        api.launch("cat ${FLOYD_INPUT:-/floyd/input}/last/model", mounts=(Mount("p/1/output", "last"),))
        assert api.follow("p/2")[0] == b"mnist\n"
        assert api.ended("p/2").state is JobState.SUCCEEDED

        api.launch("echo on; sleep 300")
        api.prints("p/3", b"on")
        api.stop("p/3")
        assert api.ended("p/3").state is JobState.STOPPED
        with pytest.raises(Refused, match="no dataset or project"):
            api.launch("true", mounts=(Mount("nowhere", "n"),))
        api.ask("DELETE", "/v1/job", name="p/3")
        assert [one["number"] for one in api.ask("GET", "/v1/jobs")] == [2, 1]
        assert api.ask("GET", "/v1/stats")["cpu_count"] >= 1
        assert api.ask("GET", "/v1/environments")
