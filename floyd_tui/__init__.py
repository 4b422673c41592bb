"""The laptop side of floyd-tui: projects, jobs, datasets and environments of your own GPU hosts, in a terminal."""

__version__ = "0.1.0"
