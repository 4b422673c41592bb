"""Questions at the terminal. The connection lives on behind them, and Ctrl-C ends them at once."""

from __future__ import annotations

import asyncio
import os
import sys

import click

from floyd_tui.cli.show import printable
from floyd_tui.errors import FloydError


def can_ask() -> bool:
    """Whether somebody sits there to answer."""
    return sys.stdin.isatty() and sys.stderr.isatty()


async def ask(question: str) -> str:
    """What the person types after `question`; raises `click.Abort` at the end of input."""
    click.echo(printable(question) + " ", nl=False, err=True)
    try:
        line = await _typed()
    except asyncio.CancelledError:
        click.echo(err=True)
        raise
    if not line:
        click.echo(err=True)
        raise click.Abort
    return line.strip()


async def _typed() -> str:
    if os.name != "posix":
        return await asyncio.to_thread(sys.stdin.readline)
    # A thread in readline could not be called off: it would hold up the end of the program until Enter.
    loop, ready = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(sys.stdin, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(sys.stdin)
    return sys.stdin.readline()


async def confirm(question: str, default: bool = False) -> bool:
    """Ask for yes or no, again until it is one of them; Enter alone is `default`."""
    answers = {"y": True, "yes": True, "n": False, "no": False, "": default}
    while True:
        said = (await ask(f"{question} [{'Y/n' if default else 'y/N'}]:")).lower()
        if said in answers:
            return answers[said]
        click.echo("Please answer y or n.", err=True)


async def agree(question: str, otherwise: str) -> None:
    """Go on only with a yes; raises `click.Abort` without one.

    Where nobody is there to ask, raises `FloydError` with the hint `otherwise`.
    """
    if not can_ask():
        raise FloydError(f"{question} Nobody is here to answer.", otherwise)
    if not await confirm(question):
        raise click.Abort
