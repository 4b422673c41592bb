"""Two questions about a host: is this its key, and shall the runner be put on it."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.widgets import Static

from floyd_tui.errors import HostKeyUnknown, RunnerMissing
from floyd_tui.screens.confirm import Dialog
from floyd_tui.widgets.format import plain


class HostKeyDialog(Dialog):
    """Shows the key of a host never seen before; Yes means it is to be trusted from now on."""

    def __init__(self, error: HostKeyUnknown) -> None:
        super().__init__(f"Is this really {error.host}?", yes="Trust it", no="Not now")
        self._error = error

    def compose_detail(self) -> ComposeResult:
        error = self._error
        where = error.host if error.port == 22 else f"{error.host}, port {error.port}"
        kind = error.key.split(" ", 1)[0]
        yield Static(f"This machine has not met {plain(where)} before. It shows this {plain(kind)} key:", markup=False)
        yield Static(plain(error.fingerprint), classes="fact", markup=False)
        yield Static(
            "Compare it with what the host's owner tells you, or run there:\n"
            "  ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub\n\n"
            "Trusted, it is written to ~/.ssh/known_hosts; another key is refused from then on.",
            classes="dim",
            id="detail",
            markup=False,
        )


class InstallDialog(Dialog):
    """Offers to put the runner on a host that answers but has none."""

    def __init__(self, host: str, error: RunnerMissing) -> None:
        super().__init__(f"Put the runner on {host}?", yes="Install it", no="Not now", harmless=True)
        self._error = error

    def compose_detail(self) -> ComposeResult:
        yield Static(plain(self._error.message), markup=False)
        yield Static(
            "\nOne file goes there over this SSH connection, into your own folder; it needs Python 3.10 or newer, no "
            "root, no internet and no open port.",
            classes="dim",
            id="detail",
            markup=False,
        )
