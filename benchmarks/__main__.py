"""``make bench``, with ``B=NAME`` for one benchmark and ``ONLY='words of a name'`` for some of its rows.

Prints a line a row, writes JSON, exits 1 if a row is short of its bar.
"""

from __future__ import annotations

import argparse
import importlib
import json
import pkgutil
import sys
from pathlib import Path

import benchmarks

RESULTS = Path(__file__).parent / "results"
# What benchmarks are made of; the parts of `ui` are run by it.
NOT_BENCHMARKS = {"__main__", "bed", "harness", "peers", "screen", "ui_idle", "ui_logs", "ui_start", "visit"}


def names() -> list[str]:
    """The benchmarks there are."""
    return sorted({module.name for module in pkgutil.iter_modules(benchmarks.__path__)} - NOT_BENCHMARKS)


def main() -> int:
    """Run the benchmarks named (default: all)."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=main.__doc__)
    parser.add_argument("names", nargs="*", default=["all"], help=f"of: {', '.join(names())}")
    parser.add_argument("--only", default="", metavar="WORDS", help="only rows that have this in their names")
    asked = parser.parse_args()
    wanted = [name for name in asked.names if name != "all"] or names()
    if unknown := sorted(set(wanted) - set(names())):
        print(f"error: no benchmark {', '.join(unknown)}. There are: {', '.join(names())}.", file=sys.stderr)
        return 2
    RESULTS.mkdir(exist_ok=True)
    short = False
    for name in wanted:
        rows = []
        for row in importlib.import_module(f"benchmarks.{name}").run(asked.only):
            print(row.line(), *([row.detail] if asked.only else []), flush=True)
            rows.append(row.json())
            short |= not row.ok
        if not asked.only:
            (RESULTS / f"{name}.json").write_text(json.dumps(rows, indent=2) + "\n")
    return int(short)


if __name__ == "__main__":
    sys.exit(main())
