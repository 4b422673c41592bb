"""How long to wait before trying again."""

from __future__ import annotations

import random

_FIRST, _FACTOR, _CAP = 0.25, 2.0, 30.0


class Backoff:
    """Seconds that double up to 30, with a random part so that many clients do not come back at the same instant."""

    def __init__(self) -> None:
        self.failures = 0

    def next(self) -> float:
        """Seconds to wait after one more failure."""
        ceiling = min(_CAP, _FIRST * _FACTOR ** min(self.failures, 16))
        self.failures += 1
        return ceiling * random.uniform(0.5, 1.0)

    def reset(self) -> None:
        """It went well."""
        self.failures = 0
