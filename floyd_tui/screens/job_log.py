"""A job's log on its screen: the end at once, on with what comes, and backwards as far as one reads."""

from __future__ import annotations

import asyncio

from textual import on, work
from textual.worker import Worker

from floyd_tui.client.ahead import closing
from floyd_tui.client.protocol import Link, LogChunk
from floyd_tui.errors import FloydError
from floyd_tui.screens.errors import show_error
from floyd_tui.widgets import format as fmt
from floyd_tui.widgets.log_lines import LogLines
from floyd_tui.widgets.log_pane import LogPane
from runner.models import Job, JobState

RETRY_SECONDS = 2.0
# Of a log larger than this, in bytes, only the end is read at first; then a page before it, and another.
LARGE, PAGE = 8 << 20, 1 << 20
# Reading all of it, pages grow up to this: a prepended page is written in one go.
LARGEST_PAGE = 4 << 20


class JobLog(LogPane):
    """The log of `job` on the host behind `link`."""

    def __init__(self, link: Link, job: Job, *, id: str | None = None) -> None:
        super().__init__(save_as=f"{job.project}-{job.number}", id=id)
        self._link, self._job = link, job
        self._everything = False
        self._since: float | None = None
        self._reading: Worker[None] | None = None

    def on_mount(self) -> None:
        """Begin to read."""
        self._follow()

    def show_job(self, job: Job) -> None:
        """The job as it is now."""
        self._job = job
        self._draw_note()
        self.began = job.started_at
        self.expected = job.log_size

    # Forwards

    @work(exclusive=True, group="log", exit_on_error=False)
    async def _follow(self) -> None:
        """The log to its end, through lost connections: each time from the byte that is missing."""
        view = self.view
        page = PAGE
        begin = self._job.log_size - page if self._job.log_size > LARGE else 0
        while not view.ended:
            try:
                await self._link.connected()
                if not await self._read_on(view.buffer.size or begin):
                    page *= 4  # the end is one line that is longer than that
                    begin = max(0, begin - page)
                    continue
            except FloydError as error:
                if not view.buffer.size:
                    self.say(f"✘ {error.title}", error.message, error.hint, "bad")
            except OSError as error:
                self._no_room(error)
                return
            if not view.ended:
                await asyncio.sleep(RETRY_SECONDS)

    async def _read_on(self, begin: int) -> bool:
        """Take in what comes from offset `begin` on; false where no line begins there, so that it is no good place."""
        buffer = self.view.buffer
        async with closing(self._link.client.logs(self._job.name, begin, follow=True)) as chunks:
            async for chunk in chunks:
                cut_off = chunk.offset and not buffer.size and (chunk.data or chunk.end) and not self._begin_in(chunk)
                if cut_off and (chunk.end or chunk.offset + len(chunk.data) >= self._job.log_size):
                    return False
                if cut_off:
                    continue  # of the line that begins before, however many pieces it is
                self._take(chunk)
                # A fast stream must leave time to draw and to answer keys.
                await asyncio.sleep(0)
        return True

    def _begin_in(self, chunk: LogChunk) -> bool:
        """Begin with the first whole line of `chunk`; whether it has one."""
        cut = chunk.data.find(b"\n") + 1
        if cut:
            self.view.buffer.begin_at(chunk.offset + cut)
        return bool(cut)

    def _take(self, chunk: LogChunk) -> None:
        view = self.view
        view.add_times(chunk.times)
        data = chunk.data[max(0, view.buffer.size - chunk.offset) :]
        if data:
            view.feed(data)
        if chunk.end:
            view.finish()
        if data or chunk.end:
            self._draw_note()

    def _no_room(self, error: OSError) -> None:
        show_error(self.screen, FloydError(f"The log cannot be kept here: {error.strerror}.", "Make room in $TMPDIR."))

    # Backwards

    @on(LogLines.Earlier)
    def _earlier_wanted(self, event: LogLines.Earlier) -> None:
        event.stop()
        self._everything |= event.everything
        self._since = event.since if event.since is not None else self._since
        self.reading |= self._everything or self._since is not None
        if not (self._reading and self._reading.is_running):
            self._reading = self._read_earlier()

    @work(group="earlier", exit_on_error=False)
    async def _read_earlier(self) -> None:
        """A page before what is here, or all of it."""
        view, page = self.view, PAGE
        self.reading = self._everything or self._since is not None
        try:
            while view.buffer.first:
                if not await self._read_page(page):
                    page *= 2  # a line longer than that
                    continue
                if not self._everything and not self._short_of_time():
                    break
                page = min(2 * page, LARGEST_PAGE)
                # As above.
                await asyncio.sleep(0)
            if view.to_time is not None:
                view.go_to_time(view.to_time)
            elif view.to_top:
                view.action_top()  # where `g` was to lead
        except FloydError as error:
            show_error(self.screen, error, self._link)
        except OSError as error:
            self._no_room(error)
        finally:
            self._since = None
            self.reading = False

    def _short_of_time(self) -> bool:
        """Whether a time is wanted that lies before what is here."""
        written = self.view.buffer.written
        return self._since is not None and (written is None or self._since < written[0])

    async def _read_page(self, page: int) -> bool:
        """Read the whole lines of the `page` bytes before the first; whether there were any."""
        first = self.view.buffer.first
        start = max(0, first - page)
        data, marks = bytearray(), list[tuple[int, float]]()
        async with closing(self._link.client.logs(self._job.name, start, follow=True)) as chunks:
            async for chunk in chunks:
                data += chunk.data
                marks += chunk.times
                if len(data) >= first - start:
                    break
        cut = data.find(b"\n") + 1 if start else 0
        if start and (not cut or cut >= first - start):
            return False
        self.view.prepend(bytes(data[cut : first - start]), [mark for mark in marks if mark[0] < first])
        return True

    # While there is no log

    def _draw_note(self) -> None:
        """What the job waits for, or that it wrote nothing."""
        job = self._job
        if self.view.buffer.size:
            self.show_lines()
        elif job.state is JobState.QUEUED:
            hint = "It starts by itself; you may leave. s takes it out of the queue."
            self.say("◌ In the queue", job.progress or "It waits for its turn.", hint, "dim")
        elif job.state is JobState.PREPARING:
            self.say("◐ Getting ready", job.progress or "Code and inputs are laid out.", "The log follows.", "busy")
        elif not job.state.ended:
            self.say("● Running", "It has written nothing yet.", color="running")
        elif self.view.ended:
            sign = f"{fmt.sign(job.state)} {fmt.words(job.state).capitalize()}"
            self.say(sign, job.reason or "It wrote no log.", "r launches it again.", fmt.color(job.state))
        else:
            self.say("◐ Reading the log …", color="dim")
