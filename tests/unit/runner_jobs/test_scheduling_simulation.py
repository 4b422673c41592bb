"""10,000 random jobs through the scheduler by the clock of a simulation, with all that befalls a host in between.

Each plan is checked against the rule as it is written down, in terms of its own: nothing is given twice, nobody goes
over a limit, whatever could start under the rule does, a reservation is honoured, and at the end all have had a turn.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field, replace
from math import inf

import pytest

from runner.scheduling import (
    NOTHING,
    Device,
    Grant,
    Plan,
    Reservation,
    Room,
    Rules,
    Running,
    State,
    Waiting,
    in_order,
    plan,
)

GIB = 1 << 30
HOSTS = 20
JOBS = 500
PEOPLE = ("ada", "bob", "eve")


@dataclass
class Promise:
    """A reservation when it was made, by when its job is to start, and whether something undid it since."""

    name: str
    until: float
    known: bool = False
    off: bool = False


@dataclass
class Host:
    """One simulated host: the state that plans are made of, and what only the simulation knows: true run times."""

    dice: random.Random
    state: State
    ends: dict[str, float] = field(default_factory=dict)
    times: dict[str, float] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)
    started: list[str] = field(default_factory=list)
    promise: Promise | None = None
    kept: int = 0
    backfilled: int = 0

    def go_on(self) -> None:
        """Plan once, check it, and let it come true."""
        before, found = self.state, plan(self.state)
        check_given(before, found)
        check_nothing_idles(before, found)
        for grant in found.grants:
            self._start(grant, found)
        left = tuple(job for job in before.waiting if job.name in found.waits)
        self.state = replace(self.state, waiting=left, reserved=found.reserved)
        self._note(found.reserved)

    def _start(self, grant: Grant, found: Plan) -> None:
        job = next(one for one in self.state.waiting if one.name == grant.name)
        now = self.state.now
        self.ends[job.name] = now + self.times[job.name]
        running = Running(job.name, job.owner, grant.devices, job.share, now + job.seconds, job.room)
        self.state = replace(self.state, running=(*self.state.running, running))
        self.started.append(job.name)
        kept = found.reserved
        self.backfilled += kept is not None and bool(set(grant.devices) & set(kept.devices))
        if self.promise is None:
            return
        if job.name == self.promise.name:
            assert self.promise.off or now <= self.promise.until, f"{job.name} started late"
            self.kept += not self.promise.off
            self.promise = None
        elif self._before(job):
            self.promise.off = True

    def _before(self, job: Waiting) -> bool:
        """Whether `job` stood before the one with the promise: that one is not held up by those behind it."""
        assert self.promise is not None
        line = [one.name for one in in_order(self.state.waiting)]
        return line.index(job.name) < line.index(self.promise.name)

    def _note(self, kept: Reservation | None) -> None:
        """A new reservation is a promise: its GPUs come free when those that hold them now have ended.

        Once it is known when these must have ended, that is the promise, and does not become later.
        """
        if kept is None:
            return
        if self.promise is None or self.promise.name != kept.name:
            holders = [one for one in self.state.running if set(one.devices) & set(kept.devices)]
            self.promise = Promise(kept.name, max(self.ends[one.name] for one in holders))
        if kept.starts_by < inf:
            assert self.promise.off or not self.promise.known or kept.starts_by <= self.promise.until
            self.promise.until, self.promise.known = kept.starts_by, True

    def disturb(self) -> None:
        """Something that the scheduler cannot foresee: promises of before do not hold any more."""
        if self.promise is not None:
            self.promise.off = True

    def end_next(self) -> None:
        """The clock goes to the next end of a job."""
        name = min((one.name for one in self.state.running), key=self.ends.__getitem__)
        self.done.add(name)
        still = tuple(one for one in self.state.running if one.name != name)
        waiting = tuple(
            replace(job, after=tuple(other for other in job.after if other != name)) for job in self.state.waiting
        )
        self.state = replace(self.state, running=still, waiting=waiting, now=self.ends[name])


def check_given(state: State, found: Plan) -> None:
    """Nothing twice, no more than there is, nothing that is not to start, and no limit exceeded."""
    waiting = {job.name: job for job in state.waiting}
    known = {device.uuid: device for device in state.devices}
    seats = [(one.owner, one.devices, one.share) for one in state.running]
    for grant in found.grants:
        job = waiting[grant.name]
        assert not job.held
        assert not job.after
        assert len(grant.devices) == len(set(grant.devices)) == job.gpus
        assert not any(known[uuid].taken for uuid in grant.devices)
        seats.append((job.owner, grant.devices, job.share))
    assert set(waiting) == {grant.name for grant in found.grants} | set(found.waits)
    for device in state.devices:
        on = [share for _, devices, share in seats if device.uuid in devices]
        assert on == [None] or None not in on
        assert sum(share or 0 for share in on) <= device.memory
    rules = state.rules
    said = [one.room for one in state.running] + [waiting[grant.name].room for grant in found.grants]
    assert sum(one.memory for one in said) <= rules.room.memory
    assert sum(one.cpus for one in said) <= rules.room.cpus
    assert len(seats) <= rules.places
    for owner, jobs in Counter(owner for owner, _, _ in seats).items():
        gpus = sum(len(devices) for one, devices, _ in seats if one == owner)
        assert rules.places_each is None or jobs <= rules.places_each
        assert rules.gpus_each is None or gpus <= rules.gpus_each


def check_nothing_idles(state: State, found: Plan) -> None:
    """No waiting job could have started under the rule, looked at one by one with what those before it have left."""
    granted = {grant.name: grant.devices for grant in found.grants}
    running, rules = [*state.running], state.rules
    jobs, gpus = Counter(one.owner for one in running), Counter[str]()
    for one in running:
        gpus[one.owner] += len(one.devices)
    room, keeps = sum((one.room for one in running), NOTHING), False
    stopped: set[str] = set()
    kept: Reservation | None = None
    for job in in_order(state.waiting):
        if job.name in granted:
            running.append(Running(job.name, job.owner, granted[job.name], job.share))
            room += job.room
            jobs[job.owner] += 1
            gpus[job.owner] += job.gpus
            continue
        if len(running) >= rules.places:
            return
        if job.held or job.after:
            continue
        over = rules.gpus_each is not None and job.gpus > 0 and gpus[job.owner] + job.gpus > rules.gpus_each
        full = rules.places_each is not None and jobs[job.owner] >= rules.places_each
        if over and not full:
            stopped.add(job.owner)
        if full or over or (job.gpus and job.owner in stopped):
            continue
        if not job.room.fits(rules.room, room):
            room = room if keeps else room + job.room
            keeps = True
            continue
        free = [device.uuid for device in state.devices if could_take(job, device, running)]
        if kept is not None and not over_in_time(job, kept, state.now):
            free = [uuid for uuid in free if uuid not in kept.devices]
        assert len(free) < job.gpus, f"{job} waits beside {free}: {found.waits[job.name].reason}"
        if found.reserved is not None and job.name == found.reserved.name:
            kept = found.reserved
            room += job.room
            jobs[job.owner] += 1
            gpus[job.owner] += job.gpus


def over_in_time(job: Waiting, kept: Reservation, now: float) -> bool:
    """Whether the job must have ended when the reserved one starts."""
    return kept.starts_by < inf and now + job.seconds <= kept.starts_by


def could_take(job: Waiting, device: Device, running: list[Running]) -> bool:
    """Whether the device has room for the job."""
    on = [one.share for one in running if device.uuid in one.devices]
    if device.taken or job.share is None:
        return not device.taken and not on
    return None not in on and sum(share or 0 for share in on) + job.share <= device.memory


def make_host(seed: int) -> Host:
    dice = random.Random(seed)
    sizes = [dice.choice((16, 40, 80)) * GIB for _ in range(dice.choice((1, 2, 4, 8)))]
    devices = tuple(Device(f"gpu{number}", size) for number, size in enumerate(sizes))
    whole = Room(dice.choice((64, 256)) * GIB, dice.choice((8, 32)))
    rules = Rules(dice.choice((4, 8, 16)), dice.choice((None, 3, 6)), dice.choice((None, len(devices))), whole)
    return Host(dice, State(rules, devices))


def make_job(host: Host, number: int) -> Waiting:
    dice, devices = host.dice, host.state.devices
    share = dice.choice((4, 8, 12, 16)) * GIB if dice.random() < 0.3 else None
    gpus = 1 if share else dice.choice((0, 0, 1, 1, 1, 2, len(devices)))
    name = f"x/projects/p/{number}"
    host.times[name] = dice.expovariate(1 / 60) + 0.1
    # A limit is what it must have ended by; most jobs end well before, and many set none.
    limit = host.times[name] * dice.uniform(1, 3) if dice.random() < 0.5 else inf
    earlier = [one.name for one in host.state.waiting] if dice.random() < 0.05 else []
    after = (dice.choice(earlier),) if earlier else ()
    whole = host.state.rules.room
    room = (
        Room(dice.choice((0, 4, 16, 48)) * GIB, dice.choice((0, 1, 6, whole.cpus))) if dice.random() < 0.3 else NOTHING
    )
    return Waiting(
        name, dice.choice(PEOPLE), min(gpus, len(devices)), share, dice.choice((0,) * 8 + (-1, 1)), number,
        dice.random() < 0.03, after, seconds=limit, room=room,
    )  # fmt: skip


def befall(host: Host) -> None:
    """What people and fate do: hold, release, move, another program on a GPU, a GPU that falls off and is back."""
    dice, state = host.dice, host.state
    if not state.waiting or dice.random() > 0.1:
        return
    host.disturb()
    one = dice.choice(state.waiting)
    changed = dice.choice((replace(one, held=not one.held), replace(one, turn=-len(host.started) - 1)))
    waiting = tuple(changed if job.name == one.name else job for job in state.waiting)
    devices = tuple(replace(device, taken=dice.random() < 0.1) for device in state.devices)
    host.state = replace(state, waiting=waiting, devices=devices if dice.random() < 0.3 else state.devices)


@pytest.mark.parametrize("seed", range(HOSTS))
def test_everybody_has_a_turn_and_the_rule_holds_at_every_step(seed: int) -> None:
    host = make_host(seed)
    calm = seed % 2 == 0
    for number in range(JOBS):
        host.state = replace(host.state, waiting=(*host.state.waiting, make_job(host, number)))
        host.go_on()
        if not calm:
            befall(host)
        while host.state.running and len(host.state.waiting) > host.dice.randrange(1, 40):
            host.end_next()
            host.go_on()
    # Nobody comes any more: what was held is released, other programs leave, and all run to their ends.
    host.disturb()
    devices = tuple(replace(device, taken=False) for device in host.state.devices)
    waiting = tuple(replace(job, held=False) for job in host.state.waiting)
    host.state = replace(host.state, devices=devices, waiting=waiting)
    host.go_on()
    while host.state.running:
        host.end_next()
        host.go_on()
    assert not host.state.waiting
    assert len(host.started) == len(host.done) == JOBS


def test_the_simulation_meets_what_it_is_about() -> None:
    """Reservations that are kept, and jobs that are backfilled onto reserved GPUs, happen often."""
    host = make_host(4)
    for number in range(JOBS):
        host.state = replace(host.state, waiting=(*host.state.waiting, make_job(host, number)))
        host.go_on()
        while host.state.running and len(host.state.waiting) > 10:
            host.end_next()
            host.go_on()
    assert host.kept > 20
    assert host.backfilled > 5
