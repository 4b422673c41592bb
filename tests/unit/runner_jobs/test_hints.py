"""Hints and the utilization policy, by a played clock: where each begins, and what keeps quiet."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from runner.models import GpuStats, Hint, HostStats, JobStats, UtilizationPolicy
from runner.telemetry.hints import HintRules, host_hints, job_hints, seconds_words
from runner.telemetry.idle import IdleWatch
from runner.telemetry.readings import GpuReading, Reading, Window

JOB = "a/projects/p/1"
RULES = HintRules()
GIB = 1 << 30
HOST = HostStats(0.0, 1.0, 8, 0.1, 10 * GIB, 100 * GIB, 10 * GIB, 100 * GIB)


def window(seconds: int, look: Reading, first: float = 1000.0) -> Window:
    """Looks once a second from `first` on."""
    found = Window(RULES.seconds)
    for i in range(seconds + 1):
        found.add(replace(look, time=first + i))
    return found


def look(use: float | None = 50.0, cpu: float | None = 20.0, memory: float | None = 20.0, **gpu: object) -> Reading:
    return Reading(0.0, cpu, memory, (GpuReading("GPU-a", 0, use, 1.0, **gpu),))  # type: ignore[arg-type]


def kinds(hints: Iterable[Hint]) -> list[str]:
    return [hint.kind for hint in hints]


@pytest.mark.parametrize(("use", "seconds", "told"), [
    (69.9, 300, ["gpu_low"]), (70.0, 300, []), (69.9, 299, []), (0.0, 300, ["gpu_low"]), (None, 300, []),
])  # fmt: skip
def test_a_gpu_is_little_used_below_70_percent_over_5_minutes(use: float | None, seconds: int, told: list[str]) -> None:
    assert kinds(job_hints(JOB, window(seconds, look(use)), RULES)) == told


def test_what_is_said_of_a_gpu_and_what_to_do() -> None:
    [low] = job_hints(JOB, window(300, look(34.0)), RULES)
    assert (low.text, low.level, low.job) == ("Its GPU is 34 % busy over 5 minutes.", "info", JOB)
    [idle] = job_hints(JOB, window(300, look(0.0)), RULES)
    assert (idle.text, idle.level) == ("Its GPU is idle over 5 minutes.", "warning")
    assert "--cpu" in idle.advice
    [ended] = job_hints(JOB, window(300, look(34.0)), RULES, ended=True)
    assert ended.text == "Its GPU was 34 % busy on average."
    both = replace(look(34.0), gpus=(GpuReading("GPU-a", 0, 10.0), GpuReading("GPU-b", 1, 20.0)))
    assert job_hints(JOB, window(300, both), RULES)[0].text == "Its GPUs are 15 % busy over 5 minutes."


@pytest.mark.parametrize(("cpu", "told"), [(90.0, "data_loader"), (89.9, "gpu_low"), (None, "gpu_low")])
def test_a_gpu_that_waits_for_busy_cpus_is_the_data_loaders_doing(cpu: float | None, told: str) -> None:
    [hint] = job_hints(JOB, window(300, look(34.0, cpu)), RULES)
    assert hint.kind == told
    if told == "data_loader":
        assert hint.text == "Its GPU is 34 % busy over 5 minutes, while its CPUs are at their limit (90 %)."
        assert "--cpus" in hint.advice


@pytest.mark.parametrize(("percent", "level"), [
    (74.9, None), (75.0, "info"), (89.9, "info"), (90.0, "warning"), (94.9, "warning"), (95.0, "critical"),
])  # fmt: skip
def test_memory_and_disk_are_told_of_at_75_90_and_95_percent(percent: float, level: str | None) -> None:
    full = int(percent * GIB)
    told = [hint.level for hint in job_hints(JOB, [look(99.0, memory=percent)], RULES)]
    assert told == [level] * (level is not None)
    for stats, kind in ((replace(HOST, memory_used=full), "memory"), (replace(HOST, disk_used=full), "disk")):
        assert [(hint.kind, hint.level) for hint in host_hints(stats, RULES)] == [(kind, level)] * (level is not None)


def test_a_job_that_has_ended_is_told_of_its_peak() -> None:
    looks = [look(99.0, memory=percent) for percent in (20.0, 96.0, 30.0)]
    assert job_hints(JOB, looks, RULES) == ()
    [hint] = job_hints(JOB, looks, RULES, ended=True)
    assert (hint.text, hint.level) == ("Its memory was 96 % full at its peak.", "critical")


def test_a_hot_card_is_told_of_and_a_power_cap_only_where_it_slows_the_card_down() -> None:
    hot = look(99.0, throttled=("sw_thermal_slowdown",))
    assert job_hints(JOB, window(10, hot), RULES)[0].text == "GPU 0 is so hot that it runs slower."
    capped = look(99.0, throttled=("sw_power_cap",))
    assert job_hints(JOB, window(10, capped), RULES) == ()
    slow = replace(capped, gpus=(replace(capped.gpus[0], clock=0.6),))
    assert job_hints(JOB, window(10, slow), RULES)[0].text == "GPU 0 is held at 60 % of its clock by its power cap."
    passing = [*window(10, look(99.0)), replace(hot, time=1011.0)]
    assert job_hints(JOB, passing, RULES) == ()


def test_broken_cards_are_told_of_to_the_job_and_the_host() -> None:
    faulty = GpuStats(2, "GPU-c", "A100", ecc_uncorrected=3)
    lost = GpuStats(3, "GPU-d", "A100", lost=True)
    told = host_hints(replace(HOST, gpus=(faulty, lost)), RULES)
    assert [(hint.kind, hint.level, hint.gpu) for hint in told] == [
        ("ecc", "critical", "GPU-c"), ("gpu_lost", "critical", "GPU-d"),
    ]  # fmt: skip
    assert told[0].text == "GPU 2 has had 3 memory errors that it could not correct: results may be wrong."
    reading = Reading.of(1.0, JobStats(JOB), (faulty,))
    assert kinds(job_hints(JOB, [reading], RULES)) == ["ecc"]


def test_a_window_forgets_what_is_old_and_what_was_before_a_time_without_looks() -> None:
    found = window(1000, look())
    looks = list(found)
    assert 60 <= len(looks) <= 80
    assert 300 <= looks[-1].time - looks[0].time < 310
    found.add(replace(look(), time=5000.0))
    assert [one.time for one in found] == [5000.0]
    short = Window(1.0)
    for second in range(3):
        short.add(replace(look(), time=second * 1.01))
    assert len(list(short)) == 2


@pytest.mark.parametrize(("seconds", "words"), [
    (300, "5 minutes"), (60, "1 minute"), (7200, "2 hours"), (3600, "1 hour"), (90, "90 seconds"), (1, "1 second"),
])  # fmt: skip
def test_times_are_said_in_words(seconds: float, words: str) -> None:
    assert seconds_words(seconds) == words


@pytest.mark.parametrize("rules", [
    {"full": (75.0, 90.0)}, {"full": (90.0, 75.0, 95.0)}, {"gpu_use": 101.0}, {"seconds": 0.0},
])  # fmt: skip
def test_rules_that_cannot_be_are_refused(rules: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        HintRules(**rules).checked()  # type: ignore[arg-type]


# The utilization policy

POLICY = UtilizationPolicy(min_gpu_utilization=10, time_window=60)


def stopped_at(policy: UtilizationPolicy, looks: Iterable[tuple[float, dict[str, float | None]]]) -> float | None:
    """When a job with these looks is stopped."""
    watch = IdleWatch(policy)
    return next((now for now, uses in looks if watch.see(now, uses)), None)


def test_a_job_is_stopped_at_the_moment_its_gpu_has_idled_for_the_window() -> None:
    assert stopped_at(POLICY, ((t, {"a": 9.9}) for t in range(100, 300))) == 160
    assert stopped_at(POLICY, ((t, {"a": 10.0}) for t in range(100, 300))) is None
    assert stopped_at(POLICY, ((t, {"a": 50.0 if t == 159 else 0.0}) for t in range(100, 300))) == 220


def test_each_gpu_counts_for_itself() -> None:
    assert stopped_at(POLICY, ((t, {"a": 99.0, "b": 0.0}) for t in range(300))) == 60
    in_turns: Iterable[tuple[float, dict[str, float | None]]] = (
        (t, {"a": 99.0 * (t // 30 % 2), "b": 99.0 * (t // 30 % 2 == 0)}) for t in range(300)
    )
    assert stopped_at(POLICY, in_turns) is None


def test_what_is_not_known_is_not_idle() -> None:
    assert stopped_at(POLICY, ((t, {"a": None}) for t in range(300))) is None
    assert stopped_at(POLICY, ((t, {"a": None if t == 30 else 0.0}) for t in range(300))) == 91
    # The host slept for an hour: nobody knows what the GPU did.
    assert stopped_at(POLICY, ((t, {"a": 0.0}) for t in (*range(50), *range(3600, 3700)))) == 3660


def test_the_reason_says_what_was_so_for_how_long() -> None:
    watch = IdleWatch(UtilizationPolicy(5, 1800))
    reasons = [watch.see(float(t), {"a": 0.0, "b": 80.0}) for t in range(1801)]
    assert reasons[-1] == "One of its GPUs was used below 5 % for 30 minutes (utilization_policy)."
    assert not any(reasons[:-1])


@pytest.mark.parametrize("policy", [UtilizationPolicy(0, 60), UtilizationPolicy(101, 60), UtilizationPolicy(5, 0)])
def test_a_policy_that_cannot_be_is_refused(policy: UtilizationPolicy) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        policy.checked()
