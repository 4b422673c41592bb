"""Metrics in files: points as CSV, charts as SVG and PNG; and where they go where nobody says."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from datetime import datetime, timezone
from pathlib import Path
from typing import Literal

from floyd_tui.errors import FloydError
from floyd_tui.metrics.picture import DARK, LIGHT, Sketch, picture
from runner.models import Metric

Kind = Literal["csv", "svg", "png"]
HEADINGS = ("metric", "step", "epoch", "time", "value")
# What file names are made of on every system; the rest becomes a dash.
_UNSAFE = re.compile(r"[^\w.+-]+", re.ASCII)
_TRIES = 10_000


def csv_of(points: Iterable[Metric]) -> str:
    """The points, a line each, in the order they came: times in ISO 8601 with milliseconds, UTC."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADINGS)
    for point in points:
        moment = datetime.fromtimestamp(point.time, timezone.utc).isoformat(timespec="milliseconds")
        writer.writerow((point.name, point.step, point.epoch, moment.replace("+00:00", "Z"), repr(point.value)))
    return text.getvalue()


def drawn(sketch: Sketch, kind: Literal["svg", "png"], dark: bool = False) -> bytes:
    """A chart as a file's bytes."""
    laid = picture(sketch, DARK if dark else LIGHT)
    if kind == "svg":
        from floyd_tui.metrics.svg import svg

        return svg(laid).encode("utf-8", "replace")
    from floyd_tui.metrics.png import png

    return png(laid)


def save_new(content: bytes, folder: Path, name: str, kind: Kind) -> Path:
    """Write `content` to a file in `folder` that was not there before: ``NAME.svg``, else ``NAME-2.svg`` ….

    Raises `FloydError` where that cannot be.
    """
    stem = _UNSAFE.sub("-", name).strip("-.")[:120] or "chart"
    for number in range(1, _TRIES):
        path = folder / (f"{stem}.{kind}" if number == 1 else f"{stem}-{number}.{kind}")
        try:
            with path.open("xb") as file:
                file.write(content)
        except FileExistsError:
            continue
        except OSError as error:
            raise _failed(path, error) from error
        return path
    raise FloydError(f"{folder} has {_TRIES} files of that name.", "Save from another folder.")


def save_as(content: bytes, path: Path) -> None:
    """Write `content` to `path`; raises `FloydError` where that cannot be."""
    try:
        path.write_bytes(content)
    except OSError as error:
        raise _failed(path, error) from error


def _failed(path: Path, error: OSError) -> FloydError:
    return FloydError(f"{path} cannot be written: {error.strerror}.", "Name a folder that you may write to.")
