"""On a real runner: two keys from a finished job to one that goes on from it, and a sweep from the form to its stop."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Input

from floyd_tui.app import FloydApp
from floyd_tui.client.links import Links
from floyd_tui.config import Config, HostConfig
from floyd_tui.screens.batch import BatchDialog
from floyd_tui.screens.group import GroupScreen
from floyd_tui.screens.home import HomeScreen
from runner.models import JobState
from tests.support.runner import RunnerProcess
from tests.tui.test_shell_life import Life, log_of

# Goes on from an output where one is mounted; logs a loss that says how far $lr is from 3; goes on with $lr.
TRAIN = """\
cat "${FLOYD_INPUT:-/floyd/input}/previous/model.txt" 2>/dev/null && echo goes on && sleep 600
echo weights >model.txt
if [ "$lr" ]; then echo '{"metric": "loss", "value": '$((3 - lr))'}'; sleep 600; fi
"""

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def app(tmp_path: Path, runner: RunnerProcess, monkeypatch: pytest.MonkeyPatch) -> FloydApp:
    """The app on a runner of this machine, in a project's folder."""
    folder = tmp_path / "net"
    folder.mkdir()
    (folder / "floyd.yml").write_text("command: sh train.sh\n")
    (folder / "train.sh").write_text(TRAIN)
    monkeypatch.chdir(folder)
    config = Config(tmp_path, {"local": HostConfig("local", data_dir=str(runner.data_dir))})
    return FloydApp(Links(config), config)


async def test_two_keys_from_a_finished_job_to_its_successor_and_a_sweep_best_first(app: FloydApp) -> None:
    async with app.run_test(size=(110, 40)) as pilot:
        life = Life(pilot)
        await life.form("n")
        first = await life.launched("enter")
        await life.job_is(first, JobState.SUCCEEDED)
        home = await life.on(HomeScreen, "escape")
        await life.until(lambda: home.job and home.job.state.ended, "the finished job under the cursor")

        await life.form("o")
        successor = await life.launched("enter")
        await life.until(lambda: "weights\ngoes on" in log_of(successor), "the parent's output in its log")
        assert successor.job.relaunched_from == first.job.name
        assert [one.source for one in successor.job.inputs] == [first.job.name]
        assert successor.job.code == first.job.code
        await life.stop()
        await life.job_is(successor, JobState.STOPPED)
        await life.on(HomeScreen, "escape")

        await the_sweep(life, app)


async def the_sweep(life: Life, app: FloydApp) -> None:
    """`n` with a grid: four jobs as one group, the best first; `X` stops the others."""
    form = await life.form("n")
    form.query_one("#sweep", Input).value = "lr={0..3}"
    group: GroupScreen = await life.on(GroupScreen, "ctrl+l")
    await life.until(lambda: [row.best for row in group.rows] == [0, 1, 2, 3], "the metrics of all, the best first")
    assert [row.job.values for row in group.rows] == [{"lr": str(lr)} for lr in (3, 2, 1, 0)]
    assert len({row.job.code for row in group.rows}) == 1
    await life.on(BatchDialog, "X")
    await life.pilot.press("y")
    stopped = [JobState.RUNNING, *[JobState.STOPPED] * 3]
    await life.until(lambda: [row.job.state for row in group.rows] == stopped, "the rest to stop")
    await app.link.client.stop(group.rows[0].job.name)
