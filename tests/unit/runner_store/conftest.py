"""A real store in a folder of the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.runner_store.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store, closed at the end."""
    made = Store(tmp_path / "data")
    yield made
    made.db.close()
