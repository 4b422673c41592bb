"""`floyd-tui web`: the app in Chromium, over a real runner; and who is not let in."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
from yarl import URL

from tests.support.browser import browser
from tests.support.runner import RunnerProcess
from tests.support.shell import Shell
from tests.support.wait import until, wait_for


class Served:
    """A running ``floyd-tui web`` and what it said."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self.process, self.url = process, URL(url)

    @property
    def page(self) -> URL:
        """Its address without the token."""
        return self.url.with_query(None)

    def apps(self) -> list[int]:
        """The processes of the pages that are open."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(pid) for pid in children.split()]

    def end(self) -> str:
        """Ctrl-C; returns what it said last."""
        self.process.send_signal(signal.SIGINT)
        _, said = self.process.communicate(timeout=60)
        assert self.process.returncode == 0, said
        assert "Traceback" not in said
        return said


@pytest.fixture
def shell(tmp_path: Path, runner: RunnerProcess) -> Shell:
    """A person in a project's folder, whose machine is the runner's."""
    config = tmp_path / "config"
    config.mkdir()
    (config / "config.yaml").write_text(f"hosts:\n  local:\n    data_dir: {runner.data_dir}\n")
    project = tmp_path / "net"
    project.mkdir()
    (project / "train.py").write_text("open('model.txt', 'w').write('learnt')\nprint('a line', 'of the log')\n")
    (project / "floyd.yml").write_text("command: python3 train.py\n")
    return Shell(project, config)


@pytest.fixture
def served(shell: Shell) -> Iterator[Served]:
    """A server on a free port."""
    process = shell.start("web")
    assert process.stdout is not None
    yield Served(process, process.stdout.readline().strip())
    if process.poll() is None:
        process.kill()
        process.communicate()


@pytest.mark.chromium
@pytest.mark.timeout(300)
async def test_the_main_job_typed_into_a_browser(served: Served, shell: Shell, tmp_path: Path) -> None:
    async with browser(tmp_path) as page:
        await page.go(str(served.url))
        await page.sees("No jobs here yet")
        assert "token" not in await page.value("location.href")
        await page.type("n")
        await page.sees("python3 train.py")
        page.forget()
        await page.press("ctrl+l")
        await page.sees("of the log")
        await page.sees("succeeded")
        page.forget()
        await page.type("d")
        await page.sees("outputs/net-1")
        await page.press("Enter")
        await page.sees("✔ 1 file")
        own = str(served.page)
        assert all(url.startswith((own, "data:", "about:")) for url in page.requests), page.requests
        # Leaving the app ends its process, and the page says what next.
        await page.press("ctrl+q")
        await until(lambda: page.value("document.body.classList.contains('-closed')"), "the end of the app")
    assert (shell.folder / "outputs" / "net-1" / "model.txt").read_text() == "learnt"
    assert "Jobs go on" in served.end()


async def test_the_address_is_good_for_one_browser_once(served: Served) -> None:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        async with http.get(served.page) as answer:
            assert answer.status == 403
        async with http.get(served.page.with_query(token="x" * 43)) as answer:
            assert answer.status == 403
        async with http.get(served.url, allow_redirects=False) as answer:
            assert answer.status == 303
            assert answer.headers["Location"] == "/"
            cookie = answer.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        async with http.get(served.page) as answer:
            assert answer.status == 200
            assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
            assert "https://" not in await answer.text(), "nothing is loaded from elsewhere"
    async with aiohttp.ClientSession() as another, another.get(served.url) as answer:
        assert answer.status == 403
        assert "was used already" in await answer.text()


REFUSED = {
    "no cookie": {"Cookie": ""},
    "another cookie": {"Cookie": "floyd-tui-{port}=guessed"},
    "a page elsewhere": {"Origin": "http://evil.example"},
    "another port of this machine": {"Origin": "http://127.0.0.1:1"},
    "a name that leads here": {"Host": "evil.example:{port}"},
    "localhost, whose cookies are others": {"Host": "localhost:{port}"},
}


async def test_others_are_refused(served: Served) -> None:
    async with aiohttp.ClientSession() as http, http.get(served.url, allow_redirects=False) as answer:
        cookie = answer.headers["Set-Cookie"].partition(";")[0]
    good = {"Cookie": cookie, "Origin": str(served.page.origin())}
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        for why, wrong in REFUSED.items():
            bad = good | {name: value.replace("{port}", str(served.page.port)) for name, value in wrong.items()}
            for path in ("/", "/static/js/textual.js", "/download/x", "/nothing"):
                async with http.get(served.page.with_path(path), headers=bad) as answer:
                    assert answer.status == 403, (why, path)
            with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
                await http.ws_connect(served.page.with_path("/ws"), headers=bad)
            assert not served.apps(), f"nothing was started for {why}"
        async with http.ws_connect(served.page.with_path("/ws"), headers=good) as socket:
            assert (await socket.receive()).type is aiohttp.WSMsgType.BINARY, "the app draws"


async def test_a_websocket_that_names_no_page_is_refused(served: Served) -> None:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        async with http.get(served.url) as answer:
            assert answer.status == 200
        with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
            await http.ws_connect(served.page.with_path("/ws"))


async def test_ctrl_c_ends_the_open_pages_too(served: Served) -> None:
    origin = {"Origin": str(served.page.origin())}
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        async with http.get(served.url) as answer:
            assert answer.status == 200
        async with http.ws_connect(served.page.with_path("/ws"), headers=origin) as socket:
            assert (await socket.receive()).type is aiohttp.WSMsgType.BINARY
            apps = served.apps()
            assert apps
            said = await asyncio.to_thread(served.end)
    assert "Ended. Jobs go on without you." in said
    wait_for(lambda: not any(Path(f"/proc/{app}").exists() for app in apps), "the apps' end")


def test_what_cannot_be_served_is_said(shell: Shell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = shell("web", "--port", str(taken.getsockname()[1]), code=1)
    assert "cannot be had: Address already in use" in done.stderr
    assert "--port" in done.stderr
    assert "nowhere" in shell("web", "--host", "nowhere", code=3).stderr
