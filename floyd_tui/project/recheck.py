"""Which folders are as they were, asked by a few processes side by side: one alone waits for each file's status."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait

from floyd_tui.project import scan
from floyd_tui.project.index import Remembered

# With fewer files than this a process takes longer to start than it saves.
_FILES_EACH = 10_000
_AT_MOST = 8
# Seconds between two looks at whether all this is still wanted.
_WATCH = 0.1


def unchanged(root: str, folders: Sequence[Remembered], check: Callable[[], None]) -> set[str]:
    """The paths of those of `folders` that are known to be as remembered: of few, none is asked here.

    `check` is called now and then, and may raise. A process that fails only means that its folders are not among them.
    """
    processes = min(os.cpu_count() or 1, _AT_MOST, sum(folder.files for folder in folders) // _FILES_EACH)
    if processes < 2:
        return set()
    shares = _shares(folders, processes)
    helpers = [_start() for _ in shares]
    try:
        with ThreadPoolExecutor(processes, "recheck") as pool:
            jobs = [pool.submit(_ask, *pair, root) for pair in zip(helpers, shares, strict=True)]
            try:
                while wait(jobs, _WATCH).not_done:
                    check()
            except BaseException:
                for helper in helpers:
                    helper.kill()
                raise
    finally:
        for helper in helpers:
            helper.wait()
    return {path for job in jobs for path in job.result()}


def _shares(folders: Sequence[Remembered], count: int) -> list[list[Remembered]]:
    """`folders` in `count` parts of about as many files each."""
    shares: list[list[Remembered]] = [[] for _ in range(count)]
    sizes = [0] * count
    for folder in sorted(folders, key=lambda one: -one.files):
        least = sizes.index(min(sizes))
        shares[least].append(folder)
        sizes[least] += folder.files + 1
    return shares


def _start() -> subprocess.Popen[bytes]:
    command = [sys.executable, "-I", "-S", scan.__file__]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


def _ask(helper: subprocess.Popen[bytes], folders: Sequence[Remembered], root: str) -> list[str]:
    asked = [os.fsencode(root)]
    for folder in folders:
        asked += (os.fsencode(folder.path), folder.print.hex().encode())
    answer, _ = helper.communicate(b"".join(part + b"\0" for part in asked))
    if helper.returncode != 0 or len(answer) != len(folders):
        return []
    return [folder.path for folder, same in zip(folders, answer, strict=True) if same == ord("1")]
