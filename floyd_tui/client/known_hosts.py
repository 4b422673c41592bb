"""OpenSSH's known_hosts: which keys a host is known by, where that is written, and adding to it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncssh

_GLOBAL = ("/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2")
_USER = ("~/.ssh/known_hosts", "~/.ssh/known_hosts2")
SSH_PORT = 22


@dataclass(frozen=True, slots=True)
class KnownLine:
    """A line of a known_hosts file that is about a host."""

    path: Path
    number: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}, line {self.number}"


class KnownHosts:
    """The known_hosts files of one connection, as its SSH settings name them (or as OpenSSH's defaults do)."""

    def __init__(self, user_files: Sequence[str] = (), global_files: Sequence[str] = ()) -> None:
        self._user = [Path(name).expanduser() for name in user_files or _USER]
        self._files = [*self._user, *(Path(name).expanduser() for name in global_files or _GLOBAL)]

    def load(self) -> asyncssh.SSHKnownHosts:
        """All lines that make sense, for asyncssh; one bad line must not lock the person out."""
        return _import("\n".join(line.text for line in self._lines()))

    def about(self, host: str, port: int) -> list[KnownLine]:
        """The lines with a key of `host` at `port`, plain or hashed.

        Unlike asyncssh, a line for port 22 says nothing of another port: two hosts behind one address are two hosts.
        """
        return [line for line in self._lines() if _names(line.text, host, port)]

    def add(self, host: str, port: int, key: str) -> Path:
        """Append `key` (``type base64``) for `host` to the first user file and return its path; raises `OSError`."""
        path = self._user[0]
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND
        with os.fdopen(os.open(path, flags, 0o600), "rb+") as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(end - 1, 0))
            separator = b"\n" if file.read(1) not in (b"", b"\n") else b""
            file.write(separator + f"{entry_name(host, port)} {key.strip()}\n".encode())
        return path

    def _lines(self) -> list[KnownLine]:
        found = []
        for path in self._files:
            try:
                text = path.read_text("utf-8", "replace")
            except OSError:
                continue
            for number, line in enumerate(text.splitlines(), 1):
                if line.strip() and not line.lstrip().startswith("#") and _parses(line):
                    found.append(KnownLine(path, number, line.strip()))
        return found


def entry_name(host: str, port: int) -> str:
    """How known_hosts names a host at a port."""
    return host if port == SSH_PORT else f"[{host}]:{port}"


def _import(text: str) -> asyncssh.SSHKnownHosts:
    import asyncssh

    return asyncssh.import_known_hosts(text)


def _parses(line: str) -> bool:
    try:
        _import(line)
    except ValueError:
        return False
    return True


def _names(line: str, host: str, port: int) -> bool:
    # asyncssh falls back to the plain name by itself when a port is given, so the name with its port is the "host".
    # Lines of authorities and of revoked keys do not say which key the host has.
    host_keys, *_ = _import(line).match(entry_name(host, port), "", None)
    return bool(host_keys)
