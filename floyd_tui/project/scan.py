"""What lies right in one folder, and whether that is as it was: the part of a snapshot that must look at every file.

Run as a program, this file compares many folders with what they were: a few of it, side by side, ask a large dataset's
files in a fraction of the time. So it imports nothing but the standard library, and little of that.
"""

from __future__ import annotations

import os
import stat
import sys
from array import array
from hashlib import blake2b

_POSIX = os.name == "posix"
# Times before 1970 and inodes of some file systems do not fit a signed 64-bit number.
_ALL = (1 << 64) - 1
_KIND, _REGULAR = 0o170000, stat.S_IFREG
_EXECUTABLE = stat.S_IXUSR if _POSIX else 0
# Numbers kept of a file: size, times of modification and of change, inode, and whether it is executable.
MARKS = 5
MARKS_BYTES = MARKS * 8
PRINT_SIZE = 16


class Scan:
    """One folder's entries: files with their `marks`, links as pairs of name and target, folders, and other things.

    `marks` holds `MARKS` numbers a file, in the order of `names`. `inode` is the folder's own.
    """

    __slots__ = ("folders", "inode", "links", "marks", "names", "special")

    def __init__(self, inode: int) -> None:
        self.inode = inode
        self.names: list[str] = []
        self.marks = array("Q")
        self.links: list[tuple[str, str]] = []
        self.folders: list[str] = []
        self.special: list[str] = []

    def sizes(self) -> zip[tuple[str, int]]:
        """The files with their sizes in bytes."""
        return zip(self.names, self.marks[::MARKS], strict=True)

    def print(self) -> bytes:
        """A fingerprint: the same as long as no entry comes, goes or changes. Folders count by their names alone.

        It depends on the order that the file system lists a folder in, which is that of last time where nothing was
        changed; where not, the folder is only looked at more closely.
        """
        digest = blake2b(self.marks.tobytes(), digest_size=PRINT_SIZE)
        links = [part for link in self.links for part in link]
        for names in (self.names, links, self.folders, self.special):
            digest.update("\0".join([*names, ""]).encode("utf-8", "surrogateescape") + b"\0")
        return digest.digest()


def scan(path: str) -> Scan:
    """Look at the folder `path`; what vanishes meanwhile was never there. Raises `OSError`."""
    if not _POSIX:
        return _listed(path, None, os.stat(path).st_ino)
    # Asked by names below an open folder, the system need not find its way there for each file.
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return _listed(descriptor, descriptor, os.fstat(descriptor).st_ino)
    finally:
        os.close(descriptor)


def _listed(folder: str | int, descriptor: int | None, inode: int) -> Scan:
    found = Scan(inode & _ALL)
    add_name, add_marks = found.names.append, found.marks.extend
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                found.folders.append(entry.name)
                continue
            try:
                # DirEntry.stat on Windows leaves inode and change time out; os.lstat does not.
                status = entry.stat(follow_symlinks=False) if _POSIX else os.lstat(entry.path)
                mode = status.st_mode
                if mode & _KIND == _REGULAR:
                    add_name(entry.name)
                    # As `marks_of`, without the call: here a millionth of a second is one in a million files.
                    add_marks(
                        (
                            status.st_size,
                            status.st_mtime_ns & _ALL,
                            status.st_ctime_ns & _ALL,
                            status.st_ino & _ALL,
                            mode & _EXECUTABLE,
                        )
                    )
                elif stat.S_ISLNK(mode):
                    at = entry.name if descriptor is not None else entry.path
                    found.links.append((entry.name, os.readlink(at, dir_fd=descriptor)))
                else:
                    found.special.append(entry.name)
            except FileNotFoundError:
                continue
    return found


def marks_of(status: os.stat_result) -> tuple[int, int, int, int, int]:
    """What must be equal for a file to count as unchanged."""
    times = status.st_mtime_ns & _ALL, status.st_ctime_ns & _ALL
    return status.st_size, *times, status.st_ino & _ALL, status.st_mode & _EXECUTABLE


def is_as_it_was(path: str, was: bytes) -> bool:
    """Whether the folder `path` has the fingerprint `was`; no where it cannot be read."""
    try:
        return scan(path).print() == was
    except OSError:
        return False


def main() -> None:
    """Read the root, then folders and their fingerprints, ended by NULs; write 1 or 0 for each."""
    root, *asked = sys.stdin.buffer.read().split(b"\0")[:-1]
    for path, was in zip(asked[::2], asked[1::2], strict=True):
        same = is_as_it_was(os.path.join(os.fsdecode(root), os.fsdecode(path)), bytes.fromhex(was.decode()))
        sys.stdout.buffer.write(b"1" if same else b"0")


if __name__ == "__main__":
    main()
