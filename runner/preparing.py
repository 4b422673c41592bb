"""What a job needs on disk before it starts: its home with a copy of the code, an empty log, its inputs laid out."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable

from runner.executors.base import Mounted, Task
from runner.logs import TIMES_FILE
from runner.models import EMPTY_TREE, Job
from runner.output import OUTPUT_FOLDER
from runner.retrying import begin_log
from runner.store.disk import remove_tree
from runner.store.trees import Trees
from runner.store.walk import walk
from runner.threads import unchecked


def make_home(task: Task, trees: Trees, check: Callable[[], None] = unchecked) -> None:
    """Make the job's folder anew, whatever an earlier try left in it; raises `NoSpace`, `NotFound`, what `check` does.

    `check` is called often: nobody waits for a large copy once the job is to be stopped.
    """
    task.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    remove_tree(task.home)
    trees.copy_to(task.job.code or EMPTY_TREE, task.home, check)
    with contextlib.suppress(FileExistsError):
        (task.home / OUTPUT_FOLDER).mkdir(mode=0o755)
    if task.job.attempts:
        begin_log(task)
    else:
        # Begun anew: nothing of the job has run yet.
        for old in (task.log, task.folder / TIMES_FILE):
            old.unlink(missing_ok=True)
        task.log.touch(mode=0o600)
    identity = task.identity
    if identity.uid != os.geteuid():
        # Not `rglob`, which calls itself for each folder in a folder.
        for path in (task.home, *(task.home / found.path for found in walk(task.home)), task.log):
            check()
            os.chown(path, identity.uid, identity.gid, follow_symlinks=False)


def lay_out_inputs(job: Job, trees: Trees, check: Callable[[], None] = unchecked) -> tuple[Mounted, ...]:
    """The inputs as folders or files of this host; raises `NoSpace`, `NotFound`, and what `check` does."""
    return tuple(Mounted(found.destination, trees.link_farm(found.tree, check) / found.path) for found in job.inputs)
