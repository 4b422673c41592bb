"""Metrics in a log: FloydHub's JSON objects, one a line, anywhere among other output; and Keras' own progress lines.

``{"metric": "loss", "value": 0.4, "step": 3, "epoch": 1}``; step and epoch are optional. What only looks like one is
passed over: a log is nobody's file format.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field

from runner.keras import KerasLines
from runner.models import Metric

# Longer lines are not metrics, whatever they say.
MAX_LINE = 64 << 10
_MAX_NAME = 200
_MAX_INTEGER = 2**63 - 1
# Finds the few lines worth parsing at the speed of C; a carriage return ends a progress bar's line too.
_CANDIDATE = re.compile(rb'(?:^|(?<=\r))[ \t]*(\{[^\r\n]*"metric"[^\r\n]*\})[ \t\r]*$', re.MULTILINE)


@dataclass(slots=True)
class MetricReader:
    """Takes a log piece by piece. `parsed` is the offset up to which every whole line has been read.

    Begin again at `parsed` after a crash, and no line is read twice or missed. Without `keras`, lines of Keras are
    text like any other.
    """

    parsed: int = 0
    keras: KerasLines | None = None
    _rest: bytes = b""
    _skipping: bool = field(default=False)

    @property
    def position(self) -> int:
        """The offset of the piece that `feed` wants next."""
        return self.parsed + len(self._rest)

    def feed(self, piece: bytes, time: float, last: bool = False) -> list[Metric]:
        """The points in `piece`, seen at `time`; `last` says that a line without a newline at the end is whole."""
        text = self._rest + piece
        cut = len(text) if last else text.rfind(b"\n") + 1
        whole, self._rest = text[:cut], text[cut:]
        self.parsed += cut
        if self._skipping and whole:
            whole = whole.partition(b"\n")[2]
            self._skipping = False
        if len(self._rest) > MAX_LINE:
            self._shorten()
        found = [point for line in _CANDIDATE.findall(whole) if (point := parse_metric(line, time)) is not None]
        return found + self.keras.feed(whole, time) if self.keras else found

    def _shorten(self) -> None:
        """Of a line that grows too long keep what is drawn last, as bars of progress are; without that, skip it."""
        drawn = max(self._rest.rfind(b"\r"), self._rest.rfind(b"\x08"))
        if len(self._rest) - drawn > MAX_LINE:
            drawn, self._skipping = len(self._rest), True
        self.parsed += max(0, drawn)
        self._rest = self._rest[max(0, drawn) :]


def parse_metric(line: bytes, time: float) -> Metric | None:
    """The point that a line is, None if it is none."""
    if len(line) > MAX_LINE:
        return None
    try:
        data = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(data, dict):
        return None
    name, value = data.get("metric"), _number(data.get("value"))
    if not isinstance(name, str) or not 0 < len(name) <= _MAX_NAME or value is None:
        return None
    return Metric(name, value, time, _integer(data.get("step")), _integer(data.get("epoch")))


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _integer(value: object) -> int | None:
    number = _number(value)
    return int(number) if number is not None and number.is_integer() and abs(number) < _MAX_INTEGER else None
