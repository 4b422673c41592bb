"""What fetched data is called, and whether its name says that it is an archive to be unpacked."""

from __future__ import annotations

from email.message import EmailMessage
from urllib.parse import unquote

import httpx

ENDINGS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tbz", ".tar.xz", ".txz", ".zip")
_MAX_BYTES = 255
_NAMELESS = "data"


def file_name(asked: httpx.URL, answer: httpx.Response) -> str:
    """The name for what `answer` brings, `asked` for: the server's own (Content-Disposition), else the address's.

    Of the address asked for and the one that answered after redirects, the one whose last part looks like a file's.
    """
    own = _clean(_disposition(answer.headers.get("Content-Disposition", "")))
    last = [_clean(unquote(url.path).rstrip("/")) for url in (asked, answer.url)]
    return own or next((name for name in last if "." in name), "") or last[0] or last[1] or _NAMELESS


def is_archive(name: str) -> bool:
    """Whether a file of this name is meant to be unpacked: many formats are zip files inside and are not."""
    return name.lower().endswith(ENDINGS)


def _disposition(header: str) -> str:
    if not header:
        return ""
    message = EmailMessage()
    # httpx reads headers as Latin-1 or UTF-8; the standard library knows RFC 2231's forms of a name.
    message["Content-Disposition"] = header.replace("\n", " ").replace("\r", " ")
    return message.get_filename() or ""


def _clean(path: str) -> str:
    """The last part of `path` as a name that a folder can hold; empty where it has none."""
    name = path.replace("\\", "/").rpartition("/")[2]
    name = "".join(char for char in name if char.isprintable()).strip()
    if not name.strip("."):
        return ""
    encoded = name.encode("utf-8", "surrogateescape")
    return name if len(encoded) <= _MAX_BYTES else encoded[-_MAX_BYTES:].decode("utf-8", "ignore")
