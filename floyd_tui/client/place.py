"""Where the files of a download go: always below the folder chosen, whatever names the host sends."""

from __future__ import annotations

import contextlib
import hashlib
import os
import posixpath
import stat
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from floyd_tui.client.part_file import PartFile
from floyd_tui.errors import TransferError
from runner.models import BadManifest, FileInfo, check_path

_CHUNK = 1 << 20
# Times travel as floating-point seconds, which are this exact.
_SAME_TIME = 1e-5


# What is to become of a file of a listing: it is here already, comes, is in the way of another one, is left as it is.
Verdict = Literal["same", "fetch", "clash", "leave"]


@dataclass
class Plan:
    """What a download will do below `root`; `top` is what the person sees come."""

    root: Path
    top: Path
    folders: list[Path] = field(default_factory=list)
    files: list[PartFile] = field(default_factory=list)
    links: list[tuple[FileInfo, Path]] = field(default_factory=list)
    clashes: list[str] = field(default_factory=list)

    @property
    def missing(self) -> list[FileInfo]:
        """The files that have to travel."""
        return [file.info for file in self.files if not file.same]

    @property
    def came(self) -> list[PartFile]:
        """The files that did travel, once it is done."""
        return [file for file in self.files if file.placed]

    def make_folders(self) -> None:
        """Make every folder that is needed; raises `TransferError`."""
        try:
            for folder in (self.root, *self.folders, *(file.path.parent for file in self.files)):
                _make(folder)
        except OSError as error:
            raise TransferError(
                f"The folder {error.filename} cannot be made: {error.strerror}.", "Choose another place."
            ) from error


class Place:
    """The folder `root`, and the `path` of the source that is put there under its own name."""

    def __init__(self, root: Path, path: str) -> None:
        self._root = root.expanduser().absolute()
        self._path = path.strip("/")
        self._skip = len(self._path.rpartition("/")[0]) + 1 if "/" in self._path else 0

    def plan(
        self,
        listing: Sequence[FileInfo],
        judge: Callable[[FileInfo, Path], Verdict] | None = None,
        still: bool = False,
    ) -> Plan:
        """Where each entry goes; raises `TransferError` for a name or a place that would lead elsewhere. Blocks.

        `judge` says what is to become of a file, given where it goes; left out, content decides (`comparing.planned`
        can be cancelled at it). `still` has a running job's files come only as they are listed, and only when whole.
        """
        plan = Plan(self._root, self._root / self._path[self._skip :])
        if not any(info.path == self._path for info in listing):
            plan.folders.append(plan.top)
        safe: set[Path] = set()
        if len({info.path for info in listing}) < len(listing):
            raise TransferError("The host names a file twice.", "Nothing was fetched. Ask the one who runs the host.")
        if _folds_case(self._root):
            _check_distinct(listing)
        for info in listing:
            target = self._target(info)
            self._check_parents(target, safe)
            if info.kind == "dir":
                self._check_folder(target)
                plan.folders.append(target)
            elif info.kind == "link":
                plan.links.append((info, target))
                if os.path.lexists(target) and not (target.is_symlink() and os.readlink(target) == info.target):
                    plan.clashes.append(str(target))
            else:
                verdict = (judge or _judge)(info, target)
                if verdict == "clash":
                    plan.clashes.append(str(target))
                if verdict != "leave":
                    plan.files.append(PartFile(info, target, verdict == "same", info.stamp if still else ""))
        return plan

    def _target(self, info: FileInfo) -> Path:
        try:
            check_path(info.path)
        except BadManifest as error:
            raise _hostile(info.path) from error
        below = not self._path or info.path == self._path or info.path.startswith(self._path + "/")
        parts = info.path[self._skip :].split("/")
        # On Windows a name may hold a drive or a backslash, and then it is not one name.
        if not below or any(Path(part).parts != (part,) for part in parts):
            raise _hostile(info.path)
        return self._root.joinpath(*parts)

    def _check_parents(self, target: Path, safe: set[Path]) -> None:
        """No folder on the way below the root may be a link: what lies behind it is another place."""
        for folder in reversed(target.relative_to(self._root).parents):
            path = self._root / folder
            if folder.parts and path not in safe:
                self._check_folder(path)
                safe.add(path)

    def _check_folder(self, path: Path) -> None:
        try:
            mode = path.lstat().st_mode
        except FileNotFoundError:
            return
        except OSError as error:
            raise TransferError(f"{path} cannot be looked at: {error.strerror}.", "Choose another place.") from error
        if not stat.S_ISDIR(mode):
            what = "a link, and files are not written through links" if stat.S_ISLNK(mode) else "not a folder"
            raise TransferError(f"{path} is {what}.", "Move it away, or choose another place.")


def _folds_case(folder: Path) -> bool:
    """Whether the disk of `folder` takes ``A`` and ``a`` for one name, as that of a Mac does; nothing is written."""
    while not folder.is_dir():
        folder = folder.parent
    for place in (folder, *folder.parents):
        other = place.with_name(place.name.swapcase()) if place.name else place
        if other != place:
            with contextlib.suppress(OSError):
                return other.samefile(place)
            return False
    return False


def _check_distinct(listing: Sequence[FileInfo]) -> None:
    """Raise `TransferError` for two names of which only one could be here."""
    seen: dict[str, str] = {}
    for info in listing:
        first = seen.setdefault(unicodedata.normalize("NFC", info.path).casefold(), info.path)
        if first != info.path:
            raise TransferError(
                f"{first} and {info.path} are one name on the disk here, which does not tell large letters from small.",
                "Nothing was fetched. Choose a folder on another disk, or fetch one of them at a time.",
            )


def _make(folder: Path) -> None:
    """Make `folder` and those above it. ``parents=True`` would call itself for each, and trees may be very deep."""
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for one in reversed(missing):
        one.mkdir(exist_ok=True)


def make_links(plan: Plan) -> tuple[str, ...]:
    """Make the links, last of all, and only those that stay inside what was fetched; returns the others' paths."""
    left_out, made = [], []
    for info, path in plan.links:
        if not _stays_inside(info) or (path.is_dir() and not path.is_symlink()):
            left_out.append(info.path)
            continue
        try:
            _make(path.parent)
            path.unlink(missing_ok=True)
            path.symlink_to(info.target)
            made.append((info, path))
        except OSError:
            left_out.append(info.path)
    # Links may lead out together where none does alone, so the last word is the file system's.
    root = Path(os.path.realpath(plan.root))
    for info, path in made:
        if not Path(os.path.realpath(path)).is_relative_to(root):
            path.unlink()
            left_out.append(info.path)
    return tuple(left_out)


def _stays_inside(info: FileInfo) -> bool:
    end = posixpath.normpath(posixpath.join(posixpath.dirname(info.path), info.target))
    return not posixpath.isabs(info.target) and end != ".." and not end.startswith("../")


def _judge(info: FileInfo, path: Path) -> Verdict:
    if same_file(info, path):
        return "same"
    return "clash" if os.path.lexists(path) else "fetch"


def _unheard(size: int) -> None:
    """Progress that nobody asked for."""


def same_file(info: FileInfo, path: Path, read: Callable[[int], None] = _unheard) -> bool:
    """Whether the file at `path` has the content that `info` names; one of a running job goes by its size and time.

    `read` is told of bytes while they are read, and may raise.
    """
    try:
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode) or status.st_size != info.size:
            return False
        if not info.digest:
            return info.modified_at is not None and abs(status.st_mtime - info.modified_at) < _SAME_TIME
    except OSError:
        return False
    return hash_file(path, read) == info.digest


def hash_file(path: Path, read: Callable[[int], None] = _unheard) -> str:
    """The digest of the file at `path`, `read` being told of bytes; empty where it cannot be read."""
    sha = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                read(len(chunk))
                sha.update(chunk)
    except OSError:
        return ""
    return sha.hexdigest()


def _hostile(path: str) -> TransferError:
    return TransferError(
        f"The host names a file {path[:80]!r}, which would be written outside the folder chosen.",
        "Nothing was fetched. Ask the one who runs the host.",
    )
