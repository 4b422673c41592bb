"""Data past asyncssh's packet handlers, through a real sshd: keys exchanged in its midst, several channels, damage."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import socket
import socketserver
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncssh
import pytest

from floyd_tui.client.channel import open_channel
from floyd_tui.client.packets import Gcm
from floyd_tui.client.pipe import Pipe
from floyd_tui.client.ssh_login import Login, log_in
from floyd_tui.config import HostConfig
from tests.support.sshd import Sshd

pytestmark = pytest.mark.sshd
SIZE = 24 << 20
PIECE = 300_001
LIMIT = "RekeyLimit 1M"


class SayBack(socketserver.BaseRequestHandler):
    """Sends what comes back as it is."""

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError):
            while data := self.request.recv(1 << 16):
                self.request.sendall(data)


@contextmanager
def listening(path: Path) -> Iterator[None]:
    """A socket on the host, as a runner's."""
    with socketserver.ThreadingUnixStreamServer(str(path), SayBack) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


@dataclass
class Road:
    """A login, and pipes to what says everything back."""

    server: Sshd
    login: Login
    path: str

    async def pipe(self) -> Pipe:
        return await open_channel(self.login.connection, self.path)


@asynccontextmanager
async def road(folder: Path, server_says: tuple[str, ...] = (), client_says: str = "") -> AsyncIterator[Road]:
    """A road with these lines in the configuration of its ends."""
    ssh, path = Path.home() / ".ssh", folder / "socket"
    ssh.mkdir()
    (ssh / "config").write_text(f"{client_says}\n")
    with Sshd(folder / "sshd", settings=server_says) as server, listening(path):
        server.trust(ssh / "known_hosts")
        host = HostConfig("gpu1", f"{server.user}@127.0.0.1:{server.port}")
        login = await log_in(host.name, host.destination, str(server.client_key))
        try:
            yield Road(server, login, str(path))
        finally:
            await login.close()


async def there_and_back(pipe: Pipe, content: bytes) -> None:
    """Send `content` and read it meanwhile."""

    async def send() -> None:
        for start in range(0, len(content), PIECE):
            await pipe.write(content[start : start + PIECE])

    sending = asyncio.create_task(send())
    came, back = 0, hashlib.sha256()
    try:
        while came < len(content):
            data = await pipe.read()
            assert data, "the channel ended early"
            came += len(data)
            back.update(data)
    finally:
        sending.cancel()
        await asyncio.wait([sending])
    assert back.digest() == hashlib.sha256(content).digest()
    pipe.close()


@pytest.mark.parametrize("whose", ["nobody's", "the server's", "the client's", "both's"])
async def test_keys_are_exchanged_in_the_midst_of_it(whose: str, tmp_path: Path, home: Path) -> None:
    server_says = ("LogLevel DEBUG1", *((LIMIT,) if whose in ("the server's", "both's") else ()))
    async with road(tmp_path, server_says, LIMIT if whose in ("the client's", "both's") else "") as way:
        pipes = [await way.pipe() for _ in range(3)]
        await asyncio.gather(*(there_and_back(pipe, os.urandom(SIZE // 3)) for pipe in pipes))
        exchanges = (way.server.folder / "sshd.log").read_text().count("SSH2_MSG_NEWKEYS received")
    assert exchanges == 1 if whose == "nobody's" else exchanges > SIZE >> 22


async def test_many_packets_are_taken_in_at_once(tmp_path: Path, home: Path) -> None:
    taken: list[int] = []
    async with road(tmp_path) as way:
        pipe = await way.pipe()
        take = pipe.data_received

        def noted(data: bytes, datatype: object = None) -> None:
            taken.append(len(data))
            take(data, datatype)

        pipe.data_received = noted  # type: ignore[method-assign]
        await there_and_back(pipe, os.urandom(SIZE))
    assert sum(taken) == SIZE
    assert max(taken) > 128 << 10


@pytest.mark.parametrize("setting", ["Ciphers aes256-ctr", "Ciphers chacha20-poly1305@openssh.com", "Compression yes"])
async def test_what_the_lane_does_not_know_goes_asyncsshs_way(setting: str, tmp_path: Path, home: Path) -> None:
    async with road(tmp_path, (setting,), setting) as way:
        agreed = [way.login.connection.get_extra_info(f"recv_{what}") for what in ("cipher", "compression")]
        assert setting.split()[1] in agreed or "zlib@openssh.com" in agreed
        await there_and_back(await way.pipe(), os.urandom(2 << 20))


async def test_a_flipped_bit_ends_the_connection(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    peek = Gcm.peek

    def damaged(self: Gcm, packet: bytes | memoryview) -> bytes:
        flipped = bytearray(packet)
        flipped[-20] ^= len(packet) > 10_000
        return peek(self, bytes(flipped))

    async with road(tmp_path) as way:
        pipe = await way.pipe()
        monkeypatch.setattr(Gcm, "peek", damaged)
        with pytest.raises(OSError, match="MAC verification failed"):
            await there_and_back(pipe, os.urandom(1 << 20))
        assert isinstance(await way.login.lost, asyncssh.MACError)


async def test_a_line_that_breaks_while_something_is_sent_breaks_the_pipe(tmp_path: Path, home: Path) -> None:
    async with road(tmp_path) as way:
        pipe = await way.pipe()
        way.login.connection.get_extra_info("socket").shutdown(socket.SHUT_WR)
        pipe._transport._send_window = 200_000  # so that the first to fail is sent in part
        with pytest.raises(OSError, match=r"[Bb]roken pipe|closed"):
            await pipe.write(os.urandom(1 << 20))
