"""A sweep in the app: counted while its braces are typed, launched, and looked at with the best first."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from textual.widgets import Input

from floyd_tui.client.fake import NOW
from floyd_tui.client.fake_jobs import make_job
from floyd_tui.screens.batch import BatchDialog
from floyd_tui.screens.compare import CompareScreen
from floyd_tui.screens.group import GroupScreen
from floyd_tui.screens.job import JobScreen
from floyd_tui.screens.launch import LaunchScreen
from floyd_tui.screens.sweep_dialog import SweepDialog
from runner.models import JobState, Metric
from tests.support.shell_ui import ShellUi, shell_ui
from tests.tui.test_relaunch import form, on_job

LOSSES = {"0.1": (0.9, 0.4, 0.7), "0.03": (0.8, 0.3, 0.2), "0.01": (0.9, 0.8, 0.75), "0.3": ()}


def swept(ui: ShellUi) -> None:
    """Four jobs of a sweep: three run and log, the last one waits."""
    for number, (lr, losses) in enumerate(LOSSES.items(), 21):
        state = JobState.RUNNING if losses else JobState.QUEUED
        job = make_job(
            number, state, "digits", command=f"python train.py --lr={lr}", message=f"lr={lr}", group="lr-3f9a1c",
            values={"lr": lr, "seed": "1"}, created_at=NOW - 300 + number, started_at=NOW - 200 if losses else None,
            progress="" if losses else "waits for its group: 3 jobs of it at once",
            metrics={"loss": losses[-1], "accuracy": 1 - losses[-1]} if losses else {},
        )  # fmt: skip
        ui.host.metrics[job.name] = [
            Metric(name, value if name == "loss" else 1 - value, NOW - 100 + step, step)
            for step, value in enumerate(losses)
            for name in ("loss", "accuracy")
        ]
        ui.host.update(job)


async def group(ui: ShellUi) -> GroupScreen:
    """The group's screen, from the list, with its metrics."""
    await ui.sees("protein-fold")
    swept(ui)
    await on_job(ui, "digits/21")
    await ui.press("B")
    await ui.until(lambda: isinstance(ui.app.screen, GroupScreen), "the group")
    screen = ui.app.screen
    assert isinstance(screen, GroupScreen)
    await ui.until(lambda: screen.rows and screen.rows[0].best == 0.2, "their metrics")
    return screen


def order(screen: GroupScreen) -> list[int]:
    return [row.job.number for row in screen.rows]


async def test_the_best_comes_first_by_a_metric_that_is_chosen_and_the_rest_is_stopped(tmp_path: Path) -> None:
    async with shell_ui(tmp_path, (120, 40)) as ui:
        screen = await group(ui)
        assert order(screen) == [22, 21, 23, 24]
        await ui.sees("best first by loss, less is better")
        assert "waits for its group" in ui.text
        assert "seed" not in ui.text.splitlines()[2], "what is the same in all is no column"
        await ui.press("i")
        await ui.sees("best first by loss, more is better")
        assert order(screen) == [21, 23, 22, 24]
        await ui.press("m")
        await ui.sees("Judge by which metric?")
        await ui.press("down", "enter")
        await ui.sees("best first by accuracy, more is better")
        await ui.until(lambda: screen.rows[0].best == 0.8, "their accuracies")
        job = ui.host.find_job("digits/23")
        ui.host.metrics[job.name].append(Metric("accuracy", 0.99, NOW, 3))
        ui.host.update(replace(job, metrics={"loss": 0.1, "accuracy": 0.99}))
        await ui.until(lambda: order(screen)[0] == 23, "the new best, first")
        await ui.press("X")
        await ui.until(lambda: isinstance(ui.app.screen, BatchDialog), "the question")
        await ui.sees("Stop 3 jobs?")
        assert "Kept: the best by accuracy" in ui.text
        await ui.press("y")
        await ui.until(lambda: ui.host.find_job("digits/24").state is JobState.STOPPED, "the one that waited to stop")
        await ui.until(lambda: ui.host.find_job("digits/22").state is JobState.STOPPED, "the others to stop")
        assert ui.host.find_job("digits/23").state is JobState.RUNNING


async def test_marked_ones_are_compared_and_kept_and_one_is_opened_or_gone_on_with(tmp_path: Path) -> None:
    async with shell_ui(tmp_path, (80, 24)) as ui:
        screen = await group(ui)
        await ui.press("g", "space", "space")
        await ui.sees("✓ 2 marked")
        assert {job.number for job in screen.rest} == {23, 24}
        await ui.press("c")
        await ui.until(lambda: isinstance(ui.app.screen, CompareScreen), "them side by side")
        await ui.press("escape")
        await ui.until(lambda: ui.app.screen is screen, "the group")
        await ui.press("escape", "g")
        assert not screen.marked
        await ui.press("s")
        await ui.sees("Stop digits/22?")
        await ui.press("n")
        for key, source in (("r", "ada/datasets/digits/2"), ("o", "ada/projects/digits/22/output")):
            await ui.until(lambda: ui.app.screen is screen, "the group")
            shown = await form(ui, key)
            assert shown.values().command == "python train.py --lr=0.03"
            assert shown.values().mounts[-1][0] == source
            await ui.press("escape")
        await ui.until(lambda: ui.app.screen is screen, "the group")
        await ui.press("enter")
        await ui.until(lambda: isinstance(ui.app.screen, JobScreen), "the best one")
        await ui.press("B")
        await ui.until(lambda: isinstance(ui.app.screen, GroupScreen), "its group, from the job as well")


async def test_the_form_counts_while_one_types_and_lists_the_jobs_before_it_launches_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with shell_ui(tmp_path, (120, 40)) as ui:
        await on_job(ui, "digits/6")
        screen = await form(ui, "r")
        command = screen.query_one("#command", Input)
        command.value = "python train.py --lr={0.1,0.01} --seed={1..3}"
        await ui.sees("This makes 6 jobs: lr=0.1 seed=1")
        command.value = "python -c '{0.1,0.01}'"
        await ui.misses("This makes")
        screen.query_one("#sweep", Input).value = "lr={1..9} seed={1..3}"
        screen.query_one("#together", Input).value = "4"
        await ui.sees("This makes 27 jobs")
        await ui.press("ctrl+l")
        await ui.until(lambda: isinstance(ui.app.screen, SweepDialog), "so many are asked about")
        await ui.press("n")
        await ui.until(lambda: ui.app.screen is screen and not screen.query_one("#form").disabled, "the form")
        assert "launch" not in ui.host.calls
        screen.query_one("#sweep", Input).value = "lr={0.1,0.01}"
        await ui.sees("This makes 2 jobs")
        await ui.press("ctrl+s")
        await ui.sees("Launch them")
        await ui.press("enter")
        await ui.until(lambda: isinstance(ui.app.screen, GroupScreen), "the group")
        jobs = [ui.host.find_job(f"digits/{number}") for number in (8, 9)]
        assert [job.env["lr"] for job in jobs] == ["0.1", "0.01"]
        assert {(job.group, job.max_parallel) for job in jobs} == {(jobs[0].group, 4)}
        assert not isinstance(ui.app.screen, LaunchScreen)
