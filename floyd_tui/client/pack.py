"""Pack the runner with all that it imports into one file that any Python ≥ 3.10 runs: no pip, no network there.

Everything in it is pure Python, taken from what is installed here, so that it does not matter which machine it is for.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import zipfile
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import runner.models
from floyd_tui import __version__
from floyd_tui.errors import HostError

_OWN = "floyd-tui"
_NAME = re.compile(r"[A-Za-z0-9._-]+")
# What is built for one machine, made by a Python as it likes, or says only how the package was installed here.
_NOT_PACKED = frozenset({".so", ".pyd", ".dylib", ".pyc", ".exe"})
_NOT_PACKED_NAMES = frozenset({"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"})
# A zip needs a time; one that is always the same makes the same file of the same content.
_EPOCH = (2020, 1, 1, 0, 0, 0)
_MAIN = b"""import sys

if sys.version_info < (3, 10):
    sys.exit("floyd-runner needs Python 3.10 or newer; this is %d.%d." % sys.version_info[:2])

from runner.cli import main

main()
"""


def pack(folder: Path) -> tuple[str, Path]:
    """Make the zipapp in `folder`, unless it is there; returns its version (``0.1.0-<digest>``) and its path.

    Blocks. Raises `HostError` where a package that belongs in it is not installed here, and `OSError`.
    """
    content = {name: path.read_bytes() for name, path in sorted(_files())}
    content["__main__.py"] = _MAIN
    version = f"{__version__}-{_digest(content)}"
    target = folder / f"floyd-runner-{version}.pyz"
    if not target.exists():
        folder.mkdir(parents=True, exist_ok=True)
        part = target.with_suffix(f".{os.getpid()}.part")
        try:
            _write(part, content)
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
    return version, target


def closure() -> list[Distribution]:
    """The installed packages that the runner needs.

    They are the requirements of floyd-tui without a marker, for those of the laptop side carry one, and what these
    need in turn, as far as it is installed: what is not, is for another platform or Python.
    """
    own = distribution(_OWN)
    todo = [text for text in own.requires or () if ";" not in text]
    found: dict[str, Distribution] = {}
    top = {_key(text) for text in todo}
    while todo:
        key = _key(todo.pop())
        if key in found:
            continue
        try:
            found[key] = distribution(key)
        except PackageNotFoundError as error:
            if key in top:
                raise HostError(f"The package {key} is not installed here.", "Install floyd-tui anew.") from error
            continue
        todo += [text for text in found[key].requires or () if "extra" not in text.partition(";")[2]]
    return [found[key] for key in sorted(found)]


def _key(requirement: str) -> str:
    match = _NAME.match(requirement)
    assert match is not None, requirement
    return re.sub(r"[-_.]+", "-", match[0]).lower()


def _files() -> Iterator[tuple[str, Path]]:
    package = Path(runner.models.__file__).parents[1]
    for path in package.rglob("*"):
        if path.is_file() and _packed(path):
            yield f"{package.name}/{path.relative_to(package).as_posix()}", path
    for dist in closure():
        if dist.files is None:
            raise HostError(f"The package {dist.name} does not say what its files are.", "Install it with pip.")
        for file in dist.files:
            if ".." not in file.parts and not file.is_absolute() and _packed(Path(file)):
                yield file.as_posix(), Path(str(dist.locate_file(file)))


def _packed(path: Path) -> bool:
    return (
        path.suffix not in _NOT_PACKED and path.name not in _NOT_PACKED_NAMES and path.parts[-2:-1] != ("__pycache__",)
    )


def _digest(content: dict[str, bytes]) -> str:
    sha = hashlib.sha256()
    for name, data in sorted(content.items()):
        sha.update(f"{name}\0{len(data)}\0".encode())
        sha.update(data)
    return sha.hexdigest()[:12]


def _write(path: Path, content: dict[str, bytes]) -> None:
    with path.open("wb") as file:
        file.write(b"#!/usr/bin/env python3\n")
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in sorted(content.items()):
                entry = zipfile.ZipInfo(name, _EPOCH)
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, data)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
