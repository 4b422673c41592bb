"""``usage``: what a job used over its time, and what could be better."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import click

from floyd_tui.cli.hosted import on_host
from floyd_tui.cli.options import host_option, job_reference, json_option
from floyd_tui.cli.show import hint_cells, note, show_json, show_table
from floyd_tui.client.protocol import Link
from floyd_tui.sizes import human_duration, human_size
from floyd_tui.usage import Curve, curves, sparkline
from runner.models import JobUsage

_SPARK = 40


@click.command()
@click.argument("job", required=False)
@host_option
@json_option
def usage(job: str | None, host: str | None, as_json: bool) -> None:
    """Show what JOB uses or used: GPUs, CPU, memory, disk, and hints. The latest job's if left out."""
    name = job_reference(job)

    async def work(link: Link) -> JobUsage:
        return await link.client.usage(name)

    found = on_host(host, work)
    if as_json:
        show_json(found)
        return
    columns = ("WHAT", "MEAN", "PEAK", "OF", "OVER TIME")
    rows = [_row(curve) for curve in curves(found)]
    show_table(columns, rows, right=("MEAN", "PEAK", "OF"), cut=("OVER TIME",), empty="Nothing is known of its use.")
    if found.points:
        span = found.points[-1].time - found.points[0].time + found.step
        note(f"{human_duration(span)} in steps of {human_duration(found.step)}.")
    for hint in found.hints:
        click.echo(f"{click.style(*hint_cells(hint))}\n  {hint.advice}", err=True)


def _row(curve: Curve) -> Sequence[object]:
    known = [value for _, value in curve.points]
    full = curve.full or max(known) or 1.0
    shares = [100 * value / full for value in known]
    return (
        curve.name,
        _value(curve, sum(known) / len(known)),
        _value(curve, max(known)),
        _value(curve, curve.full) if curve.full else "",
        (sparkline(_spread(shares, _SPARK), _SPARK).strip(), "cyan"),
    )


def _spread(values: Sequence[float], width: int) -> list[float]:
    """The means of `width` parts of `values`, or all where there are fewer."""
    if len(values) <= width:
        return [*values]
    edges = [round(place * len(values) / width) for place in range(width + 1)]
    return [sum(values[a:b]) / (b - a) for a, b in pairwise(edges)]


def _value(curve: Curve, value: float) -> str:
    if curve.unit == "%":
        return f"{value:.0f} %"
    if curve.unit == "cores":
        return f"{value:.1f} cores"
    return human_size(value) + ("/s" if curve.unit == "B/s" else "")
