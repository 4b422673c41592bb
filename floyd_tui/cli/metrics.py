"""``metrics``: a job's metrics in a table, as CSV, or drawn."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

import click

from floyd_tui.cli.hosted import on_host
from floyd_tui.cli.options import host_option, job_reference, json_option
from floyd_tui.cli.show import note, show_json, show_table
from floyd_tui.client.protocol import Link
from floyd_tui.errors import FloydError
from floyd_tui.metrics.axes import AXES, XAxis

if TYPE_CHECKING:
    from floyd_tui.metrics.runs import Run
    from runner.models import Job, Metric

_KINDS = ("csv", "svg", "png")
_SPARK = 30
# As many curves' colours as a picture has.
_COLORS = 6


class _Smoothing(click.FloatRange):
    """A share of the past, from 0 to below 1."""

    name = "weight"


@click.command()
@click.argument("job", required=False)
@click.option("-m", "--metric", "names", multiple=True, metavar="NAME", help="Only this metric; may be repeated.")
@click.option("--with", "others", multiple=True, metavar="JOB", help="This job's beside it; may be repeated.")
@click.option("--csv", "as_csv", is_flag=True, help="Print every point as CSV.")
@click.option("--save", "path", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Write FILE.csv with every point, or draw one chart as FILE.svg or FILE.png.")  # fmt: skip
@click.option("--over", type=click.Choice(AXES), help="What x is in a chart; what the points carry if left out.")
@click.option("--smooth", type=_Smoothing(0, 1, max_open=True), default=0.0, metavar="W",
              help="Average each point with the past, which keeps so much weight: 0.6, say.")  # fmt: skip
@click.option("--log", "logarithmic", is_flag=True, help="Draw a logarithmic y axis.")
@click.option("--dark", is_flag=True, help="Draw on a dark ground.")
@host_option
@json_option
def metrics(
    job: str | None,
    names: Sequence[str],
    others: Sequence[str],
    as_csv: bool,
    path: Path | None,
    over: str | None,
    smooth: float,
    logarithmic: bool,
    dark: bool,
    host: str | None,
    as_json: bool,
) -> None:
    """Show what JOB measured: last and best values, and how they went. The latest job's if left out."""
    if path is not None and path.suffix.lower().removeprefix(".") not in _KINDS:
        raise click.BadParameter(f"{path.name} ends in none of .csv, .svg and .png.", param_hint="--save")
    found = _read(host, [job_reference(job), *map(job_reference, others)])
    if as_json:
        show_json([point for _, points in found for point in points if not names or point.name in names])
        return
    runs = _runs(found, names)
    if as_csv:
        from floyd_tui.metrics.files import csv_of

        click.echo(csv_of(_points(runs)), nl=False)
    elif path is None:
        _show(runs)
    elif path.suffix.lower() == ".csv":
        from floyd_tui.metrics.files import csv_of, save_as

        save_as(csv_of(_points(runs)).encode("utf-8", "replace"), path)
        note(f"{path}: {sum(run.count for run in runs):,} points.")
    else:
        _draw(runs, names, path, cast("XAxis | None", over), smooth, logarithmic, dark)


def _read(host: str | None, names: Sequence[str]) -> list[tuple[Job, list[Metric]]]:
    async def work(link: Link) -> list[tuple[Job, list[Metric]]]:
        jobs = await asyncio.gather(*map(link.client.job, names))
        points = await asyncio.gather(*(link.client.metrics(job.name) for job in jobs))
        return list(zip(jobs, points, strict=True))

    return on_host(host, work)


def _runs(found: Sequence[tuple[Job, list[Metric]]], names: Sequence[str]) -> list[Run]:
    """The jobs' points of the metrics asked for; raises `FloydError` for a metric that none has."""
    from floyd_tui.metrics.runs import Run

    runs = []
    for sign, (job, points) in zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ" * len(found), found, strict=False):
        run = Run(job.short, job.started_at or job.created_at, sign)
        run.extend(point for point in points if not names or point.name in names)
        runs.append(run)
    known = sorted({point.name for _, points in found for point in points})
    for name in names:
        if name not in known:
            there = f"There are: {', '.join(known)}." if known else "It has none: docs/metrics.md says what is one."
            raise FloydError(f"No metric is called {name!r}.", there)
    return runs


def _points(runs: Sequence[Run]) -> list[Metric]:
    return [point for run in runs for point in run.points(several=len(runs) > 1)]


def _show(runs: Sequence[Run]) -> None:
    """A line a metric: its last and best value, where that was, and how it went."""
    from floyd_tui.metrics.best import more_is_better

    rows = []
    for run in runs:
        for name in run.metrics:
            axis = run.usual_axis()
            trace = run.trace(name, axis)
            pairs = list(zip(trace.ys, trace.xs, strict=True))
            best, at = (max if more_is_better(name) else min)(pairs)
            rows.append((run.name if len(runs) > 1 else "", name, f"{trace.ys[-1]:.4g}", f"{best:.4g}",
                         f"{axis} {at:g}", f"{len(trace):,}", (_spark(trace.ys), "cyan")))  # fmt: skip
    columns = ("JOB", "METRIC", "LAST", "BEST", "AT", "POINTS", "OVER TIME")
    first = 0 if len(runs) > 1 else 1
    empty = 'No metrics. Lines like {"metric": "loss", "value": 0.4} are some, and what Keras prints.'
    kept = [row[first:] for row in rows]
    show_table(columns[first:], kept, ("LAST", "BEST", "POINTS"), ("OVER TIME",), empty)


def _spark(values: Sequence[float]) -> str:
    from floyd_tui.widgets.plot import sparkline

    return sparkline(values, _SPARK)


def _draw(
    runs: Sequence[Run],
    asked: Sequence[str],
    path: Path,
    over: XAxis | None,
    smooth: float,
    logarithmic: bool,
    dark: bool,
) -> None:
    """One chart: of the metrics that were asked for, or of the first and what belongs to it."""
    from floyd_tui.metrics.files import drawn, save_as
    from floyd_tui.metrics.picture import Sketch
    from floyd_tui.metrics.runs import charts_of, series_of

    charts = charts_of(runs, together=True)
    if not charts:
        raise FloydError("There are no metrics to draw.", "docs/metrics.md says what is one.")
    title, shown = next(iter(charts.items()))
    if asked:
        title, shown = " ".join(asked), list(asked)
    elif len(charts) > 1:
        note(f"Drawn is {title}; -m draws another: {', '.join(list(charts)[1:])}.")
    usual: Sequence[XAxis] = [run.usual_axis() for run in runs if run.count]
    axis = over if over is not None else max(usual, key=AXES.index)
    words = (runs[0].name if len(runs) == 1 else "", f"smoothed by {smooth:g}" if smooth else "")
    aside = "   ".join(filter(None, words))
    sketch = Sketch(title, series_of(runs, shown, axis, smooth, _COLORS), axis, logarithmic, aside=aside)
    kind: Literal["svg", "png"] = "png" if path.suffix.lower() == ".png" else "svg"
    save_as(drawn(sketch, kind, dark), path)
    note(f"{path}: {', '.join(shown)} over {axis}.")
