"""The log by its keys: follow, pause, search, filter, wrap, copy."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Input, Static

from floyd_tui.client.protocol import LinkState
from floyd_tui.errors import HostUnreachable
from floyd_tui.widgets.log_pane import LogPane
from floyd_tui.widgets.log_text import shown
from floyd_tui.widgets.log_view import LogView
from runner.models import JobState
from tests.support.job_ui import JobUi, job_ui

JOB = "ada/projects/digits/7"


def view(ui: JobUi) -> LogView:
    return ui.screen.query_one(LogView)


def status(ui: JobUi) -> str:
    return str(ui.screen.query_one("#log-status", Static).render())


def at_end(ui: JobUi) -> bool:
    return view(ui).scroll_offset.y == view(ui).max_scroll_y > 0


def rows(ui: JobUi) -> list[str]:
    return [view(ui).render_line(y).text.rstrip() for y in range(view(ui).size.height)]


async def opened(ui: JobUi) -> None:
    await ui.until(lambda: view(ui).buffer.size == len(ui.host.logs[JOB]) and at_end(ui), "the log's end in sight")


async def test_it_follows_and_pauses_and_follows_again(tmp_path: Path) -> None:
    async with job_ui(tmp_path) as ui:
        await opened(ui)
        ui.host.write_log(JOB, b"one more line\n")
        await ui.until(lambda: rows(ui)[-1] == "one more line", "the new line at the end")
        await ui.press("k", "k")
        await ui.until(lambda: "paused" in status(ui), "the pause")
        here = view(ui).scroll_offset.y
        ui.host.write_log(JOB, b"unseen\n" * 50)
        await ui.until(lambda: view(ui).buffer.size == len(ui.host.logs[JOB]), "the rest")
        await ui.pilot.pause(0.1)
        assert view(ui).scroll_offset.y == here
        await ui.press("f")
        await ui.until(lambda: rows(ui)[-1] == "unseen", "the end again")
        assert "following" in status(ui)


async def test_scrolling_down_to_the_end_follows_again(tmp_path: Path) -> None:
    async with job_ui(tmp_path) as ui:
        await opened(ui)
        await ui.press("k")
        await ui.until(lambda: not view(ui).following, "the pause")
        await ui.press("j")
        await ui.until(lambda: view(ui).following, "following")


async def test_search_marks_counts_and_steps(tmp_path: Path) -> None:
    async with job_ui(tmp_path) as ui:
        await opened(ui)
        await ui.press("slash", *"gradient", "enter")
        await ui.until(lambda: view(ui).current is not None, "a match")
        total = bytes(ui.host.logs[JOB]).count(b"gradient")
        await ui.until(lambda: f" of {total}" in status(ui), "the count")
        first = view(ui).current
        await ui.press("n")
        assert view(ui).current != first
        await ui.press("N")
        assert view(ui).current == first
        assert first is not None
        assert "gradient" in shown(view(ui).buffer.line(first).data)


async def test_matches_that_come_later_are_found(tmp_path: Path) -> None:
    async with job_ui(tmp_path) as ui:
        await opened(ui)
        await ui.press("slash", *"zebra", "enter")
        await ui.until(lambda: "/zebra  0" in status(ui), "no match")
        ui.host.write_log(JOB, b"a Zebra\n")
        await ui.until(lambda: "/zebra  1" in status(ui), "the new match")


async def test_filter_and_its_inverse(tmp_path: Path) -> None:
    async with job_ui(tmp_path) as ui:
        await opened(ui)
        await ui.press("ampersand", *"^epoch", "enter")
        await ui.until(lambda: view(ui).shown_lines == 60, "only the lines of epochs")
        assert all(line.lower().startswith("epoch") for line in rows(ui) if line)
        await ui.press("exclamation_mark")
        await ui.until(lambda: view(ui).shown_lines == view(ui).buffer.lines - 60, "the others")
        await ui.press("slash", "escape")
        await ui.until(lambda: view(ui).shown_lines == view(ui).buffer.lines, "all lines")
        assert view(ui).has_focus


async def test_a_bad_expression_is_said_and_the_log_stays(tmp_path: Path) -> None:
    async with job_ui(tmp_path) as ui:
        await opened(ui)
        await ui.press("slash", "left_parenthesis")
        await ui.until(lambda: "Not a regular expression" in status(ui), "the sentence")
        assert any(rows(ui))


async def test_errors_are_found_by_one_key(tmp_path: Path) -> None:
    async with job_ui(tmp_path, "digits/2") as ui:
        await ui.until(lambda: view(ui).ended, "the log")
        await ui.press("e")
        await ui.until(lambda: view(ui).current is not None, "an error")
        first = view(ui).current
        await ui.press("e")
        lines = [shown(view(ui).buffer.line(n).data) for n in (first or 0, view(ui).current or 0)]
        assert sorted(line.split()[0] for line in lines) == ["Traceback", "torch.OutOfMemoryError:"]


async def test_wrapping_shows_all_of_a_long_line(tmp_path: Path) -> None:
    async with job_ui(tmp_path) as ui:
        await opened(ui)
        text = "".join(f"{i:04d} " for i in range(100))
        ui.host.write_log(JOB, text.encode() + b"\n")
        await ui.until(lambda: rows(ui)[-1].startswith("0000"), "the long line")
        assert "0099" not in "".join(rows(ui))
        await ui.press("z")
        await ui.until(lambda: "0099" in "".join(rows(ui)), "its end")
        assert "".join(rows(ui)[-7:]).replace(" ", "").endswith("00980099")
        await ui.press("z")
        await ui.until(lambda: "0099" not in "".join(rows(ui)), "one row again")


async def test_times_are_shown_beside_the_lines(tmp_path: Path) -> None:
    async with job_ui(tmp_path) as ui:
        await opened(ui)
        await ui.press("g", "T")
        await ui.until(lambda: rows(ui)[0][2:3] == ":", "a time")
        assert rows(ui)[0][9:].startswith("digits: training")


async def test_a_time_is_gone_to(tmp_path: Path) -> None:
    async with job_ui(tmp_path) as ui:
        await opened(ui)
        await ui.press("at", *"soon", "enter")
        await ui.until(lambda: "Not a time: 'soon'. Write it like 14:05," in status(ui), "the sentence")
        assert ui.screen.query_one("#log-input", Input).has_focus
        ui.screen.query_one("#log-input", Input).value = "+1m"
        await ui.press("enter")
        buffer, began = view(ui).buffer, ui.screen.job.started_at
        assert began
        await ui.until(lambda: view(ui).current is not None, "the line of that time")
        number = view(ui).current or 0
        at, before = (buffer.time_at(buffer.line(line).offset) for line in (number, number - 1))
        assert before is not None
        assert at is not None
        assert before < began + 60 <= at
        assert view(ui).has_focus
        assert not view(ui).following
        assert view(ui).search is None


async def test_copying_takes_the_match_and_mouse_selections(tmp_path: Path) -> None:
    async with job_ui(tmp_path) as ui:
        await opened(ui)
        await ui.press("slash", *"reading", "enter")
        await ui.until(lambda: view(ui).current == 1, "the match")
        await ui.press("y")
        await ui.until(lambda: ui.pilot.app.clipboard == "reading /floyd/input/digits: 1797 images, 10 classes", "it")
        await ui.press("shift+down", "shift+down", "shift+down", "shift+up", "y")
        await ui.until(lambda: ui.pilot.app.clipboard.startswith("reading /floyd"), "the lines")
        await ui.until(lambda: "34 labels have no image" in ui.pilot.app.clipboard, "two lines")
        assert ui.pilot.app.clipboard.count("\n") == 1
        await ui.press("slash", "escape", "g")
        await ui.until(lambda: view(ui).scroll_offset.y == 0, "the top")
        await ui.pilot.mouse_down(LogView, offset=(9, 0))
        await ui.pilot.hover(LogView, offset=(7, 1))
        await ui.pilot.mouse_up(LogView, offset=(7, 1))
        await ui.press("y")
        copied = "training on cuda:0 (NVIDIA A100-SXM4-80GB), torch 2.8.0\nreading"
        await ui.until(lambda: ui.pilot.app.clipboard == copied, "what was selected")


async def test_a_lost_line_goes_on_at_the_missing_byte(tmp_path: Path) -> None:
    async with job_ui(tmp_path) as ui:
        await opened(ui)
        gone = HostUnreachable("The line broke.")
        ui.link.set_status(LinkState.RETRYING, gone)
        ui.host.fail("logs", gone)
        ui.host.write_log(JOB, b"first after\n")
        ui.host.write_log(JOB, b"second after\n")
        ui.link.set_status(LinkState.LIVE)
        await ui.until(lambda: view(ui).buffer.size == len(ui.host.logs[JOB]), "the rest")
        buffer = view(ui).buffer
        assert buffer.read(0, buffer.size) == bytes(ui.host.logs[JOB])


async def test_the_end_is_said(tmp_path: Path) -> None:
    async with job_ui(tmp_path) as ui:
        await opened(ui)
        ui.host.finish(JOB, JobState.FAILED, 1, "The command ended with exit code 1.")
        await ui.until(lambda: "end of log" in status(ui), "the end")


async def test_a_log_of_many_lines_draws_only_what_is_seen(tmp_path: Path) -> None:
    async with job_ui(tmp_path) as ui:
        await opened(ui)
        ui.host.write_log(JOB, b"".join(b"line %d\n" % i for i in range(300_000)))
        await ui.until(lambda: rows(ui)[-1] == "line 299999", "the last of many")
        assert len(view(ui)._strips) < 600
        await ui.press("g")
        await ui.until(lambda: rows(ui)[0].startswith("digits"), "the first")


async def test_a_search_typed_stays_editable(tmp_path: Path) -> None:
    async with job_ui(tmp_path) as ui:
        await opened(ui)
        await ui.press("slash", *"epoc", "enter", "slash")
        field = ui.screen.query_one("#log-input", Input)
        assert field.has_focus
        assert field.value == "epoc"
        assert ui.screen.query_one(LogPane).has_class("-searching")


async def test_saving_writes_all_of_it_beside_what_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits-7.log").write_text("mine")
    async with job_ui(tmp_path) as ui:
        await opened(ui)
        await ui.press("ctrl+s")
        saved = tmp_path / "digits-7-2.log"
        await ui.until(lambda: saved.exists() and saved.stat().st_size == len(ui.host.logs[JOB]), "the file")
        assert saved.read_bytes() == bytes(ui.host.logs[JOB])
        assert (tmp_path / "digits-7.log").read_text() == "mine"
