"""What is copied goes to the terminal (OSC 52, which works over SSH) and to this machine's own clipboard."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from textual.app import App


async def copy(app: App[Any], text: str) -> None:
    """Copy `text`. Terminals do not say whether they took it, and a machine without a desktop has no clipboard."""
    app.copy_to_clipboard(text)
    if not app.is_headless:  # tests and the browser have a clipboard of their own
        await asyncio.to_thread(to_system, text)


def to_system(text: str) -> None:
    """Copy to the clipboard of this machine, if it has one. Blocks: it starts a program."""
    import pyperclip  # asks what programs there are, which takes a while

    with suppress(pyperclip.PyperclipException, OSError):
        pyperclip.copy(text)
