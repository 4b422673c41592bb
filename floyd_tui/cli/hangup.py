"""The app ends with its terminal, even where nobody sends it SIGHUP."""

from __future__ import annotations

import os
import select
import signal
import threading


def end_with_terminal(terminal: int) -> None:
    """End this process by SIGHUP once the file descriptor `terminal` is hung up.

    The kernel tells only who has it as a controlling terminal. Others would read its end, and fail to write to it, for
    ever and at the cost of a core.
    """

    def watch() -> None:
        poll = select.poll()
        # Nothing is asked for: a hang-up is always told. macOS tells at once that it does not poll terminals.
        poll.register(terminal, 0)
        if any(told & (select.POLLHUP | select.POLLERR) for _, told in poll.poll()):
            os.kill(os.getpid(), signal.SIGHUP)

    threading.Thread(target=watch, name="terminal-hangup", daemon=True).start()
