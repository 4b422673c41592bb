"""One job on its screen: what it shows in each state, its tabs, its keys."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from textual.widgets import ContentSwitcher, Static

from floyd_tui.client.fake import NOW, FakeFile
from floyd_tui.client.protocol import LinkState
from floyd_tui.errors import HostUnreachable
from floyd_tui.metrics.runs import stem
from floyd_tui.screens.confirm import Confirm
from floyd_tui.screens.download import DownloadScreen
from floyd_tui.screens.launch import LaunchScreen
from floyd_tui.screens.preview import PreviewScreen
from floyd_tui.widgets.chart import Chart
from floyd_tui.widgets.file_tree import FileTree
from floyd_tui.widgets.info_pane import InfoPane, sections
from floyd_tui.widgets.log_view import LogView
from floyd_tui.widgets.metrics_pane import MetricsPane
from floyd_tui.widgets.note import Note
from floyd_tui.widgets.tab_row import TabRow
from runner.models import Attempt, JobState, Metric, Retry
from tests.support.job_ui import JobUi, job_ui

JOB = "ada/projects/digits/7"


def text(ui: JobUi, selector: str) -> str:
    return str(ui.screen.query_one(selector, Static).render())


def note(ui: JobUi, selector: str = "LogPane") -> str:
    found = ui.screen.query_one(selector).query_one(Note)
    return str(found.render()) if found.has_class("-shown") else ""


def files(ui: JobUi) -> list[str]:
    return [row.key for row in ui.screen.query_one(FileTree)._rows_shown]


def bindings(ui: JobUi) -> dict[str, bool]:
    return {active.binding.key: active.enabled for active in ui.screen.active_bindings.values()}


async def test_the_header_tells_how_it_stands(tmp_path: Path) -> None:
    async with job_ui(tmp_path) as ui:
        await ui.until(lambda: "running" in text(ui, "#job-title"), "the state")
        assert "digits/7" in text(ui, "#job-title")
        assert "go on from 6, lower lr" in text(ui, "#job-title")
        assert text(ui, "#job-time") == "26m 00s of 4h 00m"
        assert "loss 0.1" in text(ui, "#job-news")


async def test_attempts_are_counted_and_told(tmp_path: Path) -> None:
    before = (
        Attempt(JobState.LOST, NOW - 9000, NOW - 6000, 2048, None, "The host was restarted while it ran."),
        Attempt(JobState.FAILED, NOW - 5900, NOW - 5000, 3072, 75, ""),
    )
    async with job_ui(tmp_path) as ui:
        await ui.until(lambda: "running" in text(ui, "#job-title"), "the state")
        ui.host.update(replace(ui.host.find_job(JOB), retry=Retry(3), attempts=before))
        await ui.until(lambda: "attempt 3 of 4" in text(ui, "#job-title"), "the attempt")
        await ui.press("I")
        told = text(ui, "#info-facts")
        assert "retry        3 on [lost, oom, exit 75]" in told
        assert "1 of 4       ? lost" in told
        assert "             The host was restarted while it ran." in told
        assert "2 of 4       ✘ failed  exit 75" in told
        assert "15m 00s, log 1.0 KiB" in told


async def test_an_end_is_shown_when_it_happens(tmp_path: Path) -> None:
    async with job_ui(tmp_path) as ui:
        await ui.until(lambda: ui.screen.query_one(LogView).buffer.size, "the log")
        ui.host.finish(JOB, JobState.FAILED, 137, "Killed for memory.")
        await ui.until(lambda: "failed" in text(ui, "#job-title"), "the state")
        assert text(ui, "#job-news") == "exit 137  Killed for memory."
        assert bindings(ui)["s"] is False


async def test_preparing_shows_its_progress_in_place_of_the_log(tmp_path: Path) -> None:
    async with job_ui(tmp_path, "whisper-nl/13") as ui:
        await ui.until(lambda: "1.9 of 3.4 GB" in note(ui), "the progress")
        job = ui.host.find_job("whisper-nl/13")
        ui.host.update(replace(job, progress="Pulling pytorch-2.8: 3.0 of 3.4 GB"))
        await ui.until(lambda: "3.0 of 3.4 GB" in note(ui), "more progress")
        ui.host.update(replace(job, state=JobState.RUNNING, started_at=NOW, progress=""))
        await ui.until(lambda: "written nothing yet" in note(ui), "the start")
        ui.host.write_log(job.name, b"hello\n")
        await ui.until(lambda: not note(ui), "the log")
        assert ui.screen.query_one(LogView).display


async def test_a_queued_job_says_what_it_waits_for(tmp_path: Path) -> None:
    async with job_ui(tmp_path, "whisper-nl/14") as ui:
        await ui.until(lambda: "waits for 2 GPUs, 1 free" in note(ui), "the reason")
        keys = bindings(ui)
        assert (keys["s"], keys["o"], keys["d"]) == (True, False, False)


async def test_tabs_by_brackets_letters_and_mouse(tmp_path: Path) -> None:
    async with job_ui(tmp_path) as ui:
        switcher = ui.screen.query_one(ContentSwitcher)
        seen = []
        for key in ("right_square_bracket",) * 7 + ("left_square_bracket", "M", "U", "O", "C", "I", "A", "L"):
            await ui.press(key)
            seen.append(switcher.current)
        there = ["metrics", "usage", "files", "code", "info", "lineage", "logs"]
        assert seen == [*there, "lineage", *there]
        await ui.pilot.click(ui.screen.query(".tab")[3])
        await ui.until(lambda: switcher.current == "files", "the tab clicked")
        assert ui.screen.query_one(TabRow).current == "files"


async def test_metrics_that_belong_together_share_a_chart(tmp_path: Path) -> None:
    async with job_ui(tmp_path) as ui:
        await ui.press("M")
        pane = ui.screen.query_one(MetricsPane)
        await ui.until(lambda: [chart.title for chart in pane.query(Chart)] == ["loss", "accuracy", "lr"], "charts")
        chart = pane.query(Chart)[0]
        assert [series.name for series, _ in chart.readout()[1]] == ["loss", "val_loss"]
        await ui.until(lambda: chart.has_focus, "the focus")
        await ui.press("left", "shift+left")
        where, values = chart.readout()
        assert where.startswith("step ")
        assert values[0][1] != ui.host.metrics[JOB][-1].value
        await ui.press("x")
        assert (pane.axis, chart.readout()[0].startswith("epoch")) == ("epoch", True)
        await ui.press("enter")
        assert [one.title for one in pane.query(Chart) if one.display] == ["loss"]
        await ui.press("l")
        assert chart.logarithmic


async def test_new_points_and_new_metrics_appear(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("floyd_tui.screens.job_metrics.POLL_SECONDS", 0.05)
    async with job_ui(tmp_path) as ui:
        await ui.press("M")
        pane = ui.screen.query_one(MetricsPane)
        await ui.until(lambda: pane.count == len(ui.host.metrics[JOB]), "the points")
        ui.host.metrics[JOB].append(Metric("f1", 0.5, NOW, 1))
        ui.host.metrics[JOB].append(Metric("loss", float("nan"), NOW, 10_000))
        await ui.until(lambda: any(chart.title == "f1" for chart in pane.query(Chart)), "the new one")
        assert pane.count == len(ui.host.metrics[JOB])


async def test_without_metrics_it_says_how_to_have_some(tmp_path: Path) -> None:
    async with job_ui(tmp_path, "protein-fold/3") as ui:
        await ui.press("M")
        await ui.until(lambda: '{"metric": "loss"' in note(ui, "MetricsPane"), "the hint")


@pytest.mark.parametrize(
    ("name", "expected"),
    [("val_loss", "loss"), ("train/loss", "loss"), ("loss-test", "loss"), ("validation", "validation"), ("lr", "lr")],
)
def test_what_belongs_together(name: str, expected: str) -> None:
    assert stem(name) == expected


async def test_files_open_lazily_and_stay_true(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("floyd_tui.screens.job_tree.POLL_SECONDS", 0.05)
    async with job_ui(tmp_path) as ui:
        await ui.press("O")
        roots = ["checkpoints", "runs", "samples", "config.json", "history.csv", "notes.md"]
        await ui.until(lambda: files(ui) == roots, "the root")
        await ui.press("enter")
        await ui.until(lambda: "checkpoints/best.pt" in files(ui), "the folder's files")
        await ui.press("j")
        ui.host.sources[f"{JOB}/output"].append(FakeFile("checkpoints/epoch-024.pt", b"new"))
        await ui.until(lambda: "checkpoints/epoch-024.pt" in files(ui), "the new file")
        table = ui.screen.query_one(FileTree)
        assert table.cursor_key == "checkpoints/best.pt"
        await ui.press("left")
        assert files(ui) == roots
        assert table.cursor_key == "checkpoints"


async def test_enter_previews_a_file(tmp_path: Path) -> None:
    async with job_ui(tmp_path) as ui:
        await ui.press("O")
        await ui.until(lambda: files(ui), "the output")
        await ui.press("j", "j", "j", "enter")
        await ui.until(lambda: isinstance(ui.pilot.app.screen, PreviewScreen), "the preview")
        await ui.until(lambda: ui.pilot.app.screen.query("JsonTree"), "the JSON laid out")
        await ui.press("escape", "k", "k", "k", "enter")
        await ui.until(lambda: len(files(ui)) > 6, "the folder")
        await ui.press("j", "enter")
        await ui.until(lambda: isinstance(ui.pilot.app.screen, PreviewScreen), "the preview")
        await ui.until(lambda: ui.pilot.app.screen.query(LogView), "its bytes")
        view = ui.pilot.app.screen.query_one(LogView)
        await ui.until(lambda: view.buffer.lines > 4, "what it is")
        assert b"PyTorch" in view.buffer.line(0).data


async def test_info_tells_what_it_ran(tmp_path: Path) -> None:
    async with job_ui(tmp_path, size=(160, 48)) as ui:
        await ui.press("I")
        await ui.until(lambda: "models/convnet.py" in text(ui, "#info-facts"), "the code's files")
        facts = text(ui, "#info-facts")
        job = ui.host.find_job(JOB)
        fetched = replace(job, inputs=(replace(job.inputs[0], origin="https://example.org/digits.tgz"),))
        inputs = dict(sections(fetched, None))["Inputs"]
        assert inputs[-1][1].plain == "from https://example.org/digits.tgz"
        for expected in (job.command, job.code, "ada/datasets/digits/2", job.inputs[0].tree, "pytorch-2.8", job.image):
            assert str(expected) in facts
        for expected in ("32.0 GiB", "OMP_NUM_THREADS=8", "made from    ada/projects/digits/6", job.devices[0]):
            assert expected in facts
        await ui.press("y")
        assert ui.pilot.app.clipboard == job.command
        assert ui.screen.query_one(InfoPane).has_focus


async def test_stop_asks_first_with_no_focused(tmp_path: Path) -> None:
    async with job_ui(tmp_path) as ui:
        await ui.press("s")
        await ui.until(lambda: isinstance(ui.pilot.app.screen, Confirm), "the question")
        await ui.press("enter")
        await ui.until(lambda: ui.pilot.app.screen is ui.screen, "No")
        assert ui.host.find_job(JOB).state is JobState.RUNNING
        await ui.press("s")
        await ui.until(lambda: isinstance(ui.pilot.app.screen, Confirm), "the question")
        await ui.press("y")
        await ui.until(lambda: "stopped" in text(ui, "#job-title"), "the end")


async def test_launching_again_and_going_on(tmp_path: Path) -> None:
    async with job_ui(tmp_path, "digits/6") as ui:
        for key in ("r", "o"):
            await ui.press(key)
            await ui.until(lambda: isinstance(ui.pilot.app.screen, LaunchScreen), "the form")
            await ui.press("escape")
            await ui.until(lambda: ui.pilot.app.screen is ui.screen, "back")


async def test_download_opens_on_all_or_on_the_file(tmp_path: Path) -> None:
    async with job_ui(tmp_path, "digits/6") as ui:
        await ui.press("d")
        await ui.until(lambda: isinstance(ui.pilot.app.screen, DownloadScreen), "the dialog")
        screen = ui.pilot.app.screen
        assert isinstance(screen, DownloadScreen)
        assert (screen.source, screen.paths) == ("ada/projects/digits/6/output", ("",))
        await ui.press("escape", "O")
        await ui.until(lambda: files(ui), "the files")
        await ui.press("d")
        await ui.until(lambda: isinstance(ui.pilot.app.screen, DownloadScreen), "the dialog")
        screen = ui.pilot.app.screen
        assert isinstance(screen, DownloadScreen)
        assert screen.paths == ("checkpoints",)


async def test_a_lost_host_leaves_the_last_known_dimmed(tmp_path: Path) -> None:
    async with job_ui(tmp_path) as ui:
        view = ui.screen.query_one(LogView)
        await ui.until(lambda: view.buffer.size, "the log")
        gone = HostUnreachable("gauss does not answer.")
        ui.link.set_status(LinkState.RETRYING, gone)
        for method in ("events", "logs"):
            ui.host.fail(method, gone)
        ui.host.drop()
        await ui.until(lambda: ui.screen.query_one(ContentSwitcher).has_class("-stale"), "the dimming")
        assert view.buffer.size
        assert "as of" in text(ui, "#tab-summary")
        ui.link.set_status(LinkState.LIVE)
        await ui.until(lambda: not ui.screen.query_one(ContentSwitcher).has_class("-stale"), "life again")


async def test_a_log_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    async with job_ui(tmp_path, "digits/1") as ui:
        ui.host.fail("logs", HostUnreachable("gauss does not answer.", "Check that it is on."), times=50)
        await ui.press("escape")
        from floyd_tui.screens.job import JobScreen

        screen = JobScreen(ui.link, ui.host.find_job("digits/1"))
        ui.screen = screen
        await ui.pilot.app.push_screen(screen)
        await ui.until(lambda: "Check that it is on." in note(ui), "the sentence")


async def test_leaving_ends_its_workers(tmp_path: Path) -> None:
    async with job_ui(tmp_path) as ui:
        await ui.press("M")
        await ui.until(lambda: ui.screen.query(Chart), "charts")
        await ui.until(lambda: len(ui.host.listeners) == 3, "the list, the job, and who tells of jobs that end")
        await ui.press("escape")
        await ui.until(lambda: not ui.screen.is_attached, "the list")
        await ui.until(lambda: len(ui.host.listeners) == 2, "the end of its events")
        assert not [worker for worker in ui.pilot.app.workers if worker.node is ui.screen and not worker.is_finished]


async def test_what_it_uses_is_shown_while_it_runs(tmp_path: Path) -> None:
    async with job_ui(tmp_path, size=(120, 40)) as ui:
        await ui.until(lambda: "GPU 0 87%" in text(ui, "#tab-summary"), "the GPU")
        assert "CPU 4.0" in text(ui, "#tab-summary")
        assert "RAM 9.4 GiB" in text(ui, "#tab-summary")
        ui.host.finish(JOB)
        await ui.until(lambda: "log" in text(ui, "#tab-summary"), "sizes in its place")


async def test_reading_a_long_log_says_how_far_it_is(tmp_path: Path) -> None:
    async with job_ui(tmp_path) as ui:
        await ui.until(lambda: ui.screen.query_one(LogView).buffer.size, "the log")
        ui.host.update(replace(ui.host.find_job(JOB), log_size=50 << 20))
        ui.host.logs[JOB] += b"more\n"
        ui.host.tell()
        await ui.until(lambda: "reading 0% of 50.0 MiB" in text(ui, "#log-status"), "how far")
