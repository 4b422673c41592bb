"""Settings that are changed while the app is open: themes, keys and commands come into effect at once."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

from floyd_tui.config import COMMANDS_FILE, FILE_NAME, Config
from floyd_tui.errors import ConfigError

# An editor's save is several events.
QUIET_MS, AT_MOST_MS = 100, 1_000


async def changed_settings(folder: Path) -> AsyncGenerator[Config | ConfigError, None]:
    """The settings of `folder` after each change of them or of a theme, or what is wrong with them now.

    Ends at once where there are none yet, or the folder cannot be watched: then changes count from the next start.
    """
    if not any((folder / name).exists() for name in (FILE_NAME, COMMANDS_FILE, "themes")):
        return
    from watchfiles import awatch

    def ours(_: object, path: str) -> bool:
        return Path(path).name == FILE_NAME or Path(path).suffix in (".yaml", ".yml")

    feed = awatch(folder, watch_filter=ours, debounce=AT_MOST_MS, step=QUIET_MS)
    try:
        async for _ in feed:
            try:
                yield Config.load(folder)
            except ConfigError as error:
                yield error
    except OSError:
        return
    finally:
        await feed.aclose()
