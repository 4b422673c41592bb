"""Jobs and logs, beside docker and tail through the same sshd. Needs sshd and a Docker Engine with the test image.

The peers' ssh goes over a connection that is open already (ControlMaster), as ours is: no login is timed.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from functools import partial
from pathlib import Path

from benchmarks.bed import Bed, bed
from benchmarks.harness import Row, Work, chosen, medians
from floyd_tui.client.ahead import closing
from runner.models import Launch
from scripts.test_image import docker_socket, ensure_image

ROUNDS = 7
LINES = 1_000_000


def run(only: str = "") -> Iterator[Row]:
    """The rows whose names have `only` in them."""
    image = ensure_image()
    with bed("docker", image) as road:
        rows = {
            "runner: launch to first line": partial(launch_row, road, image, until_line),
            "runner: launch to exit known": partial(launch_row, road, image, until_end),
            "runner: 1,000,000 log lines": partial(log_row, road),
        }
        yield from chosen(rows, only)


def launch_row(road: Bed, image: str, until: Callable[[Bed], Coroutine[None, None, None]], name: str) -> Row:
    """From the launch of a job to its first line, or to its exit known here, beside ``ssh host docker run``."""
    works = {"ours": Work(lambda: road.run(until(road))), "docker run": Work(lambda: docker_run(road, image))}
    times = medians(ROUNDS, works)
    return Row(name, times["ours"] / times["docker run"], 1.15, "<=", {"seconds": times})


async def until_line(road: Bed) -> None:
    """Launch, and return at the job's first byte."""
    job = await road.link.client.launch(Launch("bench", "echo hello"))
    async with closing(road.link.client.logs(job.name, follow=True)) as log:
        async for chunk in log:
            if chunk.data:
                return


async def until_end(road: Bed) -> None:
    """Launch, and return when the log says how the job ended."""
    job = await road.link.client.launch(Launch("bench", "echo hello"))
    async for chunk in road.link.client.logs(job.name, follow=True):
        if chunk.end is not None:
            assert chunk.end.exit_code == 0
            return


def docker_run(road: Bed, image: str) -> None:
    """The peer, with what a job's container has: mounts, limits, a user, no new privileges, a network."""
    home = road.folder / "docker-home"
    home.mkdir(exist_ok=True)
    flags = f"--rm --init -v {home}:/floyd/home -w /floyd/home --user 0:0 --cap-drop ALL"
    flags += " --security-opt no-new-privileges"
    command = f"docker -H unix://{docker_socket()} run {flags} {image} sh -c 'echo hello'"
    subprocess.run([*ssh(road), command], check=True, stdout=subprocess.DEVNULL)


def ssh(road: Bed) -> list[str]:
    """``ssh host`` over the open connection."""
    return ["ssh", *road.kept_ssh(), "127.0.0.1"]


def log_row(road: Bed, name: str) -> Row:
    """A log of a million lines to a client that follows it, beside ``ssh host tail -f`` of the same bytes."""
    with tempfile.NamedTemporaryFile("wb") as kept:
        job = road.run(road.link.client.launch(Launch("bench", f"seq -f 'a line of a log, number %.0f' {LINES}")))
        sizes = [road.run(follow(road, job.name))]
        kept.write(b"".join(b"a line of a log, number %d\n" % number for number in range(1, LINES + 1)))
        kept.flush()
        size = Path(kept.name).stat().st_size
        works = {
            "ours": Work(lambda: sizes.append(road.run(follow(road, job.name)))),
            "tail -f": Work(lambda: tail(road, kept.name, size)),
        }
        times = medians(ROUNDS, works)
    assert set(sizes) == {size}, "bytes were lost"
    return Row(name, times["ours"] / times["tail -f"], 1.2, "<=", {"seconds": times})


async def follow(road: Bed, job: str) -> int:
    """Follow a log to its end; returns its bytes."""
    return sum([len(chunk.data) async for chunk in road.link.client.logs(job, follow=True)])


def tail(road: Bed, path: str, size: int) -> None:
    """The peer: read ``tail -f`` until all bytes have come."""
    with subprocess.Popen([*ssh(road), f"tail -n +1 -f {path}"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        while size > 0 and (data := os.read(process.stdout.fileno(), 1 << 20)):
            size -= len(data)
        process.kill()
