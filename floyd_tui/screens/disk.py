"""A host's disk: what takes it, what of it nothing refers to, freeing that, and checking what is stored."""

from __future__ import annotations

import time
from typing import ClassVar, Literal

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from floyd_tui import disk_words
from floyd_tui.client.protocol import Link
from floyd_tui.errors import FloydError
from floyd_tui.screens.confirm import Confirm
from floyd_tui.screens.errors import ErrorFunnel, show_error
from floyd_tui.screens.page import BREAKPOINTS
from floyd_tui.widgets import format as fmt
from floyd_tui.widgets.disk_use import DiskUse
from floyd_tui.widgets.key_row import KeyRow
from floyd_tui.widgets.progress_line import ProgressLine
from floyd_tui.widgets.top_bar import TopBar
from runner.models import FsckReport, FsckStep, GcReport, GcStep

Doing = Literal["", "looking", "freeing", "checking", "stopping"]


class DiskScreen(ErrorFunnel[None]):
    """Looks first and changes nothing; frees once confirmed. What goes on is told step by step, and can be stopped."""

    CSS_PATH = "disk.tcss"
    HORIZONTAL_BREAKPOINTS = BREAKPOINTS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "free", "Free", id="disk.free", tooltip="Remove what nothing refers to, once confirmed"),
        Binding("c", "check", "Check", id="disk.check", tooltip="Read all that is stored again; name what is damaged"),
        Binding("ctrl+r", "look", "Look again", id="disk.look", tooltip="What takes the disk now"),
        Binding("escape", "back", "Back", id="disk.back", tooltip="Stop what goes on, or leave"),
    ]

    def __init__(self, link: Link) -> None:
        super().__init__()
        self.link = link
        self.doing: Doing = ""
        self._report: GcReport | None = None

    def compose(self) -> ComposeResult:
        yield TopBar(self.link, "disk")
        with VerticalScroll(id="use"):
            yield DiskUse()
            yield Static(id="damage")
        with Vertical(id="standing"):
            yield Static(id="words")
            yield ProgressLine()
            yield Static(id="hint", markup=False)
        yield KeyRow()

    def on_mount(self) -> None:
        self.action_look()

    # What goes on

    def action_look(self) -> None:
        """Ask what takes the disk; changes nothing."""
        if not self.doing:
            self._look()

    @work(exclusive=True, group="disk", exit_on_error=False)
    async def _look(self) -> None:
        self._begin("looking", "Looking at what is there", "")
        try:
            report = await self.link.client.gc(dry_run=True, tell=self._gc_step)
        except FloydError as error:
            self._failed(error)
        else:
            self._take(report)
            self._end(*_found(report))

    def action_free(self) -> None:
        """Free what can go, once confirmed."""
        report = self._report
        if self.doing or report is None or not report.free_count:
            return
        what = f"Free {fmt.size(report.free_size)} on {self.link.name}?"
        text = f"{fmt.count(report.free_count, 'thing')} that nothing refers to. Jobs, datasets and uploads are safe."
        self.app.push_screen(Confirm(what, text, yes="Free it", no="Leave it"), self._confirmed)

    def _confirmed(self, yes: bool | None) -> None:
        if yes:
            self._free()

    @work(exclusive=True, group="disk", exit_on_error=False)
    async def _free(self) -> None:
        began = time.monotonic()
        self._begin("freeing", "Beginning", "Esc stops it: what went is gone, and the rest stays for the next time.")
        try:
            report = await self.link.client.gc(tell=self._gc_step)
        except FloydError as error:
            self._failed(error)
            return
        words = disk_words.freed(report)
        if report.stopped:
            self._end(Content.styled(f"■ {words}", "$warn"), "f frees the rest; ctrl+r looks again.")
            return
        self._take(report)
        took = f"  ({fmt.duration(time.monotonic() - began)})"
        self._end(Content.assemble((f"✔ {words}", "bold $good"), (took, "$dim"), *_spared(report)), "")

    def action_check(self) -> None:
        """Let the host read all that it stores again."""
        if not self.doing:
            self._check()

    @work(exclusive=True, group="disk", exit_on_error=False)
    async def _check(self) -> None:
        self._begin(
            "checking", "Reading all that is stored again", "It may take long, and others work on. Esc stops it."
        )
        self._show_damage(None)
        began = time.monotonic()
        try:
            report = await self.link.client.fsck(lambda step: self._fsck_step(step, time.monotonic() - began))
        except FloydError as error:
            self._failed(error)
            return
        self._show_damage(report)
        words = disk_words.checked(report)
        if report.damage:
            self._end(Content.styled(f"✘ {words}", "bold $bad"), disk_words.HEAL if report.lasting else "")
        elif report.stopped:
            self._end(Content.styled(f"■ {words}", "$warn"), "")
        else:
            self._end(Content.styled(f"✔ {words}", "bold $good"), "")

    def action_back(self) -> None:
        """Stop what goes on; with nothing going on, or told twice, leave."""
        if self.doing in ("freeing", "checking"):
            self._stop(self.doing == "freeing")
        else:
            self.dismiss()

    @work(group="stop", exit_on_error=False)
    async def _stop(self, freeing: bool) -> None:
        self.doing = "stopping"
        self.query_one("#words", Static).update(Content.styled("Stopping …", "$warn"))
        self.query_one("#hint", Static).update("")
        try:
            await (self.link.client.cancel_gc() if freeing else self.link.client.cancel_fsck())
        except FloydError as error:
            show_error(self, error)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """One thing at a time; nothing can be freed where nothing can go."""
        if action in ("free", "check", "look") and self.doing:
            return None
        return None if action == "free" and not (self._report and self._report.free_count) else True

    # What is shown

    def _begin(self, doing: Doing, words: str, hint: str) -> None:
        self.doing = doing
        self.query_one(ProgressLine).share = None
        self.query_one("#standing").add_class("-busy")
        self._say(Content.styled(f"{words} …", "bold"), hint)

    def _end(self, words: Content, hint: str) -> None:
        self.doing = ""
        self.query_one("#standing").remove_class("-busy")
        self._say(words, hint)

    def _failed(self, error: FloydError) -> None:
        self._end(Content.styled(f"✘ {fmt.plain(error.message)}", "$bad"), fmt.plain(error.hint))

    def _say(self, words: Content, hint: str) -> None:
        self.query_one("#words", Static).update(words)
        self.query_one("#hint", Static).update(hint)
        self.refresh_bindings()

    def _take(self, report: GcReport) -> None:
        """Show new figures; of what went nothing can go any more."""
        self._report = report if report.dry_run else None
        self.query_one(DiskUse).take(report)

    def _show_damage(self, report: FsckReport | None) -> None:
        lines = [
            Content.styled(fmt.plain(disk_words.damaged(one)), "$warn" if one.what == "repaired" else "$bad")
            for one in (report.damage if report else ())
        ]
        shown = self.query_one("#damage", Static)
        shown.update(Content("\n").join(lines))
        shown.set_class(bool(lines), "-shown")

    def _gc_step(self, step: GcStep) -> None:
        self.query_one(ProgressLine).share = step.done / step.total if step.total else None
        if self.doing != "stopping":
            freed = f"   {fmt.size(step.freed)} freed" if step.freed else ""
            words = Content.assemble((f"{disk_words.phase(step)} …", "bold"), (freed, "$good"))
            self.query_one("#words", Static).update(words)

    def _fsck_step(self, step: FsckStep, seconds: float) -> None:
        if not step.total_bytes:
            return
        self.query_one(ProgressLine).share = step.done_bytes / step.total_bytes
        if self.doing != "stopping":
            self.query_one("#words", Static).update(_reading(step, seconds))


def _found(report: GcReport) -> tuple[Content, str]:
    """What a look has found, and what can be done."""
    low = report.disk_free < report.disk_reserve
    lines = [Content.styled(disk_words.disk(report), "bold $bad")] if low else []
    if report.free_count:
        what = f"{fmt.size(report.free_size)} in {fmt.count(report.free_count, 'thing')} can go"
        lines.append(Content.assemble((what, "bold $warn"), (": nothing refers to it.", "$foreground")))
        hint = "f frees it, c checks what is stored."
    else:
        lines.append(Content.styled("Nothing can go: jobs and datasets refer to all of it.", "$foreground"))
        hint = "Delete jobs or datasets that are no longer needed to make room."
    return Content.assemble(Content("\n").join(lines), *_spared(report)), hint


def _spared(report: GcReport) -> list[tuple[str, str]]:
    """The line below that says why more stays than would have to."""
    return [(f"\n! {disk_words.spared(report)}", "$warn")] if report.damaged else []


def _reading(step: FsckStep, seconds: float) -> Content:
    files = f"{step.done_files:,} of {fmt.count(step.total_files, 'file')}"
    size = f"{fmt.size(step.done_bytes)} of {fmt.size(step.total_bytes)}"
    rate = step.done_bytes / seconds if seconds > 1 else 0.0
    left = f"   {fmt.duration((step.total_bytes - step.done_bytes) / rate)} left" if rate else ""
    return Content.assemble(("Reading all again …", "bold"), (f"   {files}   {size}{left}", "$dim"))
