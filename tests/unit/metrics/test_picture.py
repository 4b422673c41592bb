"""Charts as files: well-formed whatever is in them, told apart without colours, and saved beside what is there."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from textual.color import Color

from floyd_tui.errors import FloydError
from floyd_tui.metrics.files import csv_of, drawn, save_as, save_new
from floyd_tui.metrics.picture import DARK, HEIGHT, LIGHT, SHAPES, WIDTH, Line, Sign, Sketch, Words, picture
from floyd_tui.metrics.runs import Series
from floyd_tui.metrics.trace import Trace
from floyd_tui.themes import contrast
from runner.models import Metric

LOSS = Trace((float(i), 2 * math.exp(-i / 40)) for i in range(200))
TWO = (Series("loss", LOSS.smoothed(0.6), raw=LOSS), Series("val_loss", Trace([(0, 2.2), (100, 0.9), (199, 0.5)]), 1))
ANY = st.one_of(st.floats(), st.sampled_from([math.nan, 0.0, -1.0]))


def test_a_chart_has_axes_a_legend_and_curves_told_by_sign_and_dash() -> None:
    parts = picture(Sketch("loss <&>", TWO, "step", aside="digits/7")).parts
    words = [part.text for part in parts if isinstance(part, Words)]
    for text in ("loss <&>", "digits/7", "step", "0", "100", "val_loss  0.5"):
        assert text in words
    curves = [part for part in parts if isinstance(part, Line) and part.width == 2 and len(part.places) > 2]
    assert len({(curve.color, curve.dash) for curve in curves}) == 2
    assert len({part.shape for part in parts if isinstance(part, Sign)}) == 2
    assert any(isinstance(part, Line) and part.faint for part in parts)
    for part in parts:
        places = part.places if isinstance(part, Line) else (part.at,)
        assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in places)


@settings(max_examples=25)
@given(st.lists(st.lists(st.tuples(st.integers(0, 50), ANY), max_size=8), max_size=9), st.booleans(), st.booleans())
def test_whatever_is_in_it_the_svg_can_be_read(curves: list[list[tuple[int, float]]], log: bool, time: bool) -> None:
    series = [Series(f"<m&{i}\x00\ud800>", Trace((float(x), y) for x, y in points)) for i, points in enumerate(curves)]
    sketch = Sketch("t\x1b", series, "time" if time else "step", log)
    root = ElementTree.fromstring(drawn(sketch, "svg"))
    for line in root.iter("{http://www.w3.org/2000/svg}polyline"):
        assert "nan" not in line.get("points", "")


@pytest.mark.parametrize("dark", [False, True])
def test_a_png_has_the_same_in_pixels(dark: bool) -> None:
    image = Image.open(io.BytesIO(drawn(Sketch("loss", TWO, "time", True), "png", dark)))
    assert image.size == (2 * WIDTH, 2 * HEIGHT)
    colors = {color for _, color in image.getcolors(1 << 20) or []}
    wanted = (DARK if dark else LIGHT).series[0]
    assert Color.parse(wanted).rgb in colors


def test_a_million_points_make_a_small_file() -> None:
    trace = Trace((float(i), math.sin(i)) for i in range(100_000))
    assert len(drawn(Sketch("m", [Series("m", trace)], "step"), "svg")) < 100_000


@pytest.mark.parametrize("colors", [LIGHT, DARK])
def test_all_of_it_is_seen(colors: object) -> None:
    assert isinstance(colors, type(LIGHT))
    ground = Color.parse(colors.ground)
    assert all(contrast(Color.parse(color), ground) >= 4.5 for color in (colors.text, colors.quiet))
    assert all(contrast(Color.parse(color), ground) >= 3.0 for color in colors.series)
    assert len(SHAPES) == len(colors.series)


def test_points_as_csv() -> None:
    points = [Metric('a,"b"', 0.1, 1_700_000_000.5, 3, None), Metric("c", 1e-30, 0.0, None, 2)]
    assert [*csv.reader(io.StringIO(csv_of(points)))] == [
        ["metric", "step", "epoch", "time", "value"],
        ['a,"b"', "3", "", "2023-11-14T22:13:20.500Z", "0.1"],
        ["c", "", "2", "1970-01-01T00:00:00.000Z", "1e-30"],
    ]


def test_files_are_made_beside_others_and_what_cannot_be_is_said(tmp_path: Path) -> None:
    assert save_new(b"1", tmp_path, "a/1 val:loss", "csv") == tmp_path / "a-1-val-loss.csv"
    assert save_new(b"2", tmp_path, "a/1 val:loss", "csv") == tmp_path / "a-1-val-loss-2.csv"
    assert save_new(b"3", tmp_path, "../..", "svg") == tmp_path / "chart.svg"
    save_as(b"4", tmp_path / "chart.svg")
    assert (tmp_path / "chart.svg").read_bytes() == b"4"
    for attempt in (lambda: save_new(b"", tmp_path / "gone", "x", "csv"), lambda: save_as(b"", tmp_path)):
        with pytest.raises(FloydError, match="cannot be written"):
            attempt()
