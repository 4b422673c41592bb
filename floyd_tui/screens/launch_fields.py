"""The fields of the launch form, and what is said below them: how many jobs it makes, which paths its command sees."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from textual.containers import Horizontal
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Select, Static

from floyd_tui.project.sweep import said_values
from floyd_tui.screens.launch_form import FormValues
from floyd_tui.widgets.form_field import FormField
from floyd_tui.widgets.format import plain
from floyd_tui.widgets.mounts_editor import MountsEditor
from floyd_tui.widgets.path_input import PathInput
from runner.models import RETRY_ON, Launch, Mount

INPUTS = (
    "project", "command", "message", "gpus", "max_runtime", "tags", "variables", "memory", "cpus", "priority", "after",
    "retry", "idle", "sweep", "together",
)  # fmt: skip
# What a retry and the stopping of idle jobs are completed to.
RETRIES = (f"3 on [{', '.join(RETRY_ON)}]", "1 on [lost]", *(str(times) for times in range(1, 6)))
POLICIES = ("10:30m", "5:1h")
_READ = re.compile(r"/floyd/input/([A-Za-z0-9_.-]+)")


def fields(values: FormValues) -> Iterator[Widget]:
    """All fields, with `values` in them."""
    yield FormField("Project", _input(values, "project", "name"), id="field-project")
    if values.folder is not None:
        code = PathInput(values.folder, placeholder="a folder here", id="folder")
        yield FormField("Code", code, id="field-folder")
    yield FormField("Command", _input(values, "command", "python train.py"), id="field-command")
    yield Static(id="makes", classes="said")
    yield FormField("Message", _input(values, "message", "what is new in this one"), id="field-message")
    yield FormField("Environment", _environment(values), id="field-environment")
    yield FormField("Inputs", MountsEditor(values.mounts, id="mounts"), id="field-mounts")
    yield Static(id="paths", classes="said")
    yield FormField("GPUs", _input(values, "gpus", "0; 8GiB shares one; gpu2 is a machine"), id="field-gpus")
    runtime = _input(values, "max_runtime", "no limit; or 90m, 2h30m, 1d")
    yield FormField("Max runtime", runtime, id="field-max_runtime")
    yield _pair("Limits", values, ("memory", "memory: 8GiB"), ("cpus", "cores: 4"))
    yield _pair("Queue", values, ("priority", "priority: 0"), ("after", "after: a job"))
    yield FormField("Variables", _input(values, "variables", "NAME=VALUE LR=0.1"), id="field-variables")
    yield FormField("Tags", _input(values, "tags", "words to find it by"), id="field-tags")
    yield _pair("Retry", values, ("retry", "never; or 3 on lost"), ("idle", "if GPUs idle: 10:30m"))
    yield _pair("Sweep", values, ("sweep", "lr={0.1,0.01}"), ("together", "at once: all"))


def _pair(label: str, values: FormValues, *parts: tuple[str, str]) -> FormField:
    return FormField(
        label, Horizontal(*(_input(values, *part) for part in parts), classes="pair"), id=f"field-{label.lower()}"
    )


def _environment(values: FormValues) -> Select[str]:
    chosen = values.environment
    options = [(chosen, chosen)] if chosen else []
    return Select(options, prompt="the host's default", value=chosen or Select.NULL, compact=True, id="environment")


def _input(values: FormValues, name: str, placeholder: str) -> Input:
    return Input(getattr(values, name), placeholder=placeholder, compact=True, id=name)


def makes(launches: Sequence[Launch], most: int = 3) -> Content:
    """``This makes 6 jobs: lr=0.1 seed=1 · …``; nothing where it is one job."""
    if not launches[0].values:
        return Content("")
    shown = " · ".join(said_values(launch.values) for launch in launches[:most])
    count = "1 job" if len(launches) == 1 else f"{len(launches)} jobs"
    more = " · …" if len(launches) > most else ""
    return Content.assemble((f"This makes {count}", "$accent"), plain(f": {shown}{more}"), ("  ctrl+s: all", "$dim"))


def paths(command: str, mounts: Sequence[Mount]) -> Content:
    """Where the command finds its inputs; of a path that it names and nobody mounts, what is meant perhaps."""
    if not mounts:
        return Content("")
    places = [mount.destination for mount in mounts]
    seen = Content("\n").join(
        Content.assemble(plain(f"/floyd/input/{mount.destination}"), (plain(f" ← {_short(mount.source)}"), "$dim"))
        for mount in mounts
    )
    read = dict.fromkeys(_READ.findall(command))
    tops = {place.split("/")[0] for place in places}
    lacking = [name for name in read if name not in tops]
    unread = [place for place in places if place.split("/")[0] not in read]
    if lacking:
        meant = f"; is /floyd/input/{unread[-1]} meant?" if unread else ""
        said = f"! it names /floyd/input/{lacking[0]}, which nothing is mounted at{meant}"
        return Content("\n").join((seen, Content.styled(plain(said), "$warn")))
    return seen


def _short(source: str) -> str:
    """A full name without its owner and kind, which say nothing here: ``digits/6/output``."""
    parts = source.split("/")
    return "/".join(parts[2:]) if len(parts) > 2 and parts[1] in ("projects", "datasets") else source
