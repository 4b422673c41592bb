"""The one funnel for errors: a toast with headline, sentence and next step, or a question where an answer mends it."""

from __future__ import annotations

from typing import Any

from textual.content import Content
from textual.screen import Screen

from floyd_tui.client.protocol import Link
from floyd_tui.errors import FloydError, HostKeyUnknown, RunnerMissing
from floyd_tui.screens.hostkey import HostKeyDialog, InstallDialog
from floyd_tui.widgets.format import plain

TOAST_SECONDS = 10


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
