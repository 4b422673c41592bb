"""The job's states: a table that admits one way back, to be tried again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.models import (
    TRANSITIONS,
    Attempt,
    BadMessage,
    Input,
    Job,
    JobState,
    Launch,
    Mount,
    Retry,
    decode,
    encode,
    from_dict,
    is_transition_allowed,
)

STATES = st.sampled_from(JobState)


def test_every_state_is_in_the_table_and_only_ends_have_no_way_on() -> None:
    assert set(TRANSITIONS) == set(JobState)
    ended = {state for state in JobState if state.ended}
    assert ended == {JobState(s) for s in ("succeeded", "failed", "stopped", "timed_out", "lost")}


@given(st.lists(STATES, max_size=12))
def test_no_walk_leaves_an_end_or_comes_back_but_from_running_to_the_queue(walk: list[JobState]) -> None:
    state, seen = JobState.QUEUED, {JobState.QUEUED}
    for new in walk:
        if not is_transition_allowed(state, new):
            continue
        assert not state.ended
        if new is JobState.QUEUED:
            assert state is JobState.RUNNING
            seen.clear()
        assert new not in seen
        seen.add(new)
        state = new


def test_a_relaunch_asks_for_what_the_job_had() -> None:
    job = Job(
        owner="alice",
        project="mnist",
        number=3,
        state=JobState.SUCCEEDED,
        command="python train.py",
        created_at=1.0,
        code="a" * 64,
        inputs=(Input("alice/datasets/digits/2", "digits", "b" * 64),),
        environment="python-3.11",
        gpus=1,
        max_runtime=60,
        env={"SEED": "1"},
        tags=("x",),
        retry=Retry(2),
        attempts=(Attempt(JobState.LOST, 1.0, 2.0, log_end=10, reason="gone"),),
    )
    launch = job.relaunch()
    assert launch.code_from == "alice/projects/mnist/3"
    assert launch.relaunched_from == "alice/projects/mnist/3"
    assert launch.retry == Retry(2)
    assert launch.mounts == (Mount("alice/datasets/digits/2", "digits"),)
    assert decode(encode(launch), Launch) == launch
    assert decode(encode(job), Job) == job


def test_a_text_is_no_list_of_its_letters() -> None:
    with pytest.raises(BadMessage, match=r"\$\.after"):
        from_dict({"project": "p", "command": "true", "after": "p/1"}, Launch)
    with pytest.raises(BadMessage, match=r"\$\.after\[1\]"):
        from_dict({"project": "p", "command": "true", "after": ["p/1", 2]}, Launch)
    assert from_dict({"project": "p", "command": "true", "after": ["p/1"]}, Launch).after == ("p/1",)
