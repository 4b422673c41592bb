"""``python -m runner`` and the zipapp's entry: the `floyd-runner` command."""

from __future__ import annotations

from runner.cli import main

if __name__ == "__main__":
    main()
