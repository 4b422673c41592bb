"""Metrics in what Keras prints as it trains, of Keras 2 and 3, with and without a bar.

``Epoch 3/10`` begins an epoch. Its line of progress is drawn over and over, by carriage returns and backspaces; what
stands there at last is read once the line has ended, and only where all steps are done::

    782/782 [==============================] - 5s 6ms/step - loss: 0.3 - accuracy: 0.91 - val_loss: 0.4
    782/782 ━━━━━━━━━━━━━━━━━━━━ 5s 6ms/step - accuracy: 0.91 - loss: 0.3 - val_loss: 0.4    (with colours)
    782/782 - 5s - 6ms/step - accuracy: 0.91 - loss: 0.3

A line like that outside an epoch is an evaluation's, and no point of a curve.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from runner.models import Metric

# In a job's environment, with one of `_NO`: its lines of this kind are no metrics.
SWITCH = "FLOYD_KERAS"
_NO = {"0", "off", "no", "false"}
_COLOR = rb"(?:\x1b\[[0-9;]{0,8}m)?"
_EPOCH = re.compile(rb"Epoch (\d{1,9})/\d{1,9}\s*$")
# As many steps are done as there are.
_DONE = re.compile(
    rb"[ \t]{0,20}" + _COLOR + rb"[ \t]{0,20}(\d{1,9})/\1" + _COLOR + rb" (?P<rest>.{1,4000})$", re.DOTALL
)
_VALUE = re.compile(
    rb" - ([A-Za-z_][\w./-]{0,199}(?: [\w./-]{1,99}){0,4}): ([-+]?\d{1,30}(?:\.\d{0,30})?(?:e[-+]?\d{1,4})?)(?=$| - )"
)
_BEGIN = b"Epoch "


@dataclass(slots=True)
class KerasLines:
    """Takes whole lines of a log, in order. `epoch` is the one whose line of progress is still to come."""

    epoch: int | None = None

    def feed(self, lines: bytes, time: float) -> list[Metric]:
        """The points that `lines` end with, seen at `time`."""
        if self.epoch is None and _BEGIN not in lines:
            return []
        found: list[Metric] = []
        for line in lines.split(b"\n"):
            if line.startswith(_BEGIN):
                if begun := _EPOCH.match(line):
                    self.epoch = int(begun[1])
            elif self.epoch is not None and b"/" in line and (done := _DONE.match(_drawn_last(line))):
                points = _points(done["rest"], time, self.epoch)
                if points:
                    found += points
                    self.epoch = None
        return found

    def look_back(self, lines: bytes) -> None:
        """Take up the epoch that `lines`, which were read before, leave open."""
        self.feed(lines, 0.0)


def reads_keras(env: dict[str, str]) -> bool:
    """Whether a job with such an environment wants its lines of Keras read."""
    return env.get(SWITCH, "").strip().lower() not in _NO


def _drawn_last(line: bytes) -> bytes:
    """What a terminal shows of a line at last: what came after it was begun anew."""
    line = line.rstrip(b"\r \t")
    return line[max(line.rfind(b"\r"), line.rfind(b"\x08")) + 1 :]


def _points(rest: bytes, time: float, epoch: int) -> list[Metric]:
    if b"ETA: " in rest:
        return []
    pairs = [(name.decode(), float(value)) for name, value in _VALUE.findall(rest)]
    return [Metric(name, value, time, None, epoch) for name, value in pairs if math.isfinite(value)]
