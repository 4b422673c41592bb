"""The one funnel for errors: a toast with headline, sentence and next step, or a question where an answer mends it."""

from __future__ import annotations

from typing import Any, TypeVar

from textual.content import Content
from textual.screen import Screen
from textual.worker import Worker, WorkerState

from floyd_tui.client.protocol import Link
from floyd_tui.errors import FloydError, HostKeyUnknown, RunnerMissing
from floyd_tui.screens.hostkey import HostKeyDialog, InstallDialog
from floyd_tui.widgets.format import plain

Result = TypeVar("Result")
TOAST_SECONDS = 10
FAULT = "A fault in floyd-tui"


class ErrorFunnel(Screen[Result]):
    """A screen whose workers' errors are all shown: none ends in silence, none ends the app."""

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Show what ended a worker."""
        error = event.worker.error
        if event.state is not WorkerState.ERROR or error is None:
            return
        if isinstance(error, FloydError):
            show_error(self, error)
        else:
            self.log.error(error)
            words = f"{type(error).__name__}: {error}\nGo on, and please report it with what you did."
            self.notify(words, title=FAULT, severity="error", timeout=TOAST_SECONDS, markup=False)


def show_error(screen: Screen[Any], error: FloydError, link: Link | None = None) -> None:
    """Show `error` on `screen`; with the `link` it came from, an unknown key or a missing runner becomes a question."""
    if link and isinstance(error, HostKeyUnknown | RunnerMissing):
        ask(screen, error, link)
        return
    lines = [Content(plain(error.message))]
    if error.hint:
        lines.append(Content.styled(plain(error.hint), "$dim"))
    screen.notify(Content("\n").join(lines).markup, title=error.title, severity="error", timeout=TOAST_SECONDS)


def ask(screen: Screen[Any], error: HostKeyUnknown | RunnerMissing, link: Link) -> None:
    """Ask what mends `error`, and do it on a Yes."""

    async def mend() -> None:
        try:
            if isinstance(error, HostKeyUnknown):
                await link.trust_host_key()
            else:
                screen.notify(f"Putting the runner on {link.name} …")
                await link.install_runner()
        except FloydError as failed:
            show_error(screen, failed)

    def answered(yes: bool | None) -> None:
        if yes:
            screen.run_worker(mend(), group="mend", exclusive=True, exit_on_error=False)

    dialog = HostKeyDialog(error) if isinstance(error, HostKeyUnknown) else InstallDialog(link.name, error)
    screen.app.push_screen(dialog, answered)
