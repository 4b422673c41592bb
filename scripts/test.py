"""All tests, on all cores, and plainly what was not run: what `make test` runs.

Words given are handed to pytest. FLOYD_TEST_REQUIRE=docker,sshd,… turns a test that cannot run into a failure,
FLOYD_TEST_WORKERS says how many run at a time.
"""

from __future__ import annotations

import os
import subprocess
import sys

from tests.support.require import CHECKS, missing, required

# Half of its time a test waits: for a process that starts, a screen that settles, a line that dies.
_WORKERS_A_CORE = 2


def main() -> int:
    """Run pytest; returns its exit code."""
    here: list[str] = []
    absent: list[str] = []
    for need in CHECKS:
        reason = missing(need)
        (absent if reason else here).append(f"{need}: {reason}" if reason else need)
    print(f"Here for the real tests: {', '.join(here) or 'nothing'}.")
    for line in absent:
        word = "FAIL" if line.partition(":")[0] in required() else "NOT RUN"
        print(f"{word}: tests that need {line}")
    sys.stdout.flush()
    workers = os.environ.get("FLOYD_TEST_WORKERS") or str(_WORKERS_A_CORE * len(os.sched_getaffinity(0)))
    command = [sys.executable, "-m", "pytest", "-n", workers, "--dist", "worksteal", "-q", *sys.argv[1:]]
    code = subprocess.run(command, check=False).returncode
    for line in absent:
        print(f"Not run: tests that need {line}")
    return code


if __name__ == "__main__":
    sys.exit(main())
