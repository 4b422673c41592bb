"""Secrets as a job gets them: files in its own folder, which it sees read-only and nobody else at all.

They are not variables of its container, for `docker inspect` shows these: the job's first shell reads them from a file
and passes them on. What a job has in its environment, root and its owner can read on the host while it runs.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Mapping
from pathlib import Path

from runner.executors.base import SECRETS_FOLDER, VARIABLES_FILE, Task
from runner.masking import VALUES_FILE, mask_file, mask_of
from runner.store.disk import remove_tree, write_durably


def give(task: Task, values: Mapping[str, str]) -> None:
    """Lay out what `task` is to be given, anew; `values` are its secrets by name. Blocks."""
    take_back(task.folder)
    # First of all, so that whatever the job prints is masked.
    write_durably(task.folder / VALUES_FILE, json.dumps(sorted(values.values())).encode())
    folder = task.folder / SECRETS_FOLDER
    folder.mkdir(mode=0o700)
    uses = task.job.secrets
    variables = "".join(f"export {use.variable}={shlex.quote(values[use.name])}\n" for use in uses if use.variable)
    files = {VARIABLES_FILE: variables, **{use.name: values[use.name] for use in uses if not use.variable}}
    for name, text in files.items():
        write_durably(folder / name, text.encode("utf-8"), 0o400)
    uid, gid = (0, 0) if task.as_root else (task.identity.uid, task.identity.gid)
    if uid != os.geteuid():
        for path in (*folder.iterdir(), folder):
            os.chown(path, uid, gid, follow_symlinks=False)


def take_back(folder: Path) -> None:
    """Mask what a job printed of its secrets in its log, for good, and remove them from its folder. Blocks."""
    log = folder / "log"
    mask_file(log, mask_of(log))
    remove_tree(folder / SECRETS_FOLDER)
    (folder / VALUES_FILE).unlink(missing_ok=True)
