"""Deleting and restoring on a real runner, which is killed meanwhile: each job is there, or in the trash, and whole."""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import httpx

from runner.models import Job, Trashed, from_dict
from tests.support.api import Api, json_line
from tests.support.runner import RunnerProcess
from tests.support.wait import wait_for

SEED = int.from_bytes(os.urandom(4), "big")
KILLS = 8
COMMAND = f"{json_line(metric='loss', value=0.5)}; echo weights >model"


def trash(api: Api) -> list[Trashed]:
    return from_dict(api.ask("GET", "/v1/trash"), list[Trashed])


def listed(api: Api) -> list[str]:
    return [job.name for job in from_dict(api.ask("GET", "/v1/jobs"), list[Job])]


def restore(api: Api, name: str) -> Any:
    return api.ask("POST", "/v1/trash/restore", name=name)


def is_whole(api: Api, name: str) -> None:
    """The job has its log, its metrics and its output."""
    assert b"loss" in api.log(name)
    assert [point.value for point in api.metrics(name)] == [0.5]
    assert api.content(f"{name}/output", "model") == b"weights\n"


def test_killed_at_any_moment_a_job_is_there_or_in_the_trash(runner: RunnerProcess) -> None:
    dice = random.Random(SEED)
    with runner.http() as http:
        name = Api(http).launch(COMMAND).name
        Api(http).ended(name)
    for _ in range(KILLS):
        with runner.http() as http:
            api = Api(http)
            act = partial(restore, api, name) if trash(api) else partial(api.ask, "DELETE", "/v1/job", name=name)
            asking = threading.Thread(target=_whoever_answers, args=(act,))
            asking.start()
            threading.Event().wait(dice.uniform(0, 0.015))  # a deletion takes about so long
            runner.kill()
            asking.join()
        runner.start()
        with runner.http() as http:
            api = Api(http)
            away = [one.name for one in trash(api)]
            assert [*listed(api), *away] == [name], SEED
            assert api.ask("GET", "/v1/projects")[0]["jobs"] == 1 - len(away), SEED
    with runner.http() as http:
        if trash(Api(http)):
            restore(Api(http), name)
        is_whole(Api(http), name)


def _whoever_answers(act: Callable[[], object]) -> None:
    with suppress(httpx.HTTPError):
        act()


def test_a_deleted_job_is_kept_restored_and_freed_by_a_collection(runner: RunnerProcess) -> None:
    with runner.http() as http:
        api = Api(http)
        first = api.ended(api.launch(COMMAND).name)
        folder = runner.data_dir / "jobs" / first.owner / "p/1"
        told = []
        with http.stream("GET", "/v1/events") as events:
            lines = events.iter_lines()
            next(lines)
            api.ask("DELETE", "/v1/job", name=first.name)
            assert (listed(api), folder.exists()) == ([], True)
            assert trash(api)[0].size == first.log_size + first.output_size
            runner.kill()
            runner.start()
        with runner.http() as after, after.stream("GET", "/v1/events") as events:
            lines = events.iter_lines()
            next(lines)
            restore(Api(after), "p/1")
            told.append(next(lines))
        assert f'"number":{first.number}' in told[0].replace(" ", "")
    with runner.http() as http:
        api = Api(http)
        is_whole(api, first.name)
        api.ask("DELETE", "/v1/job", name=first.name)
        assert api.ended(api.launch("true").name).number == 2
        kinds = {kind["kind"]: kind["free_size"] for kind in api.ask("POST", "/v1/gc")["kinds"]}
        assert kinds["trash"] >= first.log_size
        assert trash(api) == []
        wait_for(lambda: not folder.exists(), "the folder to go")
        assert [job.partition("/p/")[2] or job[-1] for job in listed(api)] == ["2"]
