"""Asking a web server: redirects followed with care, its certificate checked, what it says read into plain terms."""

from __future__ import annotations

import contextlib
import re
import ssl
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

import certifi
import httpx

from runner import __version__
from runner.errors import BadRequest, RunnerError, Unavailable
from runner.fetching.addresses import guard, parse_address, require_allowed_host, shown

MAX_REDIRECTS = 10
_CONNECT_SECONDS = 20.0
# What makes a server answer 304 where nothing has changed.
_CONDITIONS = ("If-None-Match", "If-Modified-Since")
# Worth asking again: the server is busy, or what stands before it cannot reach it now.
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_CONTENT_RANGE = re.compile(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)")


class TryAgain(Exception):
    """It failed in a way that passes; the message says how, `after` when the server wants to be asked again (s)."""

    def __init__(self, message: str, after: float | None = None) -> None:
        super().__init__(message)
        self.after = after


class Refused(RunnerError):
    """The other server's answer, which will be the same next time."""

    status, code, title = 502, "refused", "Nothing could be fetched"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server says before the bytes: `start` is the first byte that comes, `total` the size of the whole.

    `etag` is empty unless it is a strong one; `total` is None where the server does not say.
    """

    response: httpx.Response
    start: int
    total: int | None
    etag: str
    modified: str


def make_client(silence: float) -> httpx.AsyncClient:
    """A client for one fetch, so that no cookie outlives it; `silence` is how long nothing may come, in seconds.

    Proxies are those of the runner's environment. Raises `Unavailable` where that names one that cannot be used.
    """
    timeout = httpx.Timeout(silence, connect=_CONNECT_SECONDS)
    # Identity: what is counted, resumed and checked are the bytes of the file itself.
    headers = {"User-Agent": f"floyd-runner/{__version__}", "Accept-Encoding": "identity"}
    try:
        return httpx.AsyncClient(verify=_trusted(), timeout=timeout, headers=headers)
    except (ImportError, ValueError, httpx.InvalidURL) as error:
        hint = "Set http_proxy and https_proxy to an http:// address, and start the runner again."
        raise Unavailable(f"The proxy of the runner's environment cannot be used: {error}.", hint) from error


def _trusted() -> ssl.SSLContext:
    """The host's own certificates, a lab's among them, and Mozilla's, for a host that has none."""
    context = ssl.create_default_context()
    context.load_verify_locations(cadata=certifi.contents())
    return context


@contextlib.asynccontextmanager
async def ask(
    client: httpx.AsyncClient, url: httpx.URL, headers: Mapping[str, str], own: bool
) -> AsyncIterator[httpx.Response]:
    """GET `url` and hand out the answer while it comes, through redirects; `own`: the runner's own user asks.

    Raises `RunnerError` where asking again is no use, `TryAgain`, and httpx's transport errors.
    """
    at = url
    for _ in range(MAX_REDIRECTS + 1):
        require_allowed_host(at, own)
        request = client.build_request("GET", at, headers=headers, extensions={"trace": guard(at, own)})
        response = await client.send(request, stream=True)
        try:
            if not response.has_redirect_location:
                _check(response)
                yield response
                return
            at = redirected(response)
        finally:
            await response.aclose()
    raise Refused(f"{shown(url)} redirects more than {MAX_REDIRECTS} times.", "Name the address that it leads to.")


def redirected(response: httpx.Response) -> httpx.URL:
    """Where an answer leads; a user and password in an address are for its own server alone. Raises `RunnerError`."""
    old = response.url
    new = parse_address(str(old.copy_with(userinfo=b"").join(response.headers["Location"])))
    if old.scheme == "https" and new.scheme == "http":
        raise Refused(
            f"{shown(old)} redirects from https to {shown(new)}, where anybody on the way could change the data.",
            "Name that address yourself if you trust the way to it, best with --sha256.",
        )
    same = (new.scheme, new.host, new.port) == (old.scheme, old.host, old.port)
    return new.copy_with(userinfo=old.userinfo if same else b"")


def _check(response: httpx.Response) -> None:
    status, who = response.status_code, shown(response.url)
    words = f"{status} {response.reason_phrase}".strip()
    if status in _PASSING:
        after = response.headers.get("Retry-After", "")
        raise TryAgain(f"{response.url.host} answered {words}", float(after) if after.isdecimal() else None)
    if status in (401, 403, 407):
        hint = "Is a login needed? Write it into the address (https://USER:PASSWORD@…), or upload the data."
        raise Refused(f"{who} is not for everybody ({words}).", hint)
    if status in (404, 410):
        raise Refused(f"There is nothing at {who} ({words}).", "Check the address.")
    asked = any(name in response.request.headers for name in _CONDITIONS)
    if status not in (200, 206, 416) and not (status == httpx.codes.NOT_MODIFIED and asked):
        raise Refused(f"{who} answered {words}.", "Open it in a browser to see what is wrong.")
    encoding = response.headers.get("Content-Encoding", "identity").lower()
    if encoding not in ("", "identity") and not response.url.path.endswith((".gz", ".tgz")):
        hint = "Fetch it yourself and send it with `floyd-tui data upload`."
        raise Refused(f"{who} comes compressed ({encoding}) although it was asked not to.", hint)


def read_answer(response: httpx.Response) -> Answer:
    """What the head of a 200 or 206 says; raises `TryAgain` for a range that makes no sense."""
    headers = response.headers
    etag = headers.get("ETag", "")
    start, total = 0, _number(headers.get("Content-Length"))
    if response.status_code == httpx.codes.PARTIAL_CONTENT:
        start, total = content_range(response)
    return Answer(response, start, total, "" if etag.startswith("W/") else etag, headers.get("Last-Modified", ""))


def content_range(response: httpx.Response) -> tuple[int, int | None]:
    """First byte and whole size of a partial answer; of a 416 the first byte is 0."""
    match = _CONTENT_RANGE.match(response.headers.get("Content-Range", ""))
    if match is None:
        raise TryAgain(f"{response.url.host} sent a part without saying which")
    return int(match[1] or 0), _number(match[2])


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() else None


def why(error: httpx.TransportError, url: httpx.URL) -> str:
    """A failed connection in a few words."""
    if isinstance(error, httpx.ConnectTimeout):
        return f"{url.host} does not answer"
    if isinstance(error, httpx.TimeoutException):
        return f"{url.host} fell silent"
    if isinstance(error, httpx.ConnectError):
        return f"{url.host} cannot be reached ({error})"
    return f"the connection to {url.host} broke"


def unreachable(message: str) -> BadRequest:
    """What is said when it cannot be reached from the beginning."""
    return BadRequest(f"Nothing could be fetched: {message}.", "Check the address, and that the host can reach it.")
