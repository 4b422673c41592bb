"""Charts of metrics under the hand: smoothed, zoomed, with other metrics and other jobs in them, and saved."""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from textual.app import App
from textual.widgets import OptionList, Static

from floyd_tui.client.fake import NOW
from floyd_tui.errors import HostUnreachable
from floyd_tui.metrics.axes import Span
from floyd_tui.metrics.runs import Series
from floyd_tui.metrics.trace import Trace
from floyd_tui.screens.metric_dialogs import SavePicker, TickDialog
from floyd_tui.widgets.chart import Chart
from floyd_tui.widgets.metrics_pane import MetricsPane
from runner.models import Metric
from tests.support.job_ui import JobUi, job_ui

JOB = "ada/projects/digits/7"


async def charts(ui: JobUi) -> MetricsPane:
    """Go to the metrics, the first chart in focus."""
    await ui.press("M")
    pane = ui.screen.query_one(MetricsPane)
    await ui.until(lambda: pane.query(Chart) and pane.query(Chart).first().has_focus, "the focus")
    return pane


def status(pane: MetricsPane) -> str:
    return str(pane.query_one(".charts-status", Static).render())


def seen(chart: Chart) -> str:
    """A chart's lines as they are drawn."""
    return "\n".join(chart.render_line(y).text for y in range(chart.size.height))


def holds(app: App[Any], path: Path) -> bool:
    """Whether the clipboard holds `path`."""
    return app.clipboard == str(path)


def window_of(chart: Chart) -> Span | None:
    """The part of x that a chart shows."""
    return chart.view.window


async def test_smoothing_keeps_the_curve_behind_and_is_told(tmp_path: Path) -> None:
    async with job_ui(tmp_path, size=(160, 48)) as ui:
        pane = await charts(ui)
        chart = pane.query(Chart).first()
        raw = chart.series[0].trace
        for smoothing in (0.6, 0.9, 0.98):
            await ui.press("S")
            assert f"smoothed by {smoothing}" in status(pane)
            assert chart.series[0].raw is raw
        assert abs(chart.series[0].trace.ys[-1] - raw.ys[-1]) > 0.01
        await ui.press("S")
        assert "smoothed" not in status(pane)
        assert chart.series[0].trace is raw
        # Apart, each metric has its own chart.
        await ui.press("enter", "p")
        assert [one.title for one in pane.query(Chart) if one.display] == ["loss"]
        await ui.press("enter")
        await ui.until(lambda: "val_loss" in [one.title for one in pane.query(Chart)], "charts of their own")
        await ui.press("p")
        await ui.until(lambda: "val_loss" not in [one.title for one in pane.query(Chart)], "them together")


async def test_zoom_follows_the_cursor_which_is_the_same_in_all_charts(tmp_path: Path) -> None:
    async with job_ui(tmp_path, size=(160, 48)) as ui:
        pane = await charts(ui)
        chart, other = pane.query(Chart)[0], pane.query(Chart)[1]
        await ui.press("left", "z", "z")
        window = window_of(chart)
        assert window
        assert chart.cursor == other.cursor is not None
        assert window.low <= (chart.cursor or 0) <= window.high
        assert "(zoom)" in seen(chart)
        await ui.press(*["shift+left"] * 12)
        further = window_of(chart)
        assert further
        assert further.low < window.low
        assert further.high - further.low == pytest.approx(window.high - window.low)
        await ui.press("Z", "Z")
        assert window_of(chart) is None
        await ui.pilot.hover(chart, offset=(30, 5))
        await ui.until(lambda: (other.cursor or 9999) < 1500, "what is under the mouse, in the other")
        assert "step" in seen(other)
        await ui.pilot.hover(ui.screen.query_one("TabRow"))
        await ui.until(lambda: chart.cursor is None, "it to go")


async def test_another_metric_and_other_jobs_are_drawn_in_a_chart(tmp_path: Path) -> None:
    async with job_ui(tmp_path, size=(160, 48)) as ui:
        pane = await charts(ui)
        app = ui.pilot.app
        await ui.press("v")
        await ui.until(lambda: isinstance(app.screen, TickDialog), "the question")
        await ui.press("escape", "v")
        await ui.until(lambda: isinstance(app.screen, TickDialog), "it again")
        await ui.press("j", "j", "space", "enter")
        await ui.until(lambda: app.screen is ui.screen, "the answer")
        chart = pane.query(Chart).first()
        assert [one.name for one in chart.series] == ["loss", "val_loss", "lr"]
        assert len({one.mark for one in chart.series}) == 3
        await ui.press("c")
        await ui.until(lambda: isinstance(app.screen, TickDialog), "which jobs")
        await ui.press("space", "j", "space", "enter")
        await ui.until(lambda: len(pane.runs) == 3, "their curves")
        await ui.until(lambda: "B digits/6   C digits/" in status(pane), "their names")
        chart = next(one for one in pane.query(Chart) if one.title == "accuracy")
        assert [one.mark for one in chart.series] == ["A", "B", "C"]
        ui.host.fail("metrics", HostUnreachable("The line broke.", "Is it on?"), 2)
        await ui.press("c")
        await ui.until(lambda: isinstance(app.screen, TickDialog), "which jobs")
        assert app.screen.query_one("TickList").ticked == {0, 1}  # type: ignore[attr-defined]
        await ui.press("space", "j", "space", "enter")
        await ui.until(lambda: len(pane.runs) == 1, "this job alone")


async def test_charts_are_saved_beside_what_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits-7-loss.svg").write_text("mine")
    async with job_ui(tmp_path, size=(120, 40)) as ui:
        pane = await charts(ui)
        app = ui.pilot.app
        for downs, path in enumerate(
            tmp_path / name for name in ("digits-7.csv", "digits-7-loss-2.svg", "digits-7-loss.png")
        ):
            await ui.press("ctrl+s")
            await ui.until(lambda: isinstance(app.screen, SavePicker), "the question")
            assert app.screen.query_one(OptionList).option_count == 3
            await ui.press(*["down"] * downs, "enter")
            await ui.until(partial(holds, app, path), f"{path} to be saved")
        lines = (tmp_path / "digits-7.csv").read_text().splitlines()
        assert lines[0] == "metric,step,epoch,time,value"
        assert len(lines) == pane.count + 1
        assert (tmp_path / "digits-7-loss.svg").read_text() == "mine"
        assert "<polyline" in (tmp_path / "digits-7-loss-2.svg").read_text()
        assert (tmp_path / "digits-7-loss.png").read_bytes().startswith(b"\x89PNG")
        monkeypatch.setattr("floyd_tui.screens.metric_dialogs.Path.cwd", lambda: tmp_path / "gone")
        await ui.press("ctrl+s")
        await ui.until(lambda: isinstance(app.screen, SavePicker), "the question")
        await ui.press("enter")
        await ui.until(lambda: any("cannot be written" in str(n.message) for n in app._notifications), "why not")


async def test_what_cannot_be_drawn_is_said(tmp_path: Path) -> None:
    async with job_ui(tmp_path, size=(120, 40)) as ui:
        pane = await charts(ui)
        chart = pane.query(Chart).first()
        chart.show([Series("a", Trace([(0, 1), (1, math.nan), (2, 3)]))], "step")
        assert "1 not a number" in seen(chart)
        chart.show([Series("a", Trace([(0, -1), (1, 0), (2, -3)]))], "step")
        assert "not" not in seen(chart)
        await ui.press("l")
        assert "no value is above 0; l draws them as they are" in seen(chart)
        assert "3 not above 0" in seen(chart)
        chart.show([Series("a", Trace([(5, 0.25)]))], "step")
        assert "a (log)" not in seen(chart)
        assert any(0x2800 < ord(char) < 0x2900 for char in seen(chart))
        await ui.press("l")
        chart.show([Series(f"metric_{i}", Trace([(0, i), (1, i)])) for i in range(40)], "step")
        assert "more" in seen(chart)
        chart.show([Series("a", Trace())], "step")
        assert "no numbers to draw yet" in seen(chart)


async def test_a_job_alone_in_its_project_says_so(tmp_path: Path) -> None:
    async with job_ui(tmp_path, "protein-fold/3", size=(120, 40)) as ui:
        ui.host.metrics["ada/projects/protein-fold/3"] = [Metric("loss", 0.5, NOW, 1)]
        pane = await charts(ui)
        await ui.press("v")
        await ui.until(lambda: any("no other metric" in n.message for n in ui.pilot.app._notifications), "why not")
        for job in [*ui.host.jobs.values()]:
            if job.project == "protein-fold" and job.number != 3:
                del ui.host.jobs[job.name]
        await ui.press("c")
        await ui.until(lambda: any("No other job" in n.message for n in ui.pilot.app._notifications), "why not")
        assert len(pane.runs) == 1
