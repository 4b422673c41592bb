"""``make bench`` and ``make bench B=NAME``: prints a line a row, writes JSON, exits 1 if a row is short of its bar."""

from __future__ import annotations

import importlib
import json
import pkgutil
import sys
from pathlib import Path

import benchmarks

RESULTS = Path(__file__).parent / "results"
NOT_BENCHMARKS = {"__main__", "bed", "harness"}


def names() -> list[str]:
    """The benchmarks there are."""
    return sorted({module.name for module in pkgutil.iter_modules(benchmarks.__path__)} - NOT_BENCHMARKS)


def main() -> int:
    """Run the benchmarks named (default: all)."""
    wanted = [name for name in sys.argv[1:] if name != "all"] or names()
    if unknown := sorted(set(wanted) - set(names())):
        print(f"error: no benchmark {', '.join(unknown)}. There are: {', '.join(names())}.", file=sys.stderr)
        return 2
    RESULTS.mkdir(exist_ok=True)
    short = False
    for name in wanted:
        rows = []
        for row in importlib.import_module(f"benchmarks.{name}").run():
            print(row.line(), flush=True)
            rows.append(row.json())
            short |= not row.ok
        (RESULTS / f"{name}.json").write_text(json.dumps(rows, indent=2) + "\n")
    return int(short)


if __name__ == "__main__":
    sys.exit(main())
