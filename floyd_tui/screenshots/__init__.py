"""Pictures of the real screens over hosts that are only played: the README's, and those that tests look at."""

from __future__ import annotations

from floyd_tui.screenshots.draw import SIZE, draw, frozen_app
from floyd_tui.screenshots.scenes import SCENES, Scene
from floyd_tui.screenshots.stage import Stage

__all__ = ["SCENES", "SIZE", "Scene", "Stage", "draw", "frozen_app"]
