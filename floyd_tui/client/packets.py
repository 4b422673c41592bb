"""SSH packets at less cost than asyncssh makes them.

Of the time that a gigabyte takes here, a quarter went into setting up the key of AES-GCM anew for each packet, and into
an empty packet before each one that carries data.
"""

from __future__ import annotations

from typing import Any

import asyncssh
from asyncssh.constants import MSG_IGNORE
from asyncssh.encryption import GCMEncryption, register_encryption_alg
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

# Bytes of each packet that are not encrypted, and of the tag behind it.
HEADER, TAG = 4, 16
_COUNTS = 1 << 64


class Gcm(GCMEncryption):
    """AES-GCM as RFC 5647 has it for SSH, one direction: 4 bytes of the nonce stay, 8 count packets."""

    def __init__(self, key: bytes, nonce: bytes) -> None:
        self._key = AESGCM(key)
        self._fixed, self._count = nonce[:4], int.from_bytes(nonce[4:], "big")
        self._opened: bytes | None = None

    @classmethod
    def new(
        cls, cipher_name: str, key: bytes, iv: bytes, mac_alg: bytes = b"", mac_key: bytes = b"", etm: bool = False
    ) -> Gcm:
        return cls(key, iv)

    def encrypt_packet(self, seq: int, header: bytes, packet: bytes) -> tuple[bytes, bytes]:
        # What is sent is the one after the other, so the tag may stay where it is.
        return header, self._key.encrypt(self._nonce(), packet, header)

    def decrypt_packet(self, seq: int, first: bytes, rest: bytes, header_len: int, mac: bytes) -> bytes | None:
        packet = self.peek(b"".join((first, rest, mac)))
        self.skip()
        return packet or None

    def peek(self, packet: bytes | memoryview) -> bytes:
        """What the next packet holds, given all of it with its header; empty where it was damaged.

        Asked again, it is the same one, until it is skipped.
        """
        if self._opened is None:
            try:
                self._opened = self._key.decrypt(self._nonce(), packet[HEADER:], packet[:HEADER])
            except InvalidTag:
                self._opened = b""
        return self._opened

    def skip(self) -> None:
        """Go on to the next packet."""
        self._opened = None

    def _nonce(self) -> bytes:
        count, self._count = self._count, (self._count + 1) % _COUNTS
        return self._fixed + count.to_bytes(8, "big")


for _bits in (128, 256):
    register_encryption_alg(b"aes%d-gcm@openssh.com" % _bits, Gcm, f"aes{_bits}-gcm", False)


def without_empty_ones(connection: asyncssh.SSHClientConnection) -> None:
    """Send no empty packet before each other one.

    They hide from an attacker where a block of CBC will begin (RFC 4251, 9.3.1), which other ciphers do not tell.
    """
    if "-cbc" in connection.get_extra_info("send_cipher", "-cbc"):
        return
    send = connection.send_packet

    def send_packet(pkttype: int, *args: bytes, **options: Any) -> None:
        if pkttype != MSG_IGNORE:
            send(pkttype, *args, **options)

    connection.send_packet = send_packet  # type: ignore[method-assign]
