"""Who is at the other end of a connection, how long it may dawdle, and how many of them one person may have."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import Counter
from typing import ClassVar

from uvicorn.protocols.http.h11_impl import H11Protocol

from runner.rawanswer import RawAnswer
from runner.rawbody import RawBody

_PEERCRED = struct.Struct("3i")
# Connections of one person at a time. A client keeps less than ten; each follower of a log or of gauges has one.
MOST_CONNECTIONS = 1000


def peer_uid(connection: socket.socket) -> int:
    """The uid that the kernel noted when the other end connected; nothing that is sent can change it."""
    _, uid, _ = _PEERCRED.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEERCRED.size))
    assert isinstance(uid, int)
    return uid


class PeerProtocol(H11Protocol):
    """HTTP/1.1 whose requests carry the uid that the kernel tells of the connection, as ``state["uid"]``."""

    _uid = -1
    _impatience: asyncio.TimerHandle | None = None
    _connections: ClassVar[Counter[int]] = Counter()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        uid = self._uid = peer_uid(transport.get_extra_info("socket"))
        self._connections[uid] += 1
        self.app_state = {**self.app_state, "uid": uid, "take_body": self._take_body, "give_body": self._give_body}
        super().connection_made(transport)
        if self._connections[uid] > MOST_CONNECTIONS:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections[self._uid] -= 1
        self._be_patient()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._look_at_head()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._look_at_head()

    def _look_at_head(self) -> None:
        # Between requests a connection may rest in a pool for long; within a head nobody has a reason to.
        if self._awaits_head():
            if self._impatience is None:
                # A head is one packet, or on a bad line a few.
                patience: float = self.app.state.runner.settings.request_silence
                self._impatience = self.loop.call_later(patience, self.transport.abort)
        else:
            self._be_patient()

    def _awaits_head(self) -> bool:
        """Whether a part of a head has come."""
        return (self.cycle is None or self.cycle.response_complete) and bool(self.conn.trailing_data[0])

    def _be_patient(self) -> None:
        if self._impatience is not None:
            self._impatience.cancel()
            self._impatience = None

    def _take_body(self) -> RawBody | None:
        """Hand the rest of the body out for a thread to read; None where it must come through the event loop.

        The connection is closed after the answer, which is to say so: ``Connection: close``.
        """
        cycle = self.cycle
        length = dict(self.headers).get(b"content-length")
        if length is None or not cycle.more_body or cycle.waiting_for_100_continue:
            return None
        self.flow.pause_reading()
        cycle.keep_alive = False
        first, cycle.body = bytes(cycle.body), bytearray()
        return RawBody(self.transport.get_extra_info("socket").dup(), first, int(length) - len(first))

    def _give_body(self) -> RawAnswer | None:
        """Hand the connection out, after the head, for a thread to send the body on; None where the head lingers.

        It is closed afterwards, which the head is to say: ``Connection: close``.
        """
        if self.transport.get_write_buffer_size() or self.transport.is_closing():
            return None
        return RawAnswer(self.transport.get_extra_info("socket").dup(), self._body_given)

    def _body_given(self) -> None:
        self.cycle.response_complete = True
        self.cycle.message_event.set()
        self.transport.close()
