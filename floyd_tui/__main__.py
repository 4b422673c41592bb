"""``floyd-tui`` and ``python -m floyd_tui``."""

from __future__ import annotations


def main() -> None:
    """Run the command line, which opens the app where no command is given."""
    from floyd_tui.cli.main import run

    run()


if __name__ == "__main__":
    main()
