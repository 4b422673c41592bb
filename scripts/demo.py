"""``make demo``: the digits example from upload to checked result, on a runner of its own, with nothing to set up.

Settings, cache and the runner's data lie in ``.demo/`` (or the folder named): nothing of the user's is touched. The
jobs run in Docker where an engine answers and an image can be had, else as processes of this machine; which, and why,
is said. With a terminal the app opens on the result, without one the story is printed; the exit code is 0 only if both
jobs succeeded and the downloaded checkpoint is the one that the last job reported.
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from floyd_tui.client.links import Links
from floyd_tui.client.protocol import Link
from floyd_tui.client.transfer import download
from floyd_tui.config import LOCAL, Config, HostConfig
from floyd_tui.errors import FloydError
from floyd_tui.project.run import Draft, prepare, submit, upload_dataset
from floyd_tui.sizes import human_size
from runner.models import AddedVersion, Job, JobState, Metric, Mount
from scripts.demo_image import Choice, choose
from scripts.test_image import docker_socket

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "examples" / "digits"
CHECKPOINT = "output/checkpoint.json"
# A Unix socket's path holds this many bytes on Linux, "/runner.sock" included.
_SOCKET_ROOM = 107 - len("/runner.sock")

console = Console(highlight=False, soft_wrap=True)


class DemoError(Exception):
    """The demo did not show what it should; the message says what."""


def main() -> int:
    """Run the demo; returns the exit code."""
    folder = Path(sys.argv[1]).absolute() if len(sys.argv) > 1 else ROOT / ".demo"
    os.environ["FLOYD_TUI_CONFIG"] = str(folder / "config")
    os.environ["XDG_CACHE_HOME"] = str(folder / "cache")
    os.environ["XDG_STATE_HOME"] = str(folder / "state")
    data_dir = runner_folder(folder)
    try:
        choice = choose(say_step)
        config = settings(data_dir, choice)
        with stopped_at_the_end(data_dir):
            asyncio.run(story(config, choice, folder / "downloads"))
            if sys.stdin.isatty() and sys.stdout.isatty():
                open_app(config)
    except (DemoError, FloydError) as error:
        console.print(Text("error: ", "bold red") + Text(str(error)))
        return 1
    return 0


def runner_folder(demo: Path) -> Path:
    """Where the runner keeps its data: in the demo's folder, or a short place where that is too long for a socket."""
    folder = demo / "runner"
    if len(os.fsencode(folder)) <= _SOCKET_ROOM:
        return folder
    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:8]
    return Path(tempfile.gettempdir()) / f"floyd-demo-{os.getuid()}-{name}"


def settings(data_dir: Path, choice: Choice) -> Config:
    """Settings with the host `local` alone, and the runner's own."""
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    if data_dir.lstat().st_uid != os.getuid():  # it may lie in /tmp, where others could have been first
        raise DemoError(f"{data_dir} belongs to somebody else; run the demo from a folder with a shorter path.")
    chosen: dict[str, object] = {"executor": choice.executor, "docker_socket": str(docker_socket())}
    if choice.image:
        chosen["default_environment"] = choice.image
    (data_dir / "runner.yml").write_text(json.dumps(chosen))  # JSON is YAML
    config = Config.load()
    if config.hosts[LOCAL].data_dir != str(data_dir):
        config = config.with_host(HostConfig(LOCAL, data_dir=str(data_dir)))
    return config


@contextmanager
def stopped_at_the_end(data_dir: Path) -> Iterator[None]:
    """Start from a stopped runner, so that it reads its settings, and leave none behind."""
    stop_runner(data_dir)
    try:
        yield
    finally:
        stop_runner(data_dir)


def stop_runner(data_dir: Path) -> None:
    """Stop the demo's runner if it runs; jobs would go on."""
    command = [sys.executable, "-m", "runner", "stop", "--data-dir", str(data_dir)]
    subprocess.run(command, cwd=ROOT, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def say_step(text: str) -> None:
    """A step of the story."""
    console.print(Text("● ", "bold cyan") + Text(text))


def say_detail(text: str) -> None:
    """A detail below a step."""
    console.print(Text("  " + text, "dim"))


async def story(config: Config, choice: Choice, downloads: Path) -> None:
    """Upload, train, go on from the checkpoint, fetch it and check it."""
    links = Links(config)
    try:
        link = links[LOCAL]
        await link.connected()
        info = await link.client.info()
        say_step(f"A runner of its own answers as {info.owner}; jobs run by {choice.executor}: {choice.why}")
        await send_digits(link)
        first = await train(link, prepare(EXAMPLE / "project"))
        second = await train(link, going_on(first))
        await check(link, first, second, downloads)
    finally:
        await links.close()


async def send_digits(link: Link) -> AddedVersion:
    """Upload the shipped digits; the second time there is nothing to send."""
    added = await upload_dataset(link, EXAMPLE / "data", "digits", "UCI optical digits, 8x8 pixels")
    version = added.version
    what = f"dataset {version.short}: {version.files} files, {human_size(version.size)}"
    say_step(f"Uploaded {what}" if added.created else f"The {what}, is there already; nothing was sent")
    return added


def going_on(first: Job) -> Draft:
    """The example's `resume` task with the output of `first` mounted, whatever the latest job may be by then."""
    draft = prepare(EXAMPLE / "project", task="resume")
    mounts = (Mount("digits", "digits"), Mount(f"{first.name}/output", "previous"))
    return replace(draft, launch=replace(draft.launch, mounts=mounts))


async def train(link: Link, draft: Draft) -> Job:
    """Launch `draft` and follow it to its end; raises `DemoError` unless it succeeded."""
    job = await submit(link, draft.folder, draft.launch)
    say_step(f"Job {job.short}, {draft.launch.message}: {job.command}")
    for mount in draft.launch.mounts:
        say_detail(f"with {mount.source} mounted as {mount.destination}")
    await print_log(link, job)
    job = await link.client.job(job.name)
    if job.state is not JobState.SUCCEEDED:
        raise DemoError(f"{job.short} {job.state}: {job.reason or f'exit code {job.exit_code}'}")
    say_detail(f"{job.short} succeeded with accuracy {job.metrics['accuracy']:.2%}")
    return job


async def print_log(link: Link, job: Job) -> None:
    """The log as it comes, without the lines that are metrics."""
    rest = b""
    async for chunk in link.client.logs(job.name, follow=True):
        *lines, rest = (rest + chunk.data).split(b"\n")
        for line in lines:
            if not line.startswith(b'{"metric"'):
                console.print(Text("  │ ", "cyan") + Text(line.decode(errors="replace")))


async def check(link: Link, first: Job, second: Job, downloads: Path) -> None:
    """Fetch the last checkpoint and hold it against what the jobs reported; raises `DemoError`."""
    place = downloads / f"{second.project}-{second.number}"
    await download(link, f"{second.name}/output", CHECKPOINT, place, overwrite=True)
    file = place / "checkpoint.json"
    data = json.loads(file.read_bytes())
    say_step(f"Downloaded {shown(file)}, {human_size(file.stat().st_size)}")
    epochs = [epochs_of(await link.client.metrics(job.name)) for job in (first, second)]
    expect(
        epochs[1][0] == epochs[0][-1] + 1, f"job 2 began with epoch {epochs[1][0]}, job 1 ended with {epochs[0][-1]}"
    )
    expect(data["epoch"] == epochs[1][-1], f"the checkpoint is of epoch {data['epoch']}, not {epochs[1][-1]}")
    mounted = {one.destination: one.tree for one in second.inputs}
    expect(mounted.get("previous") == first.output, "job 2 did not see the output of job 1")
    accuracy = accuracy_here(data["model"])
    reported = second.metrics["accuracy"]
    expect(accuracy == reported, f"the weights give {accuracy:.2%} here, the job reported {reported:.2%}")
    say_step(f"Checked here: epochs {epochs[0][0]} to {epochs[1][-1]} in two jobs, and the weights give {accuracy:.2%}")


def shown(file: Path) -> Path:
    """A path as short as it is clear from here."""
    return file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file


def expect(true: bool, otherwise: str) -> None:
    """Raise `DemoError` unless `true`."""
    if not true:
        raise DemoError(f"The result is not right: {otherwise}.")


def epochs_of(metrics: list[Metric]) -> list[int]:
    """The epochs that a job reported a loss for."""
    epochs = [metric.epoch for metric in metrics if metric.name == "loss" and metric.epoch is not None]
    expect(bool(epochs), "a job reported no epochs")
    return epochs


def accuracy_here(weights: Any) -> float:
    """The accuracy of these weights on the test images, computed on this side."""
    spec = importlib.util.spec_from_file_location("digits_model", EXAMPLE / "project" / "model.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    result: float = module.Model(**weights).accuracy(module.read_samples(EXAMPLE / "data" / "test.csv"))
    return result


def open_app(config: Config) -> None:
    """The terminal UI on the demo's runner."""
    from floyd_tui.app import FloydApp

    FloydApp(Links(config), config).run()


if __name__ == "__main__":
    sys.exit(main())
