"""A job's log on its screen while the line to its host breaks again and again: every line once, in order."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.app import App, ComposeResult

from floyd_tui import themes
from floyd_tui.client.link import HostLink
from floyd_tui.screens.job_log import JobLog
from runner.models import Job, Launch
from tests.integration.test_cut_lines import link_over
from tests.support.job_ui import wait_until
from tests.support.line import Break, Line
from tests.support.runner import RunnerProcess
from tests.support.sshd import Sshd

pytestmark = pytest.mark.sshd

LINES = 30_000
# Numbers by it look like noise, which does not compress.
PRIME = 2**61 - 1
# 10,000 lines a second.
WRITES = f"""python3 -u -c '
import time
P = {PRIME}
for part in range({LINES} // 500):
    print("".join(f"line {{n}} {{n ** 9 % P:x}}\\n" for n in range(500 * part, 500 * part + 500)), end="")
    time.sleep(0.05)
'"""


class LogApp(App[None]):
    """A job's log alone."""

    def __init__(self, link: HostLink, job: Job) -> None:
        super().__init__()
        self._link, self._job = link, job

    def compose(self) -> ComposeResult:
        yield JobLog(self._link, self._job)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return themes.meanings(self.current_theme)


async def test_every_line_comes_once_through_a_line_that_breaks(
    tmp_path: Path, sshd: Sshd, runner: RunnerProcess
) -> None:
    with Line(sshd.port) as line:
        async with link_over(line, sshd, runner, tmp_path / "config") as link:
            job = await link.client.launch(Launch("noisy", WRITES))
            app = LogApp(link, job)
            async with app.run_test(size=(80, 24)) as pilot:
                view = app.query_one(JobLog).view
                for how in (Break.RESET, Break.END, Break.RESET):
                    line.cut("down", 20_000, how)
                    await wait_until(pilot, lambda: line.sprung, "the break")
                await wait_until(pilot, lambda: view.ended, "the end")
                log = view.buffer.read(0, view.buffer.size)
                assert log.decode().splitlines() == [f"line {number} {number**9 % PRIME:x}" for number in range(LINES)]
                assert view.buffer.lines == LINES
