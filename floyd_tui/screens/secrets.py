"""A host's secrets: their names, whom they are for and since when; kept, replaced and forgotten, and never shown."""

from __future__ import annotations

from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input, Static

from floyd_tui.client.protocol import Link
from floyd_tui.errors import FloydError
from floyd_tui.screens.confirm import Confirm
from floyd_tui.screens.errors import ErrorFunnel
from floyd_tui.screens.form_dialog import FormDialog
from floyd_tui.screens.page import BREAKPOINTS
from floyd_tui.widgets import format as fmt
from floyd_tui.widgets.form_field import FormField
from floyd_tui.widgets.key_row import KeyRow
from floyd_tui.widgets.note import Note
from floyd_tui.widgets.paint import Paint
from floyd_tui.widgets.row_table import Column, Row, RowTable
from floyd_tui.widgets.top_bar import TopBar
from runner.models import SHORTEST_MASKED, BadName, Secret, check_name, check_secret_name

COLUMNS = (
    Column("name", "Secret", 16, flex=2),
    Column("project", "For jobs of", 12, flex=1),
    Column("set", "Set", 12, since=50),
)
_FORMS = "secrets: [NAME] in floyd.yml, or run --secret NAME, gives one to a job."


class SecretsScreen(ErrorFunnel[None]):
    """The names of the caller's secrets on one host."""

    CSS_PATH = "secrets.tcss"
    AUTO_FOCUS = "#secrets"
    HORIZONTAL_BREAKPOINTS = BREAKPOINTS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "add", "Keep one", id="secret.add", tooltip="Keep a new secret, or a new value for a name"),
        Binding("e", "replace", "Replace", id="secret.replace", tooltip="Give this one a new value"),
        Binding("x", "forget", "Forget", id="secret.forget", tooltip="Forget this one, once confirmed"),
        Binding("ctrl+r", "look", "Look again", show=False, id="secret.look", tooltip="Ask the host for its secrets"),
        Binding("escape", "leave", "Back", id="secret.back", tooltip="Back to where you were"),
    ]

    def __init__(self, link: Link) -> None:
        super().__init__()
        self.link = link
        self._secrets: dict[str, Secret] = {}

    def compose(self) -> ComposeResult:
        yield TopBar(self.link, "secrets")
        yield Note()
        yield RowTable(COLUMNS, id="secrets")
        yield Static(_FORMS, id="forms", markup=False)
        yield KeyRow()

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, lambda _: self._draw())
        self.query_one(Note).wait_for(f"Asking {self.link.name} for the names of your secrets")
        self.query_one("#secrets").display = False
        self.action_look()

    @work(exclusive=True, group="secrets", exit_on_error=False)
    async def action_look(self) -> None:
        """Ask for the names."""
        try:
            found = await self.link.client.secrets()
        except FloydError as error:
            self.query_one(Note).trouble(error)
            self._show(some=False)
            return
        self._secrets = {f"{secret.project or ''}/{secret.name}": secret for secret in found}
        self._draw()

    def _draw(self) -> None:
        paint, now = Paint.of(self.app), fmt.now(self)
        rows = [
            Row(
                key,
                {
                    "name": paint(secret.name),
                    "project": paint(secret.project or "all projects", "" if secret.project else "dim"),
                    "set": paint(fmt.ago(secret.set_at, now), "dim"),
                },
            )
            for key, secret in self._secrets.items()
        ]
        self.query_one("#secrets", RowTable).show_rows(rows)
        if not rows:
            text = "A secret is a value that jobs are given and nobody is told: a token, a key."
            self.query_one(Note).say("No secrets are kept here", text, "a keeps one.")
        self._show(some=bool(rows))

    def _show(self, some: bool) -> None:
        self.query_one(Note).display = not some
        table = self.query_one("#secrets")
        table.display = some
        if some and self.focused is None:
            table.focus()

    @property
    def selected(self) -> Secret | None:
        """The secret under the cursor."""
        return self._secrets.get(self.query_one("#secrets", RowTable).cursor_key or "")

    def action_add(self) -> None:
        """Keep a new one."""
        self.app.push_screen(SecretDialog(self.link), self._kept)

    def action_replace(self) -> None:
        """Give the one under the cursor another value."""
        if self.selected is not None:
            self.app.push_screen(SecretDialog(self.link, self.selected), self._kept)

    def _kept(self, secret: Secret | None) -> None:
        if secret is not None:
            self.action_look()

    def action_forget(self) -> None:
        """Forget the one under the cursor, once confirmed."""
        secret = self.selected
        if secret is None:
            return
        text = "Jobs that have been given it keep it. Those that are launched with it from now on are refused."

        def confirmed(yes: bool | None) -> None:
            if yes:
                self._forget(secret)

        self.app.push_screen(Confirm(f"Forget {secret.name}?", text, yes="Forget", no="Keep"), confirmed)

    @work(exclusive=True, group="secrets", exit_on_error=False)
    async def _forget(self, secret: Secret) -> None:
        await self.link.client.delete_secret(secret.name, secret.project)
        self.action_look()

    def action_leave(self) -> None:
        """Back."""
        self.dismiss(None)


class SecretDialog(FormDialog[Secret]):
    """Keeps a value; dismisses with the secret. What is typed is not shown."""

    QUESTION = "Keep a secret"
    GO = "Keep"

    def __init__(self, link: Link, secret: Secret | None = None) -> None:
        super().__init__()
        self._link, self._secret = link, secret

    def compose_fields(self) -> ComposeResult:
        old = self._secret
        name = Input(old.name if old else "", placeholder="such as WANDB_API_KEY", compact=True, id="name")
        yield FormField("Name", name, id="field-name")
        value = Input(password=True, placeholder="typed or pasted, not shown", compact=True, id="value")
        yield FormField("Value", value, id="field-value")
        project = Input(old.project or "" if old else "", placeholder="empty: all projects", compact=True, id="project")
        yield FormField("For jobs of", project, id="field-project")
        words = f"Logs show * in its place, from {SHORTEST_MASKED} bytes on. A file: floyd-tui secret set NAME < FILE"
        yield Static(words, classes="dim")

    def on_mount(self) -> None:
        self.query_one("#value" if self._secret else "#name").focus()

    def check(self) -> dict[str, str]:
        """A name, a value, a project or none."""
        wrong = {"name": "", "value": "" if self._value else "A secret is one character or more.", "project": ""}
        try:
            check_secret_name(self.text("name"))
        except BadName as error:
            wrong["name"] = str(error)
        try:
            check_name(self.text("project") or "all", "project name")
        except BadName as error:
            wrong["project"] = str(error)
        return wrong

    @property
    def _value(self) -> str:
        """As it was typed: blanks at its ends may be part of it."""
        return self.query_one("#value", Input).value

    async def send(self) -> Secret:
        """Keep it."""
        return await self._link.client.set_secret(self.text("name"), self._value, self.text("project") or None)
