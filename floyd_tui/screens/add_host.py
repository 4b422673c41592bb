"""The form that adds a host: a name for it and where SSH goes."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from floyd_tui.config import Config, Destination, HostConfig
from floyd_tui.errors import ConfigError
from floyd_tui.widgets.form_field import FormField
from runner.models import BadName, check_name

_FIELDS = (
    ("SSH", "ssh", "user@host, user@host:port, or an alias of ~/.ssh/config"),
    ("Name", "name", "what to call it here"),
    ("Key", "identity_file", "a private key; empty: as ssh itself would"),
    ("Data folder", "data_dir", "empty: ~/.local/share/floyd-runner there"),
)


class AddHostDialog(ModalScreen[tuple[Config, str] | None]):
    """Dismisses with the settings that have the new host, already written, and its name; or with None."""

    CSS_PATH = "dialog.tcss"
    AUTO_FOCUS = "#ssh"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+l", "add", "Add", id="host.add-now", priority=True, tooltip="Add it"),
        Binding("escape", "leave", "Leave", id="host.add-leave", tooltip="Add nothing"),
    ]

    def __init__(self, config: Config) -> None:
        super().__init__()
        self._config = config
        self._suggested = ""

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog"):
            yield Static("Add a host", id="question")
            with Vertical(id="fields"):
                for label, key, placeholder in _FIELDS:
                    yield FormField(label, Input(placeholder=placeholder, compact=True, id=key), id=f"field-{key}")
            text = "Your login there is enough: no root, no open port. If its runner is missing, it is offered next."
            yield Static(text, classes="dim", id="detail")
            with Horizontal(id="answers"):
                yield Button("Leave", id="leave", compact=True)
                yield Button("Add", id="go", compact=True, variant="primary")

    @on(Input.Changed, "#ssh")
    def _suggest_name(self) -> None:
        """A host is mostly called as its machine is, until the person says otherwise."""
        name = self.query_one("#name", Input)
        if name.value != self._suggested:
            return
        try:
            host = Destination.parse(self._text("ssh")).host
        except ValueError:
            host = ""
        self._suggested = "" if host.replace(".", "").isdecimal() else host.partition(".")[0]
        name.value = self._suggested

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if event.input.id == "ssh":
            self.focus_next()
        else:
            self.action_add()

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        event.stop()
        if event.button.id == "go":
            self.action_add()
        else:
            self.dismiss(None)

    def _text(self, key: str) -> str:
        return self.query_one(f"#{key}", Input).value.strip()

    def action_add(self) -> None:
        """Write the host into the settings, if it can be one."""
        wrong = self._wrong()
        if not any(wrong.values()):
            texts = {key: self._text(key) for _, key, _ in _FIELDS}
            try:
                self.dismiss((self._config.with_host(HostConfig(**texts)), texts["name"]))
            except ConfigError as error:
                wrong["name"] = str(error)
        for key, sentence in wrong.items():
            self.query_one(f"#field-{key}", FormField).wrong(sentence)

    def _wrong(self) -> dict[str, str]:
        wrong = {"ssh": "", "name": ""}
        try:
            Destination.parse(self._text("ssh"))
        except ValueError as error:
            wrong["ssh"] = str(error)
        try:
            if check_name(self._text("name"), "host name") in self._config.hosts:
                wrong["name"] = f"There is a host {self._text('name')} already; choose another name."
        except BadName as error:
            wrong["name"] = str(error)
        return wrong

    def action_leave(self) -> None:
        """Add nothing."""
        self.dismiss(None)
