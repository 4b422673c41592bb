"""The host side of floyd-tui: a daemon on a Unix socket that stores data, queues jobs and runs them in containers."""

__version__ = "0.1.0"
