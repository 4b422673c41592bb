"""Who may talk to the server: one browser, let in once by the token of the printed address, then known by a cookie.

127.0.0.1 is open to every account and every web page of this machine. So each request, the WebSocket's and those for
pictures and scripts included, must bring the cookie; it must name this very address as its host (a page elsewhere may
have its name resolved to 127.0.0.1), and where it names the page it comes from, that must be ours.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_REFUSED = "This is a floyd-tui of somebody. It is opened by the address that `floyd-tui web` printed, once.\n"
_USED = "This address was used already, and is good for once. Start `floyd-tui web` again for another.\n"


class Gate:
    """Lets in who brings the token, and from then on the same browser; anybody else gets 403.

    `address` is where the server is, as ``127.0.0.1:8000``.
    """

    def __init__(self, address: str) -> None:
        self._address, self._origin = address, f"http://{address}"
        self._token: str | None = secrets.token_urlsafe(32)
        self._session = secrets.token_urlsafe(32)
        # Cookies know no ports: two servers on this machine would overwrite each other's.
        self._cookie = f"floyd-tui-{address.rpartition(':')[2]}"
        self.url = f"{self._origin}/?token={self._token}"
        """What is to be opened, once."""

    @web.middleware
    async def check(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer a request, or refuse it."""
        if not self._from_here(request):
            return self._refuse(_REFUSED)
        if self._knows(request):
            return await handler(request)
        return self._enter(request)

    async def harden(self, request: web.Request, response: web.StreamResponse) -> None:
        """Nothing from elsewhere is loaded, nobody else may frame the page, nothing is kept (`on_response_prepare`)."""
        response.headers["Content-Security-Policy"] = (
            "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
            f"img-src 'self' data:; font-src 'self' data:; connect-src 'self' ws://{self._address}; "
            "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
        )
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Cache-Control"] = "no-store"

    def _from_here(self, request: web.Request) -> bool:
        origin = request.headers.get("Origin")
        # A browser always says where a WebSocket comes from; nobody else has a reason to open one.
        if origin is None and request.headers.get("Upgrade"):
            return False
        return request.headers.get("Host") == self._address and origin in (None, self._origin)

    def _knows(self, request: web.Request) -> bool:
        return secrets.compare_digest(request.cookies.get(self._cookie, "").encode(), self._session.encode())

    def _enter(self, request: web.Request) -> web.StreamResponse:
        given = request.query.get("token", "")
        if request.method != "GET" or request.path != "/" or not given:
            return self._refuse(_REFUSED)
        if self._token is None:
            return self._refuse(_USED)
        if not secrets.compare_digest(given.encode(), self._token.encode()):
            return self._refuse(_REFUSED)
        self._token = None
        # On without the token, which would stay in the browser's history.
        answer = web.Response(status=303, headers={"Location": "/"})
        answer.set_cookie(self._cookie, self._session, httponly=True, samesite="Strict", path="/")
        return answer

    @staticmethod
    def _refuse(text: str) -> web.Response:
        return web.Response(status=403, text=text)
