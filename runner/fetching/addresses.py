"""Which addresses are fetched from, and how they are shown.

Who asks has an account on the host, so what the host can reach on its network they can reach too: a file server of the
lab is what this is for. Two things differ, since the runner asks as its own user and not as they. The addresses where
clouds hand a machine its credentials are open to some users only: nobody gets them here. And what listens on the host
itself may trust the runner's user: that is for this user alone.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl, urlencode

import httpx

from runner.errors import BadRequest, Forbidden

MAX_URL = 8000
# What clouds answer on beside link-local addresses: Azure's agent, Alibaba's metadata, AWS over IPv6.
_METADATA = frozenset(map(ipaddress.ip_address, ("168.63.129.16", "100.100.100.200", "fd00:ec2::254")))
_SECRET = re.compile(r"sig|token|key|secret|pass|credential|auth|session", re.IGNORECASE)
Trace = Callable[[str, dict[str, Any]], Awaitable[None]]


def parse_address(text: str) -> httpx.URL:
    """Read the address of something to fetch; raises `BadRequest` for what cannot be one."""
    hint = "Write it in full: https://example.org/data.tar.gz"
    if len(text) > MAX_URL:
        raise BadRequest(f"The address has {len(text):,} characters, more than {MAX_URL:,}.", hint)
    try:
        url = httpx.URL(text.strip())
    except (httpx.InvalidURL, ValueError) as error:
        raise BadRequest(f"{text[:200]!r} is not an address: {error}.", hint) from error
    if url.scheme not in ("http", "https") or not url.host or not 0 < (url.port or 80) < 1 << 16:
        raise BadRequest(f"{text[:200]!r} is not an http or https address.", hint)
    return url.copy_with(fragment=None)


def shown(url: httpx.URL) -> str:
    """The address without what logs in: no user and password, and no value of a parameter that names a secret."""
    pairs = parse_qsl(url.query.decode("ascii"), keep_blank_values=True)
    if any(_SECRET.search(name) for name, _ in pairs):
        kept = [(name, "***" if _SECRET.search(name) else value) for name, value in pairs]
        url = url.copy_with(query=urlencode(kept, safe="*/:").encode())
    return str(url.copy_with(userinfo=b""))


def require_allowed(address: str, own: bool) -> None:
    """Raise `Forbidden` for an IP address that is not fetched from; `own` says that the runner's own user asks."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    ip = getattr(ip, "ipv4_mapped", None) or ip
    if ip.is_link_local or ip in _METADATA:
        raise Forbidden(f"{address} is where a machine asks for its own credentials.", "Name another address.")
    if not own and (ip.is_loopback or ip.is_unspecified):
        raise Forbidden(
            f"{address} is this host itself, which only the runner's own user may have it ask.",
            "Upload the data with `floyd-tui data upload`.",
        )


def require_allowed_host(url: httpx.URL, own: bool) -> None:
    """The same for an address that is written as numbers; a name shows what it is when it is connected to."""
    try:
        ipaddress.ip_address(url.host)
    except ValueError:
        return
    require_allowed(url.host, own)


def guard(url: httpx.URL, own: bool) -> Trace:
    """A `trace` extension for a request for `url`: closes a connection to a forbidden place before a byte is sent.

    Looked at is whom the kernel says it is connected to, so a name that changes its address gains nothing. A proxy of
    the host's environment is its owner's choice, and is not looked at.
    """
    direct = False

    async def trace(event: str, info: dict[str, Any]) -> None:
        nonlocal direct
        if event == "connection.connect_tcp.started":
            direct = info["host"] == url.raw_host.decode("ascii")
        elif event == "connection.connect_tcp.complete" and direct:
            stream = info["return_value"]
            try:
                require_allowed(stream.get_extra_info("server_addr")[0], own)
            except Forbidden:
                await stream.aclose()
                raise

    return trace
