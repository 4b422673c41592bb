"""A log with search and filter, errors by one key, copying and saving."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.binding import Binding, BindingType
from textual.geometry import Offset
from textual.reactive import var
from textual.selection import Selection

from floyd_tui.widgets.clipboard import copy
from floyd_tui.widgets.log_buffer import Line
from floyd_tui.widgets.log_lines import DRAW_SECONDS, LogLines
from floyd_tui.widgets.log_search import ERRORS, LogSearch, compile_pattern
from floyd_tui.widgets.log_text import shown

COPY_LINES = 20_000
LONGEST_LOOK = 0.01
"""Seconds that marking the matches of one line may take."""


class LogView(LogLines):
    """`LogLines` that `find` searches; with `only`, just the matching lines are shown."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"log-view--match"}
    DEFAULT_CSS = "LogView > .log-view--match { background: $warn; color: $background; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "match(1)", "Next match", show=False, id="log.next", tooltip="To the next match of the search"),
        Binding("N", "match(-1)", "Previous match", show=False, id="log.previous", tooltip="To the match before"),
        Binding("e", "error(1)", "Error", id="log.error", tooltip="To the next line that looks like an error"),
        Binding("E", "error(-1)", "Previous error", show=False, id="log.error-before", tooltip="To the error before"),
        Binding(
            "shift+down", "select(1)", "Select", show=False, id="log.select", tooltip="Select lines, one more downwards"
        ),
        Binding(
            "shift+up", "select(-1)", "Select", show=False, id="log.select-up", tooltip="Select lines, one more upwards"
        ),
        Binding("y", "copy", "Copy", show=False, id="log.copy", tooltip="Copy the selection, or the current line"),
    ]

    only: var[bool] = var(False)

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.search: LogSearch | None = None
        self.pattern_text = ""
        self._jump: int | None = None
        # Where a selection by keys began, and where it is, among the lines that are shown.
        self._marked: tuple[int, int] | None = None
        # One thread for all searches: each thread's own heap would keep what its slices took.
        self._thread = ThreadPoolExecutor(1, "log-search")

    def on_unmount(self) -> None:
        """Let go of the thread."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    # What is shown

    @property
    def shown_lines(self) -> int:
        """How many lines there are to scroll through: all, or those that the filter leaves."""
        return len(self.search.lines) if self.only and self.search else self.buffer.lines

    def _number(self, index: int) -> int:
        return self.search.lines[index] if self.only and self.search else index

    def _index(self, number: int) -> int:
        return self.search.position(number) - 1 if self.only and self.search else number

    def _decorated(self, line: Line) -> Text:
        text = super()._decorated(line)
        if self.search and not self.search.inverse:
            style = self.get_component_rich_style("log-view--match")
            with suppress(TimeoutError):  # the search itself says so
                for match in self.search.pattern.finditer(text.plain, timeout=LONGEST_LOOK):
                    text.stylize(style, *match.span())
        return text

    def _grown(self) -> None:
        self._continue()

    def _shift(self, added: int) -> None:
        if self.search and self.buffer.first:
            self.search.shift(added)
        elif self.search:  # now that all is here, what was not looked at yet is
            self.search = LogSearch(self.buffer, self.search.pattern, self.search.inverse)
            self._continue()

    def watch_only(self, only: bool) -> None:
        """Filter: keep the line on top in sight."""
        self._lay_out()

    # Search

    def find(self, text: str, inverse: bool = False) -> None:
        """Search for the regular expression `text`; empty ends the search. Raises `BadPattern`."""
        pattern = compile_pattern(text) if text else None
        self.pattern_text = text
        self.search = LogSearch(self.buffer, pattern, inverse) if pattern else None
        self.current = self._jump = None
        self._lay_out()
        self._continue()
        if pattern:
            self.want_earlier(everything=True)

    @work(exclusive=True, group="search", exit_on_error=False)
    async def _continue(self) -> None:
        """Search what is not searched yet, in a thread; jump where a key waits for a match."""
        search, more, drawn = self.search, True, time.monotonic()
        while search and more and search is self.search:
            more = await asyncio.get_running_loop().run_in_executor(self._thread, search.advance, self.ended)
            if search is not self.search:
                return
            if not more or time.monotonic() - drawn > 2 * DRAW_SECONDS:
                drawn = time.monotonic()
                self._jump_now(done=not more)
                self._settle()

    def action_match(self, step: int) -> None:
        """Go `step` matches on."""
        if self.search:
            self._jump = step
            self._jump_now(done=self.search.progress >= 1)

    def _jump_now(self, done: bool) -> None:
        if self._jump is None or not self.search or not (self.search.lines or done):
            return
        step, self._jump = self._jump, None
        here = self.current if self.current is not None else self._top_number() - (step > 0)
        found = self.search.after(here) if step > 0 else self.search.before(here)
        if found is not None:
            self.go_to(found)

    def _top_number(self) -> int:
        place = self._rows.locate(self.scroll_offset.y, self.shown_lines)
        return self._number(place[0]) if place else self.buffer.lines

    def go_to(self, number: int) -> None:
        """Make line `number` the current one and bring it into the upper third of the view."""
        self.current, self.following, self.to_top, self.to_time = number, False, False, None
        self._show(self._index(number))

    def _show(self, index: int) -> None:
        """Bring the `index`-th of the lines that are shown into sight."""
        row, top = self._rows.row_of(index, self.shown_lines), self.scroll_offset.y
        if not top <= row < top + self.size.height:
            self.scroll_to(y=max(0, row - self.size.height // 3), animate=False)
        self.following = False
        self.refresh()
        self._tell()

    def go_to_time(self, time: float) -> None:
        """Go to the first line written at `time` or later; what is not here yet is asked for."""
        written, buffer = self.buffer.written, self.buffer
        if buffer.first and (written is None or time < written[0]):
            self.following, self.to_time = False, time
            self.post_message(self.Earlier(everything=False, since=time))
        elif buffer.lines:
            number = buffer.line_at(min(buffer.offset_at(time), buffer.size - 1))
            if self.only and self.search:
                found = self.search.after(number - 1)
                number = number if found is None else found
            self.go_to(number)

    def action_error(self, step: int) -> None:
        """Go to the next line that looks like an error."""
        if self.pattern_text != ERRORS:
            self.find(ERRORS)
        self.action_match(step)

    # Selecting and copying

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The selected text: whole lines as they read, however they are wrapped."""
        last = self.shown_lines - 1
        start, end = selection.start or Offset(0, 0), selection.end
        end_line = min(end.y if end else last, last, start.y + COPY_LINES)
        texts = [self._line_text(index) for index in range(max(0, start.y), end_line + 1)]
        if not texts:
            return None
        if end is not None and end.y == end_line:
            texts[-1] = texts[-1][: max(0, end.x)]
        texts[0] = texts[0][max(0, start.x) :]
        return "\n".join(texts), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        """Draw the selection."""
        if selection is None:
            self._marked = None
        self.refresh()

    def _line_text(self, index: int) -> str:
        return shown(self.buffer.line(self._number(index)).data)

    def action_select(self, step: int) -> None:
        """Select the current line, or the one on top; or the selection's end one line on."""
        if self.text_selection is None or self._marked is None:
            begin = end = self._index(self.current) if self.current is not None else self._index(self._top_number())
        else:
            begin, end = self._marked
            end = max(0, min(end + step, self.shown_lines - 1))
        self._marked = (begin, end)
        first, last = sorted(self._marked)
        self.screen.selections = {self: Selection(Offset(0, first), Offset(len(self._line_text(last)), last))}
        self._show(end)

    @work(exclusive=True, group="copy", exit_on_error=False)
    async def action_copy(self) -> None:
        """Copy the selection, else the current match's line, else the lines in sight."""
        text = self.screen.get_selected_text()
        if not text and self.current is not None:
            text = shown(self.buffer.line(self.current).data)
        if not text:
            places = [self._rows.locate(self.scroll_offset.y + y, self.shown_lines) for y in range(self.size.height)]
            text = "\n".join(self._line_text(index) for index in dict.fromkeys(p[0] for p in places if p))
        await copy(self.app, text)
        self.notify(
            f"{len(text.splitlines()):,} lines" if "\n" in text else text[:60], title="Copied", timeout=3, markup=False
        )

    async def save(self, path: Path) -> None:
        """Write the log to `path`. Raises `OSError`."""
        await asyncio.to_thread(self.buffer.save, path)
