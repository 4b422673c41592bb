"""The scenes: how one gets from the first page to each screen worth a picture."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from floyd_tui.screenshots.stage import Stage
from runner.models import JobState, Secret

Scene = Callable[[Stage], Awaitable[None]]
RUNNING, DONE = "digits/7", "digits/6"


async def home(stage: Stage) -> None:
    """Projects and jobs."""
    await stage.sees("protein-fold")


async def job_logs(stage: Stage) -> None:
    """The log of a running job, searched."""
    await _open_job(stage, RUNNING)
    await stage.press("T", "slash", *"warning", "enter")
    await stage.sees("warning")


async def job_metrics(stage: Stage) -> None:
    """Its curves, and the values under the cursor."""
    await _open_job(stage, RUNNING)
    await stage.press("M")
    await stage.until(lambda: len(stage.app.screen.query("Chart")) == 3, "the curves")
    await stage.press("left", "shift+left")


async def job_use(stage: Stage) -> None:
    """What of the host it uses."""
    await _open_job(stage, RUNNING)
    await stage.press("U")
    await stage.until(lambda: len(stage.app.screen.query("UsagePane Chart")) > 1, "its use")


async def job_output(stage: Stage) -> None:
    """The files it wrote."""
    await _open_job(stage, DONE)
    await stage.press("O")
    await stage.sees("checkpoints/")
    await stage.press("enter", "j")
    await stage.sees("best.pt")


async def job_info(stage: Stage) -> None:
    """All that its output came from."""
    await _open_job(stage, DONE)
    await stage.press("I")
    await stage.sees("/floyd/input/")


async def preview(stage: Stage) -> None:
    """A file of its output, looked into."""
    await _open_job(stage, DONE)
    await stage.press("O")
    await stage.sees("checkpoints/")
    await stage.press("j", "j", "j", "j", "enter")
    await stage.until(lambda: stage.app.screen.query("Sheet"), "the table")


async def launch(stage: Stage) -> None:
    """The form that goes on from a job's output."""
    await _open_job(stage, DONE)
    await stage.press("o")
    await stage.sees("Nothing goes up:")


async def download(stage: Stage) -> None:
    """Where its output is to go."""
    await _open_job(stage, DONE)
    await stage.press("d")
    await stage.sees("10 files")


async def watch(stage: Stage) -> None:
    """A folder that runs again on each change."""
    await home(stage)
    await stage.press("w")
    await stage.sees("Enter starts it")
    await stage.press("enter")
    await stage.until(lambda: "ada/projects/digits/8" in stage.host.jobs, "the run")
    stage.host.write_log("digits/8", b"epoch  1/30  loss 2.3014  accuracy 0.112\nepoch  2/30  loss 1.7420\n")
    stage.host.finish("digits/8", JobState.SUCCEEDED)
    await stage.sees("epoch  2/30")
    await stage.sees("succeeded")


async def stop(stage: Stage) -> None:
    """The question before what cannot be undone."""
    await _open_job(stage, RUNNING)
    await stage.press("s")
    await stage.sees("Stop digits/7?")


async def datasets(stage: Stage) -> None:
    """Datasets, versions, files."""
    await home(stage)
    await stage.press("2")
    await stage.sees("deskewed")
    await stage.press("enter", "enter")
    await stage.sees("images.npy")


async def environments(stage: Stage) -> None:
    """What jobs can run in."""
    await home(stage)
    await stage.press("3")
    await stage.sees("tensorflow-2.20")


async def hosts(stage: Stage) -> None:
    """Hosts and their gauges."""
    await home(stage)
    await stage.press("4")
    await stage.sees("GPU 1")


async def disk(stage: Stage) -> None:
    """What takes a host's disk."""
    await hosts(stage)
    await stage.press("d")
    await stage.sees("can go: nothing refers to it")


async def secrets(stage: Stage) -> None:
    """A host's secrets, by name."""
    for name, project in (("HF_TOKEN", None), ("WANDB_API_KEY", None), ("S3_SECRET", "whisper-nl")):
        stage.host.secrets[name, project] = Secret(name, project, stage.host.now - 86_400)
    await hosts(stage)
    await stage.press("S")
    await stage.sees("WANDB_API_KEY")


async def themes(stage: Stage) -> None:
    """The colours there are, seen while one chooses."""
    await home(stage)
    await stage.press("t")
    await stage.sees("Which colours?")


async def palette(stage: Stage) -> None:
    """Every action by name."""
    await home(stage)
    await stage.press("ctrl+p", *"secrets")
    await stage.sees("Secrets of gauss")


async def keys(stage: Stage) -> None:
    """All keys of a screen."""
    await home(stage)
    await stage.press("question_mark")
    await stage.sees("Esc closes.")


SCENES: dict[str, Scene] = {
    "home": home,
    "job-logs": job_logs,
    "job-metrics": job_metrics,
    "job-use": job_use,
    "job-output": job_output,
    "job-info": job_info,
    "preview": preview,
    "launch": launch,
    "download": download,
    "watch": watch,
    "stop": stop,
    "datasets": datasets,
    "environments": environments,
    "hosts": hosts,
    "disk": disk,
    "secrets": secrets,
    "themes": themes,
    "palette": palette,
    "keys": keys,
}


async def _open_job(stage: Stage, name: str) -> None:
    from floyd_tui.screens.job import JobScreen
    from floyd_tui.widgets.log_view import LogView
    from floyd_tui.widgets.tab_row import TabRow

    await home(stage)
    job = stage.host.find_job(name)
    screen = JobScreen(stage.app.links["gauss"], job)
    await stage.app.push_screen(screen)
    view, whole = screen.query_one(LogView), len(stage.host.logs[job.name])
    await stage.until(lambda: view.buffer.size == whole and view.scroll_offset.y == view.max_scroll_y, "the log")
    await stage.until(lambda: job.state.ended or "GPU 0" in screen.query_one(TabRow).summary.plain, "what it uses")
