"""Jobs that are tried again: after which ends, with what, how that is told, and never twice at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.models import JobState, Retry
from tests.support.api import Api, json_line
from tests.support.runner import RunnerProcess


@pytest.fixture(params=["process", pytest.param("docker", marks=pytest.mark.docker)])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RunnerProcess]:
    """A real runner with each executor, which waits a moment before it tries again."""
    image = request.getfixturevalue("docker_image") if request.param == "docker" else None
    settings: dict[str, object] = {"retry_delay": 0.2}
    with RunnerProcess(tmp_path / "runner", executor=request.param, image=image, settings=settings) as process:
        yield process


# Succeeds at the third attempt; prints what it has and leaves a file each time.
THIRD = f"""\
cat train.py; echo $SEED $FLOYD_ATTEMPT; ls; echo $FLOYD_ATTEMPT >made-$FLOYD_ATTEMPT; {json_line(metric="m", value=1)}
echo changed >train.py; printf 'no newline'; [ $FLOYD_ATTEMPT = 3 ] || exit 75"""


def test_a_job_is_tried_again_with_what_was_launched_and_each_attempt_is_told(server: RunnerProcess) -> None:
    with server.http() as http:
        api = Api(http)
        code = api.upload({"train.py": b"as launched\n"})
        api.launch(THIRD, code=code, env={"SEED": "7"}, retry=Retry(3))
        text, end = api.follow("p/1")
        job = api.ended("p/1")
        assert (job.state, job.exit_code, job.reason, job.attempt) == (JobState.SUCCEEDED, 0, "", 3)
        assert [(one.state, one.exit_code) for one in job.attempts] == [(JobState.FAILED, 75)] * 2
        words = "[attempt {} of 4: the one before failed with exit code 75.]\n"
        parts = [
            (words.format(attempt) if attempt > 1 else "")
            + f'as launched\n7 {attempt}\noutput\ntrain.py\n{{"metric": "m", "value": 1}}\nno newline'
            for attempt in (1, 2, 3)
        ]
        assert text.decode() == "\n".join(parts)
        assert end.size == len(text) == job.log_size
        assert text[job.log_start :].decode() == "\n" + parts[2]
        assert [metric.value for metric in api.metrics("p/1")] == [1.0] * 3
        assert sorted(api.files("p/1")) == ["made-3", "train.py"]
        times = [job.created_at]
        for one in job.attempts:
            times += [one.started_at, one.ended_at]
        assert times == sorted(times)
