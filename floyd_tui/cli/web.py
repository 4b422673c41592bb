"""``web``: the app in a browser on this machine."""

from __future__ import annotations

import asyncio
import shlex
import socket
import subprocess
import sys
import webbrowser

import click

from floyd_tui.cli.options import complete_host
from floyd_tui.cli.show import note
from floyd_tui.errors import FloydError

_HERE = "127.0.0.1"


class PortTaken(FloydError):
    """The port that was asked for cannot be had."""

    title = "The web server"


@click.command()
@click.option("--host", metavar="HOST", help="Open the app on this host.", shell_complete=complete_host)
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port of 127.0.0.1; a free one if left out.")
@click.option("--readonly", is_flag=True, help="To look only: nothing on any host is changed.")
@click.option("--open", "open_browser", is_flag=True, help="Open it in the browser, too.")
def web(host: str | None, port: int, readonly: bool, open_browser: bool) -> None:
    """Serve the app to a browser on this machine, until Ctrl-C.

    It is there on 127.0.0.1 alone. The address that is printed lets one browser in, once; that browser is known from
    then on, and anybody else is refused. Jobs go on when it ends.
    """
    if host is not None:
        from floyd_tui.client.links import Links
        from floyd_tui.config import Config

        Links(Config.load())[host]  # says what is wrong with the name before anything is served
    from floyd_tui.web.server import WebServer

    with _listen(port) as listening:
        server = WebServer(_command(host, readonly), listening)

        def ready() -> None:
            click.echo(server.gate.url)
            note("Open this in a browser on this machine; it is good for once. Ctrl-C ends it.")
            if open_browser and not webbrowser.open(server.gate.url):
                note("No browser was found here; open the address by hand.")

        asyncio.run(server.run(ready))
    note("Ended. Jobs go on without you.")


def _listen(port: int) -> socket.socket:
    try:
        return socket.create_server((_HERE, port))
    except OSError as error:
        raise PortTaken(
            f"Port {port} of {_HERE} cannot be had: {error.strerror}.", "Name another with --port, or leave it out."
        ) from error


def _command(host: str | None, readonly: bool) -> str:
    """The app's command line, for the system's shell."""
    words = [sys.executable, "-m", "floyd_tui", *(("--host", host) if host else ())]
    words += ["--readonly"] if readonly else []
    return subprocess.list2cmdline(words) if sys.platform == "win32" else shlex.join(words)
