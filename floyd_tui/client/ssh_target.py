"""What ~/.ssh/config says of a host: where it is, as whom, by which jumps, with which keys."""

from __future__ import annotations

import getpass
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asyncssh.config import SSHClientConfig
from asyncssh.public_key import get_default_certificate_algs, get_default_public_key_algs

from floyd_tui.client.known_hosts import SSH_PORT, KnownHosts
from floyd_tui.config import Destination
from floyd_tui.errors import ConfigError

_DEFAULT_KEYS = ("id_ed25519", "id_ecdsa", "id_rsa", "id_ed25519_sk", "id_ecdsa_sk")
# AES-GCM is what CPUs do in hardware: measured the fastest of what OpenSSH offers.
_CIPHERS = (
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "chacha20-poly1305@openssh.com",
    "aes128-ctr",
    "aes192-ctr",
    "aes256-ctr",
)


@dataclass(frozen=True)
class Target:
    """One host to log in to, with all that its SSH settings say."""

    destination: Destination
    host: str
    port: int
    user: str
    key_alias: str
    jumps: tuple[Destination, ...]
    identities: tuple[Path, ...] | None
    """The private keys that the settings name; None: OpenSSH's default files."""
    agent: str
    known: KnownHosts
    config: SSHClientConfig

    @classmethod
    def resolve(cls, destination: Destination, identity_file: str = "") -> Target:
        """Look `destination` up in ~/.ssh/config; raises `ConfigError` where that cannot be read."""
        config = _load(destination)
        identities = [identity_file] if identity_file else config.get("IdentityFile")
        agent = config.get("IdentityAgent") or os.environ.get("SSH_AUTH_SOCK", "")
        host = _text(config.get("Hostname")) or destination.host
        return cls(
            destination=destination,
            host=host,
            port=destination.port or _int(config.get("Port")) or SSH_PORT,
            user=destination.user or _text(config.get("User")) or getpass.getuser(),
            key_alias=_text(config.get("HostKeyAlias")) or host,
            jumps=_jumps(_text(config.get("ProxyJump"))),
            identities=None if identities is None else tuple(Path(name).expanduser() for name in _list(identities)),
            agent=_text(agent),
            known=KnownHosts(_list(config.get("UserKnownHostsFile")), _list(config.get("GlobalKnownHostsFile"))),
            config=config,
        )

    @property
    def address(self) -> str:
        """``user@host`` with the port where it is not 22."""
        return str(Destination(self.host, self.user, self.port if self.port != SSH_PORT else None))

    def key_files(self) -> list[Path]:
        """The private key files that are there to be tried."""
        candidates = self.identities
        if candidates is None:
            candidates = tuple(Path("~/.ssh", name).expanduser() for name in _DEFAULT_KEYS)
        return [path for path in candidates if path.is_file() and os.access(path, os.R_OK)]

    def options(self) -> dict[str, Any]:
        """asyncssh's options for this target, all but the tunnel and the client."""
        known = self.known.load()
        chosen: dict[str, Any] = {
            "host": self.destination.host,
            "port": self.destination.port or (),
            "username": self.destination.user or (),
            "config": _config_files(),
            "known_hosts": known,
            "ignore_encrypted": True,
            # A file that ~/.ssh/config names and that is not there is no reason to give up, for OpenSSH neither.
            "client_keys": [str(path) for path in self.key_files()] if self.identities is not None else (),
            "command": None,
            "agent_forwarding": False,
        }
        if self.config.get("HostKeyAlgorithms") is None:
            chosen["server_host_key_algs"] = self._host_key_algs()
        if self.config.get("Ciphers") is None:
            chosen["encryption_algs"] = list(_CIPHERS)
        if self.config.get("Compression") is None:
            chosen["compression_algs"] = None
        return chosen

    def _host_key_algs(self) -> list[str]:
        """Kinds of host keys, those known of this host first: as OpenSSH does, so that it shows the key we know."""
        keys, authorities, *_ = self.known.load().match(
            self.key_alias, "", self.port if self.port != SSH_PORT else None
        )
        known = [algorithm for key in keys for algorithm in key.sig_algorithms]
        certificates = get_default_certificate_algs() if authorities else []
        ordered = dict.fromkeys([*certificates, *known, *get_default_public_key_algs()])
        return [algorithm.decode("ascii") for algorithm in ordered]


def _load(destination: Destination) -> SSHClientConfig:
    try:
        return SSHClientConfig.load(
            None,
            _config_files(),
            False,
            False,
            False,
            getpass.getuser(),
            destination.user or (),
            destination.host,
            destination.port or (),
        )  # type: ignore[return-value]
    except (ValueError, OSError) as error:
        raise ConfigError(f"Your SSH settings cannot be read: {error}.", "Mend ~/.ssh/config.") from error


def _config_files() -> list[str]:
    path = Path("~/.ssh/config").expanduser()
    return [str(path)] if os.access(path, os.R_OK) else []


def _jumps(text: str) -> tuple[Destination, ...]:
    if not text:
        return ()
    try:
        return tuple(Destination.parse(part) for part in text.split(","))
    except ValueError as error:
        raise ConfigError(f"ProxyJump in your SSH settings: {error}", "Mend ~/.ssh/config.") from error


def _text(value: object) -> str:
    return str(value) if value else ""


def _int(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _list(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, (list, tuple)) else []
