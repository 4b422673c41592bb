"""A lane for the data of channels, past asyncssh's handling of each packet: many of them in one go, each way.

A packet holds 32 KiB at most, and asyncssh takes four times as long to take one apart, to pass it on and to log it as
its cipher takes. What is no data goes its way, and so does everything while keys are exchanged: asyncssh has the state
of the connection, which the lane asks and keeps. Sources: RFC 4253 (6), RFC 4254 (5.2), RFC 5647 (7).
"""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Iterator
from typing import Any

import asyncssh
from asyncssh.channel import SSHChannel
from asyncssh.constants import MSG_CHANNEL_DATA

from floyd_tui.client.packets import HEADER, TAG, Gcm

# Before each packet its length; in front of its data the length of the padding behind it, its type, the number that the
# channel has for the one who reads it, and the length of the data.
_LENGTH, _HEAD = struct.Struct(">I"), struct.Struct(">BBII")
_BLOCK, _LEAST_PADDING = 16, 4
_SEQUENCES = 1 << 32


class Inlet:
    """Takes in the data of one connection that has logged in: where a packet begins, asyncssh asks here first."""

    def __init__(self, connection: asyncssh.SSHClientConnection) -> None:
        inner: Any = connection
        self._connection = inner
        self._one_packet, inner._recv_pkthdr = inner._recv_pkthdr, self._packets

    def _packets(self) -> bool:
        """Take in the data of one channel that has come without a break, or leave the next packet to asyncssh.

        It calls this again until the answer is False: the next packet is not all there.
        """
        connection, cipher = self._connection, self._connection._recv_encryption
        if not isinstance(cipher, Gcm) or connection._decompressor:
            return bool(self._one_packet())
        came, number, run = memoryview(connection._inpbuf), None, list[memoryview]()
        while size := self._size(came):
            to, data = _data_of(cipher.peek(came[:size]))
            if not self._is_open(to) or (run and to != number):
                break
            number = to
            run.append(data)
            cipher.skip()
            came = came[size:]
        if not run:
            return bool(size and self._one_packet())
        connection._inpbuf = bytes(came)
        connection._recv_seq = (connection._recv_seq + len(run)) % _SEQUENCES
        _hand_on(connection._channels[number], run)
        return True

    def _size(self, came: memoryview) -> int:
        """Of the packet that `came` begins with; 0 where it is not all there."""
        if len(came) < HEADER:
            return 0
        (length,) = _LENGTH.unpack_from(came)
        if length > self._connection._max_recv_pktlen:
            return HEADER  # which nothing fits into: asyncssh will refuse it
        size = HEADER + int(length) + TAG
        return size if size <= len(came) else 0

    def _is_open(self, number: int | None) -> bool:
        channel = self._connection._channels.get(number)
        return channel is not None and channel._recv_state == "open"


def has_lane(connection: Any) -> bool:
    """Whether what comes next for `connection` is taken in by an inlet."""
    return isinstance(getattr(connection, "_recv_encryption", None), Gcm)


class Outlet:
    """Sends what is written to one channel, in the place of asyncssh's own way to do so."""

    def __init__(self, channel: SSHChannel[bytes]) -> None:
        inner: Any = channel
        self._channel, self._connection = inner, inner.get_connection()
        self._flush_others, inner._flush_send_buf = inner._flush_send_buf, self._flush

    def _flush(self) -> None:
        """Send what waits and fits the channel's window; asyncssh does what is left, and what follows from that."""
        channel, waiting = self._channel, self._channel._send_buf
        while waiting and channel._send_window and self._is_free():
            data, _ = waiting[0]
            size = min(len(data), channel._send_window)
            channel._send_window -= size
            channel._send_buf_len -= size
            # Let go of by name: where sending fails, the error keeps all that was seen on its way.
            with memoryview(data) as whole, whole[:size] as part:
                self._send(part)
            if size == len(data):
                del waiting[0]
            else:
                del data[:size]
        self._flush_others()

    def _is_free(self) -> bool:
        """Whether data may leave this way: not while keys are exchanged, nor when it is time for that."""
        connection = self._connection
        return (
            isinstance(connection._send_encryption, Gcm)
            and not connection._compressor
            and connection._kex_complete
            and connection._rekey_bytes_sent < connection._rekey_bytes
            and not (connection._rekey_seconds and time.monotonic() >= connection._rekey_time)
        )

    def _send(self, data: memoryview) -> None:
        connection, sent = self._connection, list[bytes]()
        for packet in _packets(self._channel._send_chan, data, self._channel._send_pktsize):
            header = _LENGTH.pack(len(packet))
            sent += connection._send_encryption.encrypt_packet(connection._send_seq, header, packet)
            connection._send_seq = (connection._send_seq + 1) % _SEQUENCES
            connection._rekey_bytes_sent += len(packet)
        connection._send(b"".join(sent))


def _packets(number: int, data: memoryview, most: int) -> Iterator[bytes]:
    """Packets for the other side's channel `number` that carry `data`, `most` bytes each, not encrypted yet."""
    noise = os.urandom(_LEAST_PADDING + _BLOCK)
    for start in range(0, len(data), most):
        part = data[start : start + most]
        padding = _LEAST_PADDING + -(_HEAD.size + len(part) + _LEAST_PADDING) % _BLOCK
        yield b"".join((_HEAD.pack(padding, MSG_CHANNEL_DATA, number, len(part)), part, noise[:padding]))


def _data_of(packet: bytes) -> tuple[int | None, memoryview]:
    """The channel that a packet carries data for, and the data; no channel where it is of another kind or broken."""
    view = memoryview(packet)
    if len(packet) >= _HEAD.size:
        padding, kind, number, length = _HEAD.unpack_from(packet)
        end = _HEAD.size + length
        if kind == MSG_CHANNEL_DATA and end + padding == len(packet):
            return number, view[_HEAD.size : end]
    return None, view


def _hand_on(channel: Any, run: list[memoryview]) -> None:
    data = b"".join(run)
    if len(data) > channel._recv_window:
        raise asyncssh.ProtocolError("Window exceeded")
    channel._accept_data(data)
