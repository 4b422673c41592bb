"""Headless Chromium over its DevTools protocol: pages opened, keys typed, and what a terminal's page was sent."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import re
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp

from tests.support.wait import until

# Keys that are no letters, as the DevTools protocol wants them: name, code, Windows' number, text.
_KEYS = {
    "Enter": ("Enter", "Enter", 13, "\r"),
    "Escape": ("Escape", "Escape", 27, ""),
    "Down": ("ArrowDown", "ArrowDown", 40, ""),
    "Tab": ("Tab", "Tab", 9, ""),
}
_CONTROL = 2
# What a terminal is told beside text: colours, moves, modes.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-~])")


class Browser:
    """One page of a browser; made by `browser`."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._session: str | None = None
        self._sent = ""
        self.requests: list[str] = []
        """The addresses that the page asked for."""

    async def listen(self) -> None:
        """Take what the browser says, until it is gone."""
        async for message in self._socket:
            said = json.loads(message.data)
            if "id" in said:
                self._answers.pop(said["id"]).set_result(said)
            elif said["method"] == "Network.webSocketFrameReceived":
                frame = said["params"]["response"]
                raw = base64.b64decode(frame["payloadData"]) if frame["opcode"] == 2 else b""
                self._sent += raw.decode("utf-8", "replace")
            elif said["method"] == "Network.requestWillBeSent":
                self.requests.append(said["params"]["request"]["url"])

    async def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """A command of the DevTools protocol and its result."""
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        session = {"sessionId": self._session} if self._session else {}
        await self._socket.send_json({"id": number, "method": method, "params": params, **session})
        said = await answer
        assert "error" not in said, said
        result: dict[str, Any] = said["result"]
        return result

    async def open_page(self) -> None:
        """A page of its own."""
        target = await self.ask("Target.createTarget", url="about:blank")
        attached = await self.ask("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session = attached["sessionId"]
        await self.ask("Emulation.setFocusEmulationEnabled", enabled=True)
        for domain in ("Page", "Network", "Runtime"):
            await self.ask(f"{domain}.enable")

    async def go(self, url: str) -> None:
        """Open an address."""
        await self.ask("Page.navigate", url=url)

    async def type(self, text: str) -> None:
        """Type letters."""
        for letter in text:
            await self.ask("Input.dispatchKeyEvent", type="keyDown", key=letter, text=letter)
            await self.ask("Input.dispatchKeyEvent", type="keyUp", key=letter)

    async def press(self, name: str) -> None:
        """Press a key of `_KEYS`, or ``ctrl+l``."""
        held = _CONTROL if name.startswith("ctrl+") else 0
        letter = name.removeprefix("ctrl+")
        key, code, number, text = _KEYS.get(letter) or (letter, f"Key{letter.upper()}", ord(letter.upper()), "")
        common = {"key": key, "code": code, "windowsVirtualKeyCode": number, "modifiers": held}
        await self.ask("Input.dispatchKeyEvent", type="keyDown", **common, **({"text": text} if text else {}))
        await self.ask("Input.dispatchKeyEvent", type="keyUp", **common)

    async def value(self, script: str) -> Any:
        """What a script of the page comes to."""
        result = await self.ask("Runtime.evaluate", expression=script, returnByValue=True)
        return result["result"].get("value")

    @property
    def text(self) -> str:
        """What the terminal of the page was told to draw since `forget`, without its colours."""
        return _ESCAPES.sub("", self._sent)

    def forget(self) -> None:
        """What was drawn so far does not count any more."""
        self._sent = ""

    async def sees(self, *words: str) -> None:
        """Wait until one of `words` was drawn."""

        async def drawn() -> bool:
            return any(word in self.text for word in words)

        try:
            await until(drawn, repr(words))
        except AssertionError as error:
            raise AssertionError(f"{error}:\n{self.text[-3000:]}") from None


@contextlib.asynccontextmanager
async def browser(folder: Path) -> AsyncIterator[Browser]:
    """A browser with a profile of its own below `folder`, ended afterwards."""
    options = (
        "--headless=new",
        "--window-size=1280,800",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-first-run",
    )
    process = await asyncio.create_subprocess_exec(
        "chromium", *options, "--disable-background-networking", "--remote-debugging-port=0",
        f"--user-data-dir={folder / 'profile'}", "about:blank",
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        named = folder / "profile" / "DevToolsActivePort"

        async def listening() -> list[str] | None:
            lines = named.read_text().splitlines() if named.exists() else []
            return lines if len(lines) == 2 else None

        port, path = await until(listening, "the browser")
        async with aiohttp.ClientSession() as http:
            socket = await http.ws_connect(f"ws://127.0.0.1:{port}{path}", max_msg_size=0)
            made = Browser(socket)
            listener = asyncio.create_task(made.listen())
            await made.open_page()
            yield made
            await socket.close()
            await listener
    finally:
        process.terminate()
        await process.wait()
