"""Click groups: one that imports a command's module only when it is used, one whose list of commands reads whole."""

from __future__ import annotations

import difflib
import importlib
import re
from collections.abc import Mapping
from typing import Any

import click

# The end of a help's first clause.
_CLAUSE = re.compile(r"[.;:](?=\s|$)")


class Clauses(click.Group):
    """A group that lists its commands by the first clause of their help; click itself cuts in the middle of one."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands."""
        with formatter.section("Commands"):
            rows = []
            for name in self.list_commands(ctx):
                command = self.get_command(ctx, name)
                if command is not None and not command.hidden:
                    rows.append((name, _CLAUSE.split(" ".join((command.help or "").split()), maxsplit=1)[0]))
            formatter.write_dl(rows)


class LazyGroup(click.Group):
    """`table` maps a command to where it is (``module:attribute`` below `module`) and its line in the help."""

    def __init__(self, *args: Any, module: str, table: Mapping[str, tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._module = module
        self._table = table

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All commands, in the table's order: it is that of a job's life."""
        return list(self._table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command."""
        if cmd_name not in self._table:
            return None
        module, _, attribute = self._table[cmd_name][0].partition(":")
        command = getattr(importlib.import_module(f"{self._module}.{module}"), attribute)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with a guess at what an unknown command was meant to be."""
        name = args[0]
        if name not in self._table and not name.startswith("-"):
            near = difflib.get_close_matches(name, self._table, 1)
            meant = f" Did you mean {near[0]!r}?" if near else f" There are: {', '.join(self._table)}."
            ctx.fail(f"No such command {name!r}.{meant}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, from the table alone: nothing is imported for the help."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in self._table.items()])
