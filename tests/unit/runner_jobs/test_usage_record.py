"""The record of what a job used: bounded however long the job, and whole after stops, crashes and full disks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from runner.models import Hint, JobUsage, UsagePoint
from runner.telemetry.record import MOST_POINTS, Record, average, read_record, thin

JOB = "a/projects/p/1"
FRESH = JobUsage(JOB, cpu_limit=4.0, memory_limit=1 << 30)
WEEK = 7 * 24 * 3600


def point(second: float, value: float = 1.0) -> UsagePoint:
    return UsagePoint(float(second), value, value, None, value, (value, None), (value, value))


def test_a_job_of_a_week_keeps_at_most_a_thousand_points_of_its_whole_time(tmp_path: Path) -> None:
    record = Record.open(tmp_path / "usage", FRESH)
    for second in range(0, WEEK, 7):
        record.add(point(second, float(second)))
        assert len(record.usage.points) <= MOST_POINTS
    record.end()
    found = read_record(tmp_path / "usage", JOB)
    assert found == record.usage
    assert found is not None
    assert 500 <= len(found.points) <= MOST_POINTS
    assert found.step == 1024
    assert (found.points[0].time, WEEK - found.points[-1].time <= 1024) == (0.0, True)
    for one in found.points[:-1]:
        assert one.cpu_percent == pytest.approx(one.time + 512, abs=128)
    assert (tmp_path / "usage").stat().st_size < 100_000


def test_a_record_goes_on_after_a_restart_and_over_a_line_that_was_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "usage"
    first = Record.open(path, FRESH)
    for second in range(30):
        first.add(point(second))
    first.end()
    with path.open("ab") as file:
        file.write(b"[30.0,1.0,1\xff")
    second_run = Record.open(path, replace(FRESH, cpu_limit=99.0))
    for second in range(40, 70):
        second_run.add(point(second))
    second_run.end()
    found = read_record(path, JOB)
    assert found is not None
    assert found.cpu_limit == 4.0
    assert [one.time for one in found.points] == [*map(float, range(30)), *map(float, range(40, 70))]


def test_what_older_runners_wrote_is_read_and_the_network_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "usage"
    path.write_text('{"step":1.0,"cpu_limit":4.0}\n[1.0,50.0,1.0,2.0,3.0,[9.0],[8.0]]\n[2.0,1,1,1,1,[],[],5.0]\n')
    record = Record.open(path, FRESH)
    assert record.usage.points == (UsagePoint(1.0, 50.0, 1.0, 2.0, 3.0, (9.0,), (8.0,)),)
    for second in range(2, 6):
        record.add(replace(point(second), received=10.0 * second, sent=None))
    record.end()
    found = read_record(path, JOB)
    assert found is not None
    assert [one.received for one in found.points] == [None, 20.0, 30.0, 40.0, 50.0]
    assert thin(found, 1).points[-1].received == 35.0


def test_a_crash_costs_ten_seconds_at_most(tmp_path: Path) -> None:
    record = Record.open(tmp_path / "usage", FRESH)
    for second in range(25):
        record.add(point(second))
    found = read_record(tmp_path / "usage", JOB)
    assert found is not None
    assert found.points[-1].time >= 14


def test_a_clock_that_is_set_back_makes_no_record_grow(tmp_path: Path) -> None:
    record = replace_most(Record.open(tmp_path / "usage", FRESH), 50)
    for second in range(2000):
        record.add(point(10_000 - second if second % 7 else second))
    assert len(record.usage.points) <= 50


def replace_most(record: Record, most: int) -> Record:
    record.most = most
    return record


def test_a_folder_that_is_gone_or_a_strange_file_costs_only_the_record(tmp_path: Path) -> None:
    record = Record.open(tmp_path / "gone" / "usage", FRESH)
    for second in range(30):
        record.add(point(second))
    record.end()
    assert not (tmp_path / "gone").exists()
    strange = tmp_path / "usage"
    for content in (
        b"",
        b"\x00\xff{",
        b"[1,2,3]\n",
        b'{"step":"x"}\n',
        b'{"step":1}\n["a",1,1,1,1,[],[]]\n[1,2]\n3\nnull\n',
    ):
        strange.write_bytes(content)
        found = read_record(strange, JOB)
        assert found is None or found.points == ()


def test_what_only_its_moment_tells_is_kept_once(tmp_path: Path) -> None:
    record = Record.open(tmp_path / "usage", FRESH)
    broken = Hint("ecc", "critical", "GPU 0 has had an error.", "Reset it.", JOB, "GPU-a")
    passing = Hint("memory", "info", "Its memory is 80 % full.", "Give it more.", JOB)
    for second in range(3):
        record.add(point(second))
        record.note([passing, broken])
    record.end()
    found = read_record(tmp_path / "usage", JOB)
    assert found is not None
    assert found.hints == (broken,)


def test_a_mean_leaves_out_what_is_not_known() -> None:
    one = UsagePoint(4.0, 1.0, None, None, None, (10.0, None), ())
    two = UsagePoint(5.0, 3.0, 8.0, None, None, (20.0, None, 7.0), ())
    assert average([one, two], 2.0) == UsagePoint(4.0, 2.0, 8.0, None, None, (15.0, None, 7.0), ())


def test_points_asked_for_are_so_many_at_most() -> None:
    usage = replace(FRESH, points=tuple(point(second, float(second)) for second in range(100)))
    thinned = thin(usage, 10)
    assert (len(thinned.points), thinned.step) == (7, 16.0)
    assert thin(usage, 100) is usage or thin(usage, 100) == usage
