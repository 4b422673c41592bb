"""A real registry of images (Debian's docker-registry) on 127.0.0.1, and an image to pull from it."""

from __future__ import annotations

import io
import os
import socket
import subprocess
import tarfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.require import DOCKER
from tests.support.wait import wait_for

USER, PASSWORD = "puller", "let-me-in"
# bcrypt, as `htpasswd -B` writes it: docker-registry takes no other.
_HTPASSWD = f"{USER}:$2b$04$rzCO5ihH46YL.JkfnxdLMu8vQNJJzlnz3Xt5Ds0LswutPt0Gj8gpS\n"
# What an image needs that runs jobs: a shell, with what that loads.
_SHELL = "/bin/sh"


@contextmanager
def registry(folder: Path, private: bool = False) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """One on the images in `folder`; its port and its process. A private one asks for `USER` and `PASSWORD`."""
    folder.mkdir(exist_ok=True)
    port = free_port()
    (folder / "htpasswd").write_text(_HTPASSWD)
    auth = f"auth: {{htpasswd: {{realm: tests, path: {folder}/htpasswd}}}}\n" if private else ""
    config = folder / f"{port}.yml"
    storage = f"storage: {{filesystem: {{rootdirectory: {folder}/images}}}}\n"
    config.write_text(f"version: 0.1\nlog: {{level: error}}\n{storage}http: {{addr: '127.0.0.1:{port}'}}\n{auth}")
    with (folder / "log").open("ab") as log:
        command = ["docker-registry", "serve", str(config)]
        with subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, "OTEL_SDK_DISABLED": "1"}) as process:
            wait_for(lambda: _answers(port), "the registry")
            try:
                yield port, process
            finally:
                process.terminate()


def free_port() -> int:
    """A port of 127.0.0.1 that nobody has."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def push(port: int, size: int, shell: bool = True) -> str:
    """Put an image that the engine does not have into an open registry; returns its name without the registry.

    Its layer has `size` bytes that cannot be compressed, and as a rule a shell.
    """
    name = f"{uuid.uuid4().hex[:8]}/small:1"
    full = f"127.0.0.1:{port}/{name}"
    subprocess.run([DOCKER, "import", "-", full], input=_layer(size, shell), check=True, capture_output=True)
    try:
        subprocess.run([DOCKER, "push", "-q", full], check=True, capture_output=True)
    finally:
        forget(full)
    return name


def forget(image: str) -> None:
    """Remove an image of the engine, if it is there."""
    subprocess.run([DOCKER, "rmi", "-f", image], capture_output=True, check=False)


def _layer(size: int, shell: bool) -> bytes:
    linked = subprocess.run(["ldd", _SHELL], capture_output=True, text=True, check=True).stdout.split()
    files = {_SHELL, *(word for word in linked if word.startswith("/"))}
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as archive:
        for path in sorted(files) if shell else ():
            archive.add(Path(path).resolve(), path.lstrip("/"))
        entry = tarfile.TarInfo("ballast")
        entry.size = size
        archive.addfile(entry, io.BytesIO(os.urandom(size)))
    return raw.getvalue()
