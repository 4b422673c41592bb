"""Logs at a terminal: a large one opened at its end beside less, searched, and one followed for an hour's lines."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from benchmarks.harness import Row
from benchmarks.screen import Screen
from benchmarks.visit import JOB_SIGN, Visit, visit
from tests.support.api import Api

ROUNDS = 5
JOBS = 2
GIB = 1 << 30
MEMORY = 150 << 20
"""Bytes that the app may hold, whatever the log."""
LINES = 3_600_000
"""What is written in an hour at 1,000 lines a second."""
TENTH, LAST = "a tenth is here", "the last line is here"
# In a command, which the screen shows, they do not stand in one piece.
_TENTH, _LAST = (repr(words.split()) for words in (TENTH, LAST))
# Python that writes lines of several kinds, `size` bytes of them, and what is looked for near their beginning.
LARGE = f"""
import sys
kinds = ("step {{0}} loss 0.1234 lr 0.0003 512 samples/s gpu 0 mem 61.2 GiB, eta 02:11",
         "\\x1b[32mINFO\\x1b[0m {{0}} train.py:88 \\x1b[1;36mloss\\x1b[0m=0.3 samples=1024",
         " 10%|##        | 28/281\\r 50%|#####     | 140/281\\r100%|##########| {{0}}/281",
         "\u6570\u636e\u96c6 {{0}} \U0001f680 \u8bad\u7ec3", "x" * 300 + " {{0}}")
block = "".join(kinds[n % 97 % 5 if n % 97 < 9 else n % 2].format(n) + "\\n" for n in range(100_000)).encode()
out = sys.stdout.buffer
out.write(b"begin\\nneedle\\n")
for _ in range({GIB} // len(block) + 1):
    out.write(block)
out.write(" ".join({_LAST}).encode() + b"\\n")
"""
HOUR = f"""
import time
time.sleep(10)  # somebody opens the log
for part in range(10):
    for n in range({LINES} // 10):
        print(f"step {{n}} loss 0.1234 lr 0.0003 512 samples/s eta 02:11")
    if not part:
        print(*{_TENTH}, flush=True)
        time.sleep(2)
print(*{_LAST}, flush=True)
time.sleep(600)
"""


def rows() -> dict[str, Callable[[str], Row]]:
    """The rows by their names."""
    return {
        "ui: 1 GiB log at its end, beside less": beside_less,
        "ui: 1 GiB log searched, memory": searched,
        "ui: an hour's lines followed, memory": followed,
    }


def beside_less(name: str) -> Row:
    """From Enter on the job to its log's last line, beside the start of ``less +G`` on the same file."""
    seconds: dict[str, list[float]] = {"ours": [], "less": []}
    with visit(JOBS) as here:
        log = _write(here)
        for number in range(ROUNDS + 1):
            with here.open() as screen:
                ours = _opened(screen)
            with Screen(["less", "-R", "+G", str(log)], here.home, here.env) as screen:
                less = screen.until(LAST) - screen.started
            if number:
                seconds["ours"].append(ours)
                seconds["less"].append(less)
    ours, less = (statistics.median(taken) for taken in seconds.values())
    note = f"ours {ours * 1000:.0f} ms, less {less * 1000:.0f}"
    return Row(name, ours / less, 1.5, detail={"seconds": seconds}, note=note)


def searched(name: str) -> Row:
    """The most memory held while all of a log is read back and searched."""
    with visit(JOBS) as here:
        _write(here)
        with here.open() as screen:
            _opened(screen)
            opened = screen.memory
            screen.press("/", "regular expression")
            for key in "needle":
                screen.press(key, key)
            screen.press("\r", "needle")
            _patiently(lambda: screen.until("1 of 1"))
            return _memory(name, screen.memory, opened=opened)


def followed(name: str) -> Row:
    """Memory after all lines of an hour, beside that after a tenth of them; they come as fast as they can."""
    with visit(JOBS) as here, here.runner.http() as http:
        Api(http).launch(_python(HOUR), "digits")
        with here.open() as screen:
            screen.until("running")
            screen.press("\r", "following")
            _patiently(lambda: screen.until(TENTH))
            tenth = screen.resident
            _patiently(lambda: screen.until(LAST))
            all_of_it = screen.resident
    detail: dict[str, object] = {"tenth": tenth, "all": all_of_it, "lines": LINES}
    note = f"{tenth >> 20} MiB after a tenth, {all_of_it >> 20} MiB after all"
    return Row(name, all_of_it / tenth, 1.05, detail=detail, note=note)


def _write(here: Visit) -> Path:
    """A job that has written the log, on top of the list; where its log is."""
    with here.runner.http() as http:
        api = Api(http)
        api.ended(api.launch(_python(LARGE), "digits").name)
    return max(here.runner.data_dir.rglob("log"), key=lambda path: path.stat().st_size)


def _python(program: str) -> str:
    return f"python3 - <<'END'\n{program}\nEND"


def _opened(screen: Screen) -> float:
    """Seconds from Enter in the list to the end of the newest job's log."""
    screen.until(JOB_SIGN)
    screen.rest(1.0)
    return screen.press("\r", LAST)


def _memory(name: str, most: int, **detail: object) -> Row:
    return Row(name, most / MEMORY, 1.0, detail={"most": most, **detail}, note=f"{most >> 20} MiB")


def _patiently(wait: Callable[[], object], times: int = 5) -> None:
    """`wait`, `times` times as long as a screen does."""
    for _ in range(times - 1):
        with suppress(AssertionError):
            wait()
            return
    wait()
