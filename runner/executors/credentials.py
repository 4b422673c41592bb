"""What the runner's account says at an image registry: as ``docker login`` or a helper program of Docker's has kept it.

The file is Docker's ``config.json``: ``auths`` by registry, ``credHelpers`` by registry, ``credsStore`` for all. See
https://docs.docker.com/reference/cli/docker/login/ and the Engine API's "Authentication".
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runner.threads import within

log = logging.getLogger(__name__)
HEADER = "X-Registry-Auth"
# As Docker's own tools write the one that a name without a registry means.
_HUB = "https://index.docker.io/v1/"
# A helper says this for a user whose secret is a token.
_TOKEN = "<token>"
# A helper that asks somebody has nobody to ask: it is waited for so many seconds.
_PATIENCE = 20.0


def registry_of(image: str) -> str:
    """The registry of an image's name as ``config.json`` calls it: ``ghcr.io`` of ``ghcr.io/ada/net:2``."""
    first, slash, _ = image.partition("/")
    return first if slash and (first == "localhost" or "." in first or ":" in first) else _HUB


async def pull_headers(image: str) -> dict[str, str]:
    """The headers for a pull of `image`: none where nothing is kept for its registry, or it cannot be read."""
    registry = registry_of(image)
    try:
        kept = await _kept(registry, await asyncio.to_thread(_config))
    except (OSError, ValueError, TypeError, KeyError, AttributeError, asyncio.TimeoutError) as error:
        # Not the error's words, in which a secret might be.
        log.warning("what Docker keeps for %s cannot be read (%s): pulled without it", registry, type(error).__name__)
        return {}
    if not kept:
        return {}
    raw = json.dumps({**kept, "serveraddress": registry}).encode()
    return {HEADER: urlsafe_b64encode(raw).decode()}


def _config(environ: Mapping[str, str] = os.environ) -> dict[str, Any]:
    folder = Path(environ["DOCKER_CONFIG"]) if environ.get("DOCKER_CONFIG") else Path.home() / ".docker"
    try:
        found = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    if not isinstance(found, dict):
        raise TypeError("not an object")
    return found


async def _kept(registry: str, config: dict[str, Any]) -> dict[str, str]:
    helper = (config.get("credHelpers") or {}).get(registry) or config.get("credsStore")
    if helper and (told := await _ask(str(helper), registry)):
        return told
    for name, entry in (config.get("auths") or {}).items():
        if name == registry or _host(name) == registry:
            return _of_entry(entry)
    return {}


def _host(name: str) -> str:
    """Older logins are kept under an address: ``https://ghcr.io/v2/``."""
    return name.partition("://")[2].partition("/")[0] if "://" in name else name.partition("/")[0]


def _of_entry(entry: dict[str, Any]) -> dict[str, str]:
    if token := entry.get("identitytoken"):
        return {"identitytoken": token}
    if auth := entry.get("auth"):
        user, _, password = b64decode(auth).decode().partition(":")
        return {"username": user, "password": password.rstrip("\0")}
    return {name: entry[name] for name in ("username", "password") if entry.get(name)}


async def _ask(helper: str, registry: str) -> dict[str, str]:
    """What ``docker-credential-HELPER get`` says; nothing where it knows nothing of the registry."""
    command = (f"docker-credential-{helper}", "get")
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.DEVNULL)
    try:
        said, _ = await within(process.communicate(registry.encode()), _PATIENCE)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        return {}
    found = json.loads(said)
    secret = str(found["Secret"])
    named = {"username": str(found["Username"]), "password": secret}
    return {"identitytoken": secret} if found["Username"] == _TOKEN else named
