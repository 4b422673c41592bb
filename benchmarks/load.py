"""A runner with much to do, with nothing to do, and with many jobs behind it. Needs Docker and the test image.

Clients ask on the runner's own socket: what SSH takes is in the other benchmarks.
"""

from __future__ import annotations

import asyncio
import getpass
import os
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import httpx

from benchmarks.harness import Row, Work, chosen, medians
from runner.models import Job, JobState, Launch, encode
from scripts.test_image import ensure_image
from tests.support.runner import RunnerProcess
from tests.support.wait import wait_for

FOLLOWERS = 100
JOBS_A_MINUTE = 200
SECONDS = 30.0
IDLE_SECONDS = 20.0
MANY, FEW = 100_000, 100
# So many requests are one measurement: a single one is over too soon.
ASKED = 50
ROUNDS = 5
TICKS = os.sysconf("SC_CLK_TCK")


def run(only: str = "") -> Iterator[Row]:
    """The rows whose names have `only` in them."""
    rows: dict[str, Callable[[str], Row]] = {
        "load: idle CPU, % of a core": partial(idle_row, cpu_percent, 0.5),
        "load: idle RSS, MB": partial(idle_row, rss, 60.0),
        "load: p95 of a small request, ms": busy_row,
        "load: jobs list with 100,000 jobs": partial(many_row, "/v1/jobs?limit=20"),
        "load: jobs search with 100,000 jobs": partial(many_row, "/v1/jobs?limit=10&text=resnet50%20baseline"),
        "load: projects with 100,000 jobs": partial(many_row, "/v1/projects"),
    }
    yield from chosen(rows, only)


def idle_row(measure: Callable[[RunnerProcess], float], bar: float, name: str) -> Row:
    """A runner that one client looked at once, and then nobody."""
    with tempfile.TemporaryDirectory() as folder, RunnerProcess(Path(folder), "docker", ensure_image()) as runner:
        with runner.http() as http:
            http.get("/v1/stats").raise_for_status()
        time.sleep(2.0)
        return Row(name, measure(runner), bar)


def cpu_percent(runner: RunnerProcess) -> float:
    """Its share of one core."""
    before = ticks(runner)
    time.sleep(IDLE_SECONDS)
    return 100 * (ticks(runner) - before) / TICKS / IDLE_SECONDS


def ticks(runner: RunnerProcess) -> int:
    """CPU time so far, its own and the system's for it."""
    fields = Path(f"/proc/{runner.pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def rss(runner: RunnerProcess) -> float:
    """Megabytes of memory that are there."""
    status = Path(f"/proc/{runner.pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1000


def busy_row(name: str) -> Row:
    """`FOLLOWERS` of a log and of the gauges, and short jobs one behind the other, while small requests are timed.

    Who follows is another process than who asks: what a client does with what it got is not the runner's time.
    """
    with (
        tempfile.TemporaryDirectory() as folder,
        RunnerProcess(Path(folder), "docker", ensure_image()) as runner,
        ProcessPoolExecutor(1, get_context("spawn")) as others,
    ):
        times, detail = busy(runner, others)
        return Row(name, 1000 * statistics.quantiles(times, n=20)[-1], 10.0, detail=detail)


def busy(runner: RunnerProcess, others: Executor) -> tuple[list[float], dict[str, object]]:
    """Seconds that small requests took, and what the runner did meanwhile."""
    times: list[float] = []
    launched = 0
    with runner.http() as http:
        writer = launch(http, "while true; do echo a line of a log; sleep 0.01; done")
        small = ("/v1/info", f"/v1/job?name={writer}", "/v1/jobs?limit=20", "/v1/stats")
        followed = (f"/v1/job/logs?name={writer}&follow=1", "/v1/stats?follow=1")
        following = others.submit(follow_all, runner.socket, followed)
        wait_for(lambda: following.running(), "the followers")
        begun, memory, before = time.monotonic(), rss(runner), ticks(runner)
        while (now := time.monotonic() - begun) < SECONDS:
            while launched < now * JOBS_A_MINUTE / 60:
                launch(http, "echo hello")
                launched += 1
            times += [seconds(http, path) for path in small]
            time.sleep(0.05)
        cpu = 100 * (ticks(runner) - before) / TICKS / SECONDS
        ended = len(http.get("/v1/jobs?state=succeeded").json())
        assert following.result() > 0, "a follower got nothing"
    rest = {"p50": 1000 * statistics.median(times), "requests": len(times), "launched": launched, "ended": ended}
    return times, {**rest, "cpu_percent": cpu, "rss_before": memory, "rss_after": rss(runner)}


def launch(http: httpx.Client, command: str) -> str:
    """A job's full name."""
    asked = Launch("bench", command, priority=1)
    answer = http.post("/v1/jobs", content=encode(asked), headers={"Content-Type": "application/json"})
    job = answer.raise_for_status().json()
    return f"{job['owner']}/projects/{job['project']}/{job['number']}"


def seconds(http: httpx.Client, path: str) -> float:
    """How long one request took."""
    begun = time.perf_counter()
    http.get(path).raise_for_status()
    return time.perf_counter() - begun


def follow_all(runner: Path, paths: Sequence[str]) -> int:
    """Follow `paths` in turn, `FOLLOWERS` times in all, as long as is measured; the fewest bytes that one got."""
    return asyncio.run(_follow_all(runner, paths))


async def _follow_all(runner: Path, paths: Sequence[str]) -> int:
    got = [0] * FOLLOWERS
    road = httpx.AsyncHTTPTransport(uds=str(runner), limits=httpx.Limits(max_connections=None), verify=False)
    async with httpx.AsyncClient(transport=road, base_url="http://runner", timeout=None) as http:
        followers = [asyncio.create_task(_follow(http, paths[n % len(paths)], got, n)) for n in range(FOLLOWERS)]
        done, left = await asyncio.wait(followers, timeout=SECONDS, return_when=asyncio.FIRST_COMPLETED)
        assert not done, "a follower was sent away"
        for follower in left:
            follower.cancel()
        await asyncio.wait(left)
    return min(got)


async def _follow(http: httpx.AsyncClient, path: str, got: list[int], number: int) -> None:
    """Read what comes, and count its bytes in `got`."""
    async with http.stream("GET", path) as answer:
        async for data in answer.aiter_raw():
            got[number] += len(data)


def many_row(path: str, name: str) -> Row:
    """The same question to a runner with `MANY` finished jobs and to one with `FEW`."""
    with (
        tempfile.TemporaryDirectory() as folder,
        with_jobs(Path(folder) / "many", MANY) as many,
        with_jobs(Path(folder) / "few", FEW) as few,
    ):
        times = medians(ROUNDS, {"many": Work(partial(ask, many, path)), "few": Work(partial(ask, few, path))})
    return Row(name, times["many"] / times["few"], 1.5, detail={"seconds": {k: t / ASKED for k, t in times.items()}})


def ask(http: httpx.Client, path: str) -> None:
    """Ask `ASKED` times."""
    for _ in range(ASKED):
        http.get(path).raise_for_status()


@contextmanager
def with_jobs(folder: Path, jobs: int) -> Iterator[httpx.Client]:
    """A client of a runner that has so many jobs behind it."""
    with RunnerProcess(folder) as runner:
        runner.stop()
        with closing(sqlite3.connect(runner.database)) as database, database:
            fill(database, jobs)
        runner.start()
        with runner.http() as http:
            yield http


def fill(database: sqlite3.Connection, jobs: int) -> None:
    """Jobs of five projects as they would be after years."""
    owner, dice = getpass.getuser(), random.Random(0)
    for project in range(1, 6):
        row = (project, owner, f"p{project}", 0.0, jobs // 5)
        database.execute("INSERT INTO projects (id, owner, name, created_at, last_number) VALUES (?, ?, ?, ?, ?)", row)
    for number in range(jobs):
        project, model, message = number % 5 + 1, dice.choice((18, 34, 50)), dice.choice(("try", "more", "baseline"))
        command = f"python train.py --lr {dice.random():.4f} --model resnet{model}"
        job = Job(owner, f"p{project}", number // 5 + 1, JobState.SUCCEEDED, command, float(number), message=message)
        values = (project, owner, job.number, job.state, encode(job).decode(), float(number))
        columns = "project, person, number, state, document, updated_at"
        database.execute(f"INSERT INTO jobs ({columns}) VALUES (?, ?, ?, ?, ?, ?)", values)
