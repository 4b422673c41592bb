"""A log with what belongs to it: search bar, status line, and a note in its place while there is nothing to read."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.reactive import var
from textual.widgets import Input, Static

from floyd_tui.widgets.format import plain, size
from floyd_tui.widgets.log_search import ERRORS, BadPattern
from floyd_tui.widgets.log_time import EXAMPLES, BadTime, moment
from floyd_tui.widgets.log_view import LogView
from floyd_tui.widgets.note import Note

BEHIND = 1 << 20
# A search in less than so many bytes is over before its progress could be read.
WORTH_TELLING = 10_000_000


class SearchInput(Input):
    """The search bar's input: Esc gives the search up."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "give_up", "Close", id="log.search-close", tooltip="End the search"),
        Binding("down", "submit", "Done", show=False, id="log.search-done", tooltip="Back to the log, search kept"),
    ]

    def action_give_up(self) -> None:
        """Empty and close the bar."""
        self.value = ""
        self.action_submit_now()

    def action_submit_now(self) -> None:
        """Hand the text over, as Enter does."""
        self.post_message(self.Submitted(self, self.value))


class LogPane(Vertical):
    """Log view, search bar and status line.

    `/` searches, `&` shows only the lines that match (with `!` before it: those that do not), `@`
    goes to a time.
    """

    DEFAULT_CSS = """
    LogPane {
        height: 1fr;
        & > Note { display: none; }
        & > Note.-shown { display: block; }
        &.-note > LogView { display: none; }
        & > #log-search { height: 1; display: none; background: $panel; }
        &.-searching > #log-search { display: block; }
        & #log-sign { width: 3; padding: 0 1; color: $key; text-style: bold; }
        & #log-input { border: none; height: 1; padding: 0; background: $panel; width: 1fr; }
        & > #log-status { height: 1; padding: 0 1; color: $dim; text-wrap: nowrap; text-overflow: ellipsis; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "slash",
            "ask('/')",
            "Search",
            key_display="/",
            id="log.search",
            tooltip="Search by a regular expression",
        ),
        Binding(
            "ampersand",
            "ask('&')",
            "Only",
            key_display="&",
            show=False,
            id="log.filter",
            tooltip="Only lines that match; !… the others",
        ),
        Binding(
            "at",
            "ask('@')",
            "Time",
            key_display="@",
            show=False,
            id="log.time",
            tooltip="To what was written at 14:05, or -10m",
        ),
        Binding("ctrl+s", "save", "Save", show=False, id="log.save", tooltip="Write the whole log to a file here"),
        Binding("exclamation_mark", "invert", "Invert", show=False, id="log.invert", tooltip="Match the other lines"),
    ]

    asking: var[str] = var("/")
    """What the bar asks for: `/` a search, `&` a filter, `@` a time."""
    reading: var[bool] = var(False)
    """Whether more of the beginning is on its way than the page before what is in sight."""
    began: float | None = None
    """When the first line may have been written, in epoch seconds, where the first line is not here."""
    expected: var[int] = var(0)
    """How large the log is known to be, in bytes: while much of it is still to come, the status line says so."""

    def __init__(self, *, noun: str = "log", save_as: str = "job", id: str | None = None) -> None:
        super().__init__(id=id)
        self._noun = noun
        self._save_as = save_as
        self._trouble = ""
        self._inverse = self._to_save = False

    def compose(self) -> ComposeResult:
        yield Note()
        yield LogView(id="log")
        with Horizontal(id="log-search"):
            yield Static("/", id="log-sign")
            yield SearchInput(placeholder="regular expression", id="log-input", compact=True)
        yield Static(id="log-status")

    @property
    def view(self) -> LogView:
        """The lines."""
        return self.query_one(LogView)

    def say(self, title: str, text: str = "", hint: str = "", color: str = "foreground") -> None:
        """Show a note in place of the lines."""
        note = self.query_one(Note)
        note.say(title, text, hint, color)
        note.add_class("-shown")
        self.add_class("-note")

    def show_lines(self) -> None:
        """Show the lines again."""
        self.query_one(Note).remove_class("-shown")
        self.remove_class("-note")

    # Search

    def action_ask(self, what: str) -> None:
        """Open the bar."""
        self.asking = what
        self.query_one("#log-sign", Static).update(what)
        self.add_class("-searching")
        field = self.query_one("#log-input", Input)
        field.placeholder = EXAMPLES if what == "@" else "regular expression"
        with self.prevent(Input.Changed):
            field.value = "" if what == "@" or self.view.pattern_text == ERRORS else self.view.pattern_text
        field.focus()

    def action_invert(self) -> None:
        """Match the lines that do not match now."""
        self._inverse = not self._inverse
        self._find(self.view.pattern_text)

    @on(Input.Changed, "#log-input")
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        if self.asking == "@":
            return
        self._inverse = self.asking == "&" and event.value.startswith("!")
        self._find(event.value[self._inverse :])

    def _find(self, text: str) -> None:
        try:
            self.view.find(text, self._inverse)
        except BadPattern as error:
            self._trouble = str(error)
        else:
            self._trouble = ""
        self.view.only = bool(text) and (self.asking == "&" or self._inverse)
        self._draw_status()

    @on(Input.Submitted, "#log-input")
    def _done(self, event: Input.Submitted) -> None:
        event.stop()
        if self.asking == "@":
            if not self._go_to_time(event.value):
                return
        elif not event.value:
            self._find("")
        elif self.asking == "/":
            self.view.action_match(1)
        if self.asking == "@" or not event.value:
            self.remove_class("-searching")
        self.view.focus()

    def _go_to_time(self, text: str) -> bool:
        """Go where `text` says; false where that is no time, which the status line says."""
        self._trouble = ""
        written = self.view.buffer.written
        if text.strip() and written is None:
            self._trouble = "When these lines were written is not known."
        elif text.strip() and written:
            try:
                self.view.go_to_time(moment(text, self.began or written[0], written[1]))
            except BadTime as error:
                self._trouble = str(error)
        self._draw_status()
        return not self._trouble

    # Saving

    @work(exclusive=True, group="save", exit_on_error=False)
    async def action_save(self) -> None:
        """Write the log to a new file in the current folder."""
        path = free_path(Path.cwd(), self._save_as, ".log")
        if self.view.buffer.first:
            self.view.want_earlier(everything=True)
            self.notify(f"{path.name} is written once the beginning is here, too.", title="Saving")
            self._to_save = True
            return
        self._to_save = False
        try:
            await self.view.save(path)
        except OSError as error:
            self.notify(f"{path} cannot be written: {error.strerror}.", title="Not saved", severity="error")
        else:
            self.notify(plain(str(path)), title="Saved", markup=False)

    # Status

    @on(LogView.Changed)
    def _changed(self, event: LogView.Changed) -> None:
        event.stop()
        self._draw_status()
        if self._to_save and not self.view.buffer.first:
            self.action_save()

    def on_resize(self) -> None:
        """The line says more where there is room."""
        self._draw_status()

    def _draw_status(self) -> None:
        view = self.view
        parts = [self._position(), self._search_words()]
        parts += [Content.styled(word, "$key") for word, on in (("wrap", view.wrap), ("times", view.times)) if on]
        if trouble := self._trouble or (view.search.trouble if view.search else ""):
            parts = [Content.styled(trouble, "$bad")]
        self.query_one("#log-status", Static).update(Content("   ").join(part for part in parts if part.plain))

    def _position(self) -> Content:
        view = self.view
        here = view.buffer.size - view.buffer.first
        lines = f"{view.buffer.lines:,} lines, {size(here)}"
        if view.buffer.first:
            whole = size(view.buffer.size)
            lines = f"the last {lines} of {whole}; g reads all"
            if self.reading:
                lines = f"reading back, {here / view.buffer.size:.0%} of {whole} is here"
        if not self._noun:
            return Content.styled(f"{view.buffer.lines:,} lines", "$dim")
        if self.expected - view.buffer.size > BEHIND:
            share = f"{view.buffer.size / self.expected:.0%}"
            state = Content.styled(f"◐ reading {share} of {size(self.expected)}", "$busy")
        elif view.ended:
            state = Content.styled(f"■ end of {self._noun}" if view.following else "■ ended", "$dim")
        elif view.following:
            state = Content.styled("● following", "$running")
        else:
            state = Content.styled("‖ paused, f follows", "$warn")
        return Content("   ").join([state, Content.styled(lines, "$dim")])

    def _search_words(self) -> Content:
        view = self.view
        if not view.search:
            return Content("")
        found = len(view.search.lines)
        at = "" if view.current is None else f"{view.search.position(view.current):,} of "
        what = "errors" if view.pattern_text == ERRORS else f"{'!' if view.search.inverse else '/'}{view.pattern_text}"
        progress = view.search.progress if view.buffer.size > WORTH_TELLING else 1.0
        running = f", searching {progress:.0%}" if progress < 1 else ""
        words = Content.styled(f"{what}  {at}{found:,}{running}", "$warn" if found else "$bad")
        return words + Content.styled("  only these shown", "$dim") if view.only else words


def free_path(folder: Path, stem: str, ending: str) -> Path:
    """`stem` with `ending` in `folder`, or the first of ``stem-2``, ``stem-3``, … that is not there."""
    path, number = folder / f"{stem}{ending}", 2
    while path.exists():
        path, number = folder / f"{stem}-{number}{ending}", number + 1
    return path
