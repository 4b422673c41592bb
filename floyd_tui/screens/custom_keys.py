"""A person's own commands in the app: their keys, what they are about on a screen, and running them."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from textual.app import SuspendNotSupported
from textual.binding import Binding
from textual.screen import Screen

from floyd_tui.custom import CustomCommand, load
from floyd_tui.errors import FloydError
from floyd_tui.widgets.log_text import plain
from runner.models import Dataset, DatasetVersion, Job

if TYPE_CHECKING:
    from floyd_tui.app import FloydApp

TITLE = "Own commands"
ACTION = "own_command"
_KEPT = 2_000


class CustomKeys:
    """The commands as they are now; `load` reads them, and gives them their keys."""

    def __init__(self, app: FloydApp) -> None:
        self._app = app
        self._own = app._bindings.copy()
        self.commands: list[CustomCommand] = []

    def load(self) -> None:
        """Read commands.yaml; what was right of it counts, the rest is said."""
        app, found = self._app, load(self._app.config.folder)
        if found.problems:
            app.notify("\n".join(found.problems), title=TITLE, severity="error", timeout=10, markup=False)
        if not found.commands and not self.commands:
            return
        self.commands = found.commands
        bindings = self._own.copy()
        for number, one in enumerate(self.commands):
            if one.key:
                made = Binding(one.key, f"{ACTION}({number})", one.name, id=one.id, tooltip=one.command)
                for each in Binding.make_bindings([made]):
                    bindings.key_to_bindings.setdefault(each.key, []).insert(0, each)
        app._bindings = bindings
        app.set_keymap(dict(app.config.keys))
        app.screen.refresh_bindings()

    def able(self, number: int) -> bool | None:
        """Whether a command could be run now: not without what it is about; False leaves its key out."""
        if number >= len(self.commands):
            return False
        one = self.commands[number]
        if self._app.config.readonly and not one.reads_only:
            return None
        return one.where == "anywhere" or values_of(self._app.screen, one.where) is not None

    def run(self, number: int) -> None:
        """Run a command about what the screen is about."""
        one = self.commands[number]
        values = values_of(self._app.screen, one.where)
        if values is None:
            self._app.notify(f"There is no {one.where} here that {one.name} could be about.", title=TITLE)
            return
        line = one.line(values)
        if one.run == "suspend":
            self._suspended(one, line)
        elif one.run == "output":
            from floyd_tui.screens.command_output import CommandOutput

            self._app.push_screen(CommandOutput(one.name, line))
        else:
            self._app.run_worker(self._in_background(one, line), group="own", exit_on_error=False)

    def _suspended(self, one: CustomCommand, line: str) -> None:
        try:
            with self._app.suspend():
                code = subprocess.run(line, shell=True, check=False).returncode
        except SuspendNotSupported:
            self._app.notify(f"{one.name} wants the terminal, and there is none to give here.", title=TITLE)
            return
        self._app.refresh(layout=True)
        if code:
            self._app.notify(f"{one.name} ended with {code}.", title=TITLE, severity="warning", markup=False)

    async def _in_background(self, one: CustomCommand, line: str) -> None:
        process = await start(line)
        said = b""
        assert process.stdout is not None
        while part := await process.stdout.read(4096):
            said = (said + part)[-_KEPT:]
        code = await process.wait()
        last = plain(said).strip().splitlines()[-1:] or [""]
        good = code == 0
        words = f"{one.name} {'is done' if good else f'ended with {code}'}.{' ' + last[0] if last[0] else ''}"
        self._app.notify(words, title=TITLE, severity="information" if good else "error", markup=False)


async def start(line: str) -> asyncio.subprocess.Process:
    """Start a line of the shell: output and errors together, nothing to read, a group of its own that can be ended."""
    return await asyncio.create_subprocess_shell(
        line,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )


def end(process: asyncio.subprocess.Process) -> None:
    """End a command with all that it started."""
    with suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGTERM)
        else:
            process.terminate()


def values_of(screen: Screen[Any], where: str) -> Mapping[str, str] | None:
    """The values for a template that is run on `screen`; None where nothing of its kind is there."""
    app = cast("FloydApp", screen.app)
    link = getattr(screen, "here", None) or getattr(screen, "selected", None)
    if not screen.is_mounted:
        return None
    try:
        host = (link or getattr(screen, "link", None) or app.link).name
    except FloydError:
        host = ""
    known = app.config.hosts.get(host)
    always = {"host": host, "ssh": known.ssh if known else "", "folder": str(Path.cwd())}
    found: Mapping[str, str] | None = {} if host or where == "anywhere" else None
    if where == "job":
        found = _job(getattr(screen, "job", None))
    elif where == "dataset":
        found = _dataset(screen)
    elif where == "file":
        found = _file(screen)
    return None if found is None else {**always, **found}


def _job(job: object) -> Mapping[str, str] | None:
    if not isinstance(job, Job):
        return None
    return {
        "job": job.short, "project": job.project, "number": str(job.number), "state": job.state.value,
        "message": job.message, "environment": job.environment,
    }  # fmt: skip


def _dataset(screen: Screen[Any]) -> Mapping[str, str] | None:
    dataset, version = getattr(screen, "dataset", None), getattr(screen, "version", None)
    if not isinstance(dataset, Dataset):
        return None
    return {"dataset": dataset.name, "version": str(version.version) if isinstance(version, DatasetVersion) else ""}


def _file(screen: Screen[Any]) -> Mapping[str, str] | None:
    """The file under the cursor, where its list has the keys."""
    from floyd_tui.widgets.file_tree import FileTree

    tree = screen.focused
    if not isinstance(tree, FileTree) or tree.file is None:
        return None
    source = next((str(each.source) for each in tree.ancestors if hasattr(each, "source")), "")
    return {"path": tree.file.path, "source": source}
