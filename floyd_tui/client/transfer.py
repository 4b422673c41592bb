"""Trees up and down: `upload` sends a snapshot, `download` fetches files; both tell how far they are."""

from __future__ import annotations

from floyd_tui.client.download import Downloaded, download
from floyd_tui.client.progress import Progress
from floyd_tui.client.upload import Tree, upload

__all__ = ["Downloaded", "Progress", "Tree", "download", "upload"]
