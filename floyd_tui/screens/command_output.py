"""What one of a person's own commands prints, as it comes."""

from __future__ import annotations

from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Log, Static

from floyd_tui.screens.custom_keys import end, start
from floyd_tui.widgets.format import plain
from floyd_tui.widgets.log_text import shown

MOST_LINES = 10_000


class CommandOutput(ModalScreen[None]):
    """Shows lines as a command prints them; Esc ends it where it still runs, and leaves."""

    CSS_PATH = ["dialog.tcss", "command_output.tcss"]  # noqa: RUF012  (Textual declares it so)
    AUTO_FOCUS = "Log"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "Close", id="output.close", tooltip="End it where it still runs, and leave"),
    ]

    def __init__(self, name: str, line: str) -> None:
        super().__init__()
        self._title, self._line = name, line

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog"):
            yield Static(plain(self._title), id="question", markup=False)
            yield Log(max_lines=MOST_LINES)
            yield Static("◐ it runs · Esc ends it", id="ended", classes="dim", markup=False)

    def on_mount(self) -> None:
        self._run()

    @work(exclusive=True, group="run", exit_on_error=False)
    async def _run(self) -> None:
        process, log = await start(self._line), self.query_one(Log)
        try:
            assert process.stdout is not None
            rest = b""
            while part := await process.stdout.read(65536):
                *lines, rest = (rest + part).split(b"\n")
                log.write_lines([shown(each) for each in lines])
            if rest:
                log.write_line(shown(rest))
            code = await process.wait()
        finally:
            if process.returncode is None:
                end(process)
        said = "✔ done" if code == 0 else f"✘ it ended with {code}"
        self.query_one("#ended", Static).update(f"{said} · Esc closes")
