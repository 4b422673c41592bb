"""SSH packets: our AES-GCM beside asyncssh's own, and which packets are not sent."""

from __future__ import annotations

import os
from typing import Any, cast

import asyncssh
import pytest
from asyncssh.constants import MSG_CHANNEL_DATA, MSG_IGNORE
from asyncssh.encryption import GCMEncryption, get_encryption

from floyd_tui.client.packets import without_empty_ones

HEADER = b"\0\0\1\0"
# The second packet's count passes into the next byte, the third one's would not fit.
NONCES = [b"\1\2\3\4" + bytes(8), b"\1\2\3\4" + bytes(7) + b"\xff", b"\1\2\3\4" + b"\xff" * 8]


@pytest.mark.parametrize("nonce", NONCES)
@pytest.mark.parametrize("bits", [128, 256])
def test_asyncssh_reads_it_and_is_read(bits: int, nonce: bytes) -> None:
    key = os.urandom(bits // 8)

    def ours() -> Any:
        return get_encryption(b"aes%d-gcm@openssh.com" % bits, key, nonce)

    def theirs() -> Any:
        return GCMEncryption.new(f"aes{bits}-gcm", key, nonce)

    assert type(ours()) is not type(theirs())
    for sender, receiver in ((ours(), theirs()), (theirs(), ours())):
        for seq in range(3):
            packet = os.urandom(256)
            sent = b"".join(sender.encrypt_packet(seq, HEADER, packet))
            first, _ = receiver.decrypt_header(seq, sent[:16], 4)
            assert receiver.decrypt_packet(seq, first, sent[16:-16], 4, sent[-16:]) == packet


def test_a_flipped_bit_is_noticed() -> None:
    key = os.urandom(16)
    sent = bytearray(
        b"".join(get_encryption(b"aes128-gcm@openssh.com", key, bytes(12)).encrypt_packet(0, HEADER, b"x" * 256))
    )
    sent[100] ^= 1
    receiver = get_encryption(b"aes128-gcm@openssh.com", key, bytes(12))
    assert receiver.decrypt_packet(0, bytes(sent[:16]), bytes(sent[16:-16]), 4, bytes(sent[-16:])) is None


class Connection:
    def __init__(self, cipher: str) -> None:
        self.cipher = cipher
        self.sent: list[int] = []

    def get_extra_info(self, name: str, default: str) -> str:
        return {"send_cipher": self.cipher}.get(name, default)

    def send_packet(self, pkttype: int, *args: bytes, handler: object = None) -> None:
        self.sent.append(pkttype)


@pytest.mark.parametrize(
    ("cipher", "sent"),
    [
        ("aes128-gcm@openssh.com", [MSG_CHANNEL_DATA]),
        ("chacha20-poly1305@openssh.com", [MSG_CHANNEL_DATA]),
        ("aes128-ctr", [MSG_CHANNEL_DATA]),
        ("aes128-cbc", [MSG_IGNORE, MSG_CHANNEL_DATA]),
    ],
)
def test_empty_packets_are_sent_where_they_protect(cipher: str, sent: list[int]) -> None:
    connection = Connection(cipher)
    without_empty_ones(cast("asyncssh.SSHClientConnection", connection))
    connection.send_packet(MSG_IGNORE, b"")
    connection.send_packet(MSG_CHANNEL_DATA, b"data", handler=None)
    assert connection.sent == sent
