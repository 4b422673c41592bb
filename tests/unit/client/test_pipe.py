"""Pipes: what the other side said before it closed is read, however the writing ended."""

from __future__ import annotations

import os
import socket
import tempfile

import pytest

from floyd_tui.client.pipe import open_socket


async def test_an_answer_from_one_who_has_closed_is_read() -> None:
    answer = os.urandom(100_000)
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{folder}/s")
        listener.listen()
        pipe = await open_socket(f"{folder}/s")
        server, _ = listener.accept()
        server.sendall(answer)
        server.close()
        await pipe.write(b"more of the body")  # fails at once, before the answer was looked at
        assert await pipe.read(len(answer)) == answer
        with pytest.raises(BrokenPipeError):
            await pipe.read()
        with pytest.raises(BrokenPipeError):
            await pipe.write(b"still more")
