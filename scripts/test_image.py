"""A small image with Python, made from Debian's packages: for hosts that can reach no image registry.

``python -m scripts.test_image`` prints the image's name, building it first where the engine does not have it. Packages
are resolved by apt against an empty system, unpacked without running their scripts, and imported as one layer. Nothing
needs root but the engine's socket. The tests and the demo run their jobs in it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx

PACKAGES = ("python3", "bash", "coreutils", "findutils", "grep", "sed", "procps")
# Depended on for installing, of no use in an image that nothing is installed into: apt is told that they are there.
LEFT_OUT = ("dpkg", "mawk", "perl-base", "tar", "usr-is-merged", "usrmerge")
# Raise the number when the recipe changes; the engine then no longer has the image.
IMAGE = "floyd-tui/debian-python:1"
CACHE = Path(__file__).parent.parent / ".cache" / "test-image"


class ImageError(Exception):
    """The image cannot be had here; the message says why in a sentence."""


def docker_socket() -> Path:
    """Where the engine's socket is: a ``unix://`` DOCKER_HOST, else Docker's own place."""
    return Path(os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").removeprefix("unix://"))


def engine() -> httpx.Client:
    """A client of the Docker Engine on this machine."""
    transport = httpx.HTTPTransport(uds=str(docker_socket()), verify=False)
    return httpx.Client(transport=transport, base_url="http://docker", timeout=120)


def why_no_engine() -> str | None:
    """None if an engine answers here, otherwise the reason in a sentence."""
    try:
        with engine() as client:
            client.get("/_ping").raise_for_status()
    except (httpx.HTTPError, OSError) as error:
        return f"No Docker Engine answers at {docker_socket()} ({error})."
    return None


def ensure_image() -> str:
    """Return the image's name, built and imported first if the engine lacks it; raises `ImageError`."""
    with engine() as client:
        if client.get(f"/images/{IMAGE}/json").status_code == 200:
            return IMAGE
        if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
            raise ImageError("The image is made from Debian packages, and apt-get or dpkg-deb is not here.")
        with tempfile.TemporaryDirectory(prefix="floyd-image-") as folder:
            root = Path(folder) / "root"
            _unpack(_download(), root)
            _import(client, root)
    return IMAGE


def _apt(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    options = {
        "Dir::State": folder / "state",
        "Dir::State::status": folder / "status",
        "Dir::Cache": folder / "cache",
        "Debug::NoLocking": "1",
        "APT::Sandbox::User": "",
    }
    command = ["apt-get", "-qq", "-y", *(f"-o{name}={value}" for name, value in options.items()), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _download() -> list[Path]:
    folder = CACHE / "apt"
    for sub in ("state/lists/partial", "cache/archives/partial"):
        (folder / sub).mkdir(parents=True, exist_ok=True)
    stanza = "Package: {}\nStatus: install ok installed\nVersion: 999\nArchitecture: all\nMaintainer: -\n\n"
    (folder / "status").write_text("".join(map(stanza.format, LEFT_OUT)))
    install = ("install", "--download-only", "--no-install-recommends", *PACKAGES)
    # Lists kept from an earlier build may name packages that the mirror has replaced since.
    result = _apt(folder, *install)
    if result.returncode:
        shutil.rmtree(folder / "cache" / "archives")
        (folder / "cache" / "archives" / "partial").mkdir(parents=True)
        _apt(folder, "update")
        result = _apt(folder, *install)
    packages = sorted((folder / "cache" / "archives").glob("*.deb"))
    if result.returncode or not packages:
        raise ImageError(f"Debian's packages could not be downloaded: {result.stderr.strip()[-300:]}")
    return packages


def _unpack(packages: list[Path], root: Path) -> None:
    for name in ("bin", "sbin", "lib", "lib64"):
        (root / "usr" / name).mkdir(parents=True)
        (root / name).symlink_to(f"usr/{name}")
    for package in packages:
        # tar keeps the links above; `dpkg-deb -x` would put folders in their place.
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE) as archive:
            subprocess.run(
                [
                    "tar",
                    "-x",
                    "--keep-directory-symlink",
                    "-C",
                    root,
                    "--exclude=./usr/share/doc",
                    "--exclude=./usr/share/man",
                ],
                stdin=archive.stdout,
                check=True,
            )
    (root / "usr/bin/sh").unlink(missing_ok=True)
    (root / "usr/bin/sh").symlink_to("bash")
    (root / "tmp").mkdir(exist_ok=True)
    (root / "tmp").chmod(0o1777)
    (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/bash\n")
    (root / "etc/group").write_text("root:x:0:\n")


def _import(client: httpx.Client, root: Path) -> None:
    def tar() -> Iterator[bytes]:
        command = ["tar", "-c", "--owner=0", "--group=0", "-C", str(root), "."]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            while chunk := process.stdout.read(1 << 20):
                yield chunk

    repo, _, tag = IMAGE.partition(":")
    changes = "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    params = {"fromSrc": "-", "repo": repo, "tag": tag, "changes": changes}
    answer = client.post("/images/create", params=params, content=tar())
    if answer.status_code != 200 or '"error"' in answer.text:
        raise ImageError(f"The engine did not take the image: {answer.text.strip()[-300:]}")


def main() -> int:
    """Build if need be, print the name."""
    if reason := why_no_engine():
        print(f"error: {reason}", file=sys.stderr)
        return 1
    try:
        print(ensure_image())
    except ImageError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
