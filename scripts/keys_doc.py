"""docs/keys.md, made from the bindings themselves: `python -m scripts.keys_doc` writes it, a test compares."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path

from textual.binding import Binding
from textual.dom import DOMNode
from textual.keys import format_key

import floyd_tui.screens
import floyd_tui.widgets

PATH = Path(__file__).parents[1] / "docs" / "keys.md"
HEAD = """\
# Keys

Made from the program's own bindings by `python -m scripts.keys_doc`; do not edit. In the program, `?` shows the keys
of what you look at, and ctrl+p finds them by name. To use other keys, name a key's id in `config.yaml`:

```yaml
keys:
  job.stop: x
  table.down: j,ctrl+n
```
"""
# Where keys act, by the class that binds them, in the order of the page.
PLACES = {
    "FloydApp": "Everywhere",
    "RowTable": "In every list",
    "LongTable": "In the list of jobs",
    "Panes": "Two panes side by side",
    "FilterBar": "While a filter is typed",
    "FilterInput": "While a filter is typed: its words",
    "HomeScreen": "Jobs",
    "JobKeys": "Jobs: what one does with them",
    "JobMarks": "Jobs: marks",
    "JobView": "Jobs: order and columns",
    "BatchDialog": "Many jobs at once",
    "CompareScreen": "Jobs side by side",
    "DiffView": "Jobs side by side: code",
    "GroupScreen": "A sweep's jobs",
    "JobScreen": "A job",
    "LogView": "Log",
    "LogLines": "Log: moving",
    "LogPane": "Log: search and saving",
    "SearchInput": "Log: while a search is typed",
    "ChartGrid": "Metrics and use",
    "MetricCharts": "Metrics, of one job or several",
    "JobMetrics": "Metrics of a job",
    "Chart": "A chart",
    "InfoPane": "Info",
    "LineagePane": "Lineage",
    "LineageScreen": "Lineage of a dataset",
    "JobTree": "Files of a job",
    "JobFiles": "Files of a job: its output",
    "JobCode": "Files of a job: its code",
    "CodeDiffScreen": "Code side by side",
    "FilesPane": "Finding files",
    "FileTree": "The tree of files",
    "FileView": "A file",
    "PreviewScreen": "A file on the whole screen",
    "JsonTree": "A file: JSON",
    "Sheet": "A file: a table",
    "MarkdownView": "A file: Markdown",
    "DownloadScreen": "Download",
    "TransfersScreen": "Transfers",
    "SyncDialog": "Sync",
    "LaunchScreen": "Launch form",
    "GoesUpScreen": "What goes up",
    "LargeDialog": "Before much code goes up",
    "TickDialog": "What is drawn, too",
    "TickList": "Lines to tick",
    "PathInput": "Where a folder is typed",
    "QueueScreen": "The queue",
    "WatchScreen": "Watch mode",
    "DatasetsScreen": "Datasets",
    "DatasetFiles": "Files of a dataset",
    "FetchesPane": "What the host fetches",
    "UploadDialog": "Upload, beside the keys of all dialogs with fields",
    "FormDialog": "Dialogs with fields: a dataset uploaded, from the net, from a job",
    "EnvironmentsScreen": "Environments",
    "HostsScreen": "Hosts",
    "AddHostDialog": "Add a host",
    "HostScreen": "A host's load",
    "DiskScreen": "A host's disk",
    "SecretsScreen": "A host's secrets",
    "Dialog": "Questions",
    "Picker": "Choosing a host, an order or a theme",
    "ColumnPicker": "Choosing columns",
    "CommandOutput": "What a command of your own prints",
    "MessagesScreen": "Messages",
    "JumpScreen": "In jump mode",
    "CommandLine": "While a command is typed",
    "HelpScreen": "Help",
}
NAMED = {"down": "↓", "up": "↑", "left": "←", "right": "→", "enter": "Enter", "escape": "Esc", "tab": "Tab",
         "space": "Space", "home": "Home", "end": "End", "pageup": "PgUp", "pagedown": "PgDn"}  # fmt: skip


def binding_classes() -> dict[str, type[DOMNode]]:
    """The program's own classes that bind keys, by name."""
    modules = ["floyd_tui.app"]
    for package in (floyd_tui.screens, floyd_tui.widgets):
        modules += [f"{package.__name__}.{found.name}" for found in pkgutil.iter_modules(package.__path__)]
    found: dict[str, type[DOMNode]] = {}
    for name in modules:
        for value in vars(importlib.import_module(name)).values():
            own = isinstance(value, type) and issubclass(value, DOMNode) and value.__module__ == name
            if own and value.__dict__.get("BINDINGS"):
                found[value.__name__] = value
    return found


def bindings_of(kind: type[DOMNode]) -> Iterator[Binding]:
    """The bindings that a class itself declares, one key each."""
    yield from Binding.make_bindings(kind.__dict__["BINDINGS"])


def shown_key(binding: Binding) -> str:
    """A key as it is written on keyboards and in docs."""
    *modifiers, key = binding.key.split("+")
    name = binding.key_display or NAMED.get(key) or format_key(key)
    return "+".join([*modifiers, name])


def section(title: str, kind: type[DOMNode]) -> str:
    """One place's keys as a table, a line an action."""
    keys: dict[str, list[str]] = {}
    words: dict[str, Binding] = {}
    for binding in bindings_of(kind):
        shown = keys.setdefault(binding.id or "", [])
        if (key := f"`{shown_key(binding)}`") not in shown:
            shown.append(key)
        words[binding.id or ""] = binding
    lines = [f"## {title}", "", "| Key | Does | Id |", "|---|---|---|"]
    for name, binding in words.items():
        lines.append(f"| {' '.join(keys[name])} | {binding.description}: {binding.tooltip} | `{name}` |")
    return "\n".join(lines)


def page() -> str:
    """The whole page."""
    classes = binding_classes()
    return "\n\n".join([HEAD.rstrip(), *(section(title, classes[name]) for name, title in PLACES.items())]) + "\n"


if __name__ == "__main__":
    PATH.write_text(page(), encoding="utf-8")
