"""Which waiting job starts now, on which GPUs, and why each other one waits: a pure function, `plan`, with no I/O.

The rule
--------
Jobs stand in order: higher priority first, then the order they came in (or were moved to). One after the other gets
what it asks for if that is free, within the places of the host and the limits of its owner. So far nobody waits behind
a job that lacks something else; for GPUs that would starve the large ones, hence:

*Reservation.* The first job in order that finds too few GPUs has as many as it needs reserved: those that are free,
then those whose jobs must end soonest, by their max_runtime, then the others in the driver's order. It keeps them until
it starts, and only exchanges a held one for one that has come free. There is one reservation at a time; the next job
gets its own when it has come to be the first. A job that asks for more than jobs can have at present (a GPU fell off,
or is in use by other programs) reserves nothing: nobody knows until when it would.

*Backfill.* Later jobs may start before it, but on a reserved GPU only if they must have ended (max_runtime) before the
reserved start. That start is known where every job on the reserved GPUs must end; otherwise later jobs get only GPUs
that are not reserved. So a job with a reservation starts at the latest when the jobs that held its GPUs then have
ended, or at the reserved start once that is known, which does not become later; as long as nothing comes in before it.

*Sharing.* A job that says how much GPU memory it needs shares one GPU with others that do, never with one that has the
whole GPU, and never beyond the memory of it. It goes where the least is left over, so that whole GPUs stay free. Its
reservation is of one GPU, where enough memory comes free first.

*Limits of a person.* A job that would exceed them waits without a reservation, and so do later ones of that person that
want GPUs, if it was GPUs that were too many: a person's small jobs do not starve the large one either.

*Memory and cores.* A job that says how much it needs of the host's starts when that fits beside what running jobs have
said. The first in order that finds too little keeps later jobs from taking what it needs, and so does the one with the
reservation. Who says nothing neither waits for memory and cores nor counts.

The terms are those of Slurm's sched/backfill, with one reservation as in EASY backfill.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import inf


@dataclass(frozen=True, slots=True)
class Device:
    """A GPU with its memory in bytes, 0 where that is not known: then it is not shared. `taken` by other programs."""

    uuid: str
    memory: int = 0
    taken: bool = False


@dataclass(frozen=True, slots=True)
class Room:
    """Bytes of the host's memory, and cores; of a job what it says that it needs, 0 where it says nothing."""

    memory: int = 0
    cpus: float = 0.0

    def __add__(self, other: Room) -> Room:
        return Room(self.memory + other.memory, self.cpus + other.cpus)

    def fits(self, whole: Room, besides: Room) -> bool:
        """Whether there is as much of `whole` besides what is given; where nothing is asked for there always is."""
        memory = not self.memory or self.memory + besides.memory <= whole.memory
        # Tenths of cores do not add up exactly.
        return memory and (not self.cpus or self.cpus + besides.cpus <= whole.cpus + 1e-6)


NOTHING = Room()


@dataclass(frozen=True, slots=True)
class Waiting:
    """A job that waits. `share` is the GPU memory in bytes that it needs of one GPU, None where it wants whole ones.

    `turn` orders jobs of one priority, the smallest first; `after` names jobs that have to succeed before; `paused`
    says why else it is not to start yet. `seconds` is how long it holds its devices at most, inf where it may for ever.
    Of its `group` no more than `together` jobs are to run at once.
    """

    name: str
    owner: str
    gpus: int = 0
    share: int | None = None
    priority: int = 0
    turn: int = 0
    held: bool = False
    after: tuple[str, ...] = ()
    paused: str = ""
    seconds: float = inf
    room: Room = NOTHING
    group: str = ""
    together: int | None = None


@dataclass(frozen=True, slots=True)
class Running:
    """A job that has a place and `devices`; `ends_by` is when these come free at the latest, inf if nobody knows."""

    name: str
    owner: str
    devices: tuple[str, ...] = ()
    share: int | None = None
    ends_by: float = inf
    room: Room = NOTHING
    group: str = ""


@dataclass(frozen=True, slots=True)
class Rules:
    """How many jobs may run at once, and of one person: how many, on how many GPUs (a share counts as one).

    `room` is the host's.
    """

    places: int
    places_each: int | None = None
    gpus_each: int | None = None
    room: Room = Room(1 << 62, inf)


@dataclass(frozen=True, slots=True)
class Reservation:
    """The GPUs kept for a job, and when it starts at the latest, inf if nobody knows."""

    name: str
    devices: tuple[str, ...]
    starts_by: float = inf


@dataclass(frozen=True, slots=True)
class State:
    """All that decides: times are in the same seconds as `now`. `reserved` is what the plan before this one kept."""

    rules: Rules
    devices: tuple[Device, ...] = ()
    running: tuple[Running, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    reserved: Reservation | None = None
    now: float = 0.0


@dataclass(frozen=True, slots=True)
class Grant:
    """A job that may start now, on these GPUs (UUIDs)."""

    name: str
    devices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wait:
    """Why a job waits, in half a sentence, and its `position` in the line, from 1; None while it is held.

    `starts_by` is when it starts at the latest, where that is known.
    """

    reason: str
    position: int | None = None
    starts_by: float | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What starts now, how each other job waits, by name, and what is reserved for the next plan."""

    grants: tuple[Grant, ...] = ()
    waits: Mapping[str, Wait] = field(default_factory=dict)
    reserved: Reservation | None = None


def in_order(waiting: Iterable[Waiting]) -> list[Waiting]:
    """The line as it stands."""
    return sorted(waiting, key=lambda job: (-job.priority, job.turn))


def plan(state: State) -> Plan:
    """What starts now and why the rest waits, by the rule above."""
    planner = _Planner(state)
    grants: list[Grant] = []
    waits: dict[str, Wait] = {}
    position = 0
    for job in in_order(state.waiting):
        reason = planner.lacks(job)
        if reason is None:
            grants.append(Grant(job.name, planner.start(job)))
            continue
        position += not job.held
        waits[job.name] = Wait(reason, None if job.held else position, planner.latest_start(job))
    return Plan(tuple(grants), waits, planner.reserved)


class _Planner:
    """The tables of one plan: who holds what, also of those that this plan starts."""

    def __init__(self, state: State) -> None:
        self._rules, self._now, self._before = state.rules, state.now, state.reserved
        self._devices = state.devices
        self._places = state.rules.places - len(state.running)
        self._on: dict[str, list[Running]] = {device.uuid: [] for device in state.devices}
        self._jobs_of: defaultdict[str, int] = defaultdict(int)
        self._gpus_of: defaultdict[str, int] = defaultdict(int)
        self._of_group: defaultdict[str, int] = defaultdict(int)
        self._over_gpus: set[str] = set()
        # What those who run say that they need; and those who wait and keep others from taking it, one besides the
        # reservation's.
        self._given, self._kept, self._keeps = NOTHING, NOTHING, False
        self.reserved: Reservation | None = None
        # Why jobs that ask for the same lack it, as long as nothing is given: in a long line most ask alike.
        self._known: dict[tuple[int, int | None, float], str] = {}
        for running in state.running:
            self._seat(running)

    def lacks(self, job: Waiting) -> str | None:
        """Why the job cannot start now; None if it can. The first that lacks GPUs has them reserved."""
        if job.held:
            return "on hold"
        if job.after:
            return f"waits for {' and '.join(_short(name) for name in job.after)} to succeed"
        if job.paused:
            return job.paused
        if (limit := self._limit(job)) is not None:
            return limit
        if self._places <= 0:
            if self.reserved is None and self._before is not None and self._before.name == job.name:
                self.reserved = self._before
            return f"waits for a place: {self._rules.places} of {self._rules.places} jobs run"
        return self._lacks_room(job) or (self._lacks_gpus(job) if job.gpus else None)

    def start(self, job: Waiting) -> tuple[str, ...]:
        """Give the job what it asks for; returns its devices."""
        devices = self._choose(job)
        self._places -= 1
        self._seat(Running(job.name, job.owner, devices, job.share, self._now + job.seconds, job.room, job.group))
        return devices

    def latest_start(self, job: Waiting) -> float | None:
        """When the job starts at the latest, where that is known."""
        mine = self.reserved is not None and self.reserved.name == job.name
        return self.reserved.starts_by if self.reserved and mine and self.reserved.starts_by < inf else None

    def _seat(self, job: Running) -> None:
        self._known.clear()
        self._jobs_of[job.owner] += 1
        self._gpus_of[job.owner] += len(job.devices)
        self._of_group[job.group] += 1
        self._given += job.room
        for device in job.devices:
            # One that fell off the bus is still its job's, and nobody else's.
            self._on.setdefault(device, []).append(job)

    # Limits of a person and of a group

    def _limit(self, job: Waiting) -> str | None:
        rules = self._rules
        if job.together is not None and self._of_group[job.group] >= job.together:
            return f"waits for its group: {_count(job.together, 'job')} of it at once"
        if rules.places_each is not None and self._jobs_of[job.owner] >= rules.places_each:
            return f"waits for your own jobs: {_count(rules.places_each, 'job')} at once is your limit here"
        if not job.gpus or rules.gpus_each is None:
            return None
        if job.owner in self._over_gpus or self._gpus_of[job.owner] + job.gpus > rules.gpus_each:
            self._over_gpus.add(job.owner)
            return f"waits for your own jobs: {_count(rules.gpus_each, 'GPU')} at once is your limit here"
        return None

    # Memory and cores

    def _lacks_room(self, job: Waiting) -> str | None:
        """Why the job finds too little memory or cores; the first of which that is said keeps others from taking it."""
        whole, given = self._rules.room, self._given
        if job.room.fits(whole, given + self._kept):
            return None
        wanted = _room_words(job.room, job.room, " of memory")
        if not job.room.fits(whole, NOTHING):
            return f"waits for {wanted}, the host has {_room_words(job.room, whole)}"
        if not self._keeps:
            self._keeps = True
            self._kept += job.room
        free = Room(max(0, whole.memory - given.memory), max(0.0, whole.cpus - given.cpus))
        also = " but kept for a job before it" if job.room.fits(whole, given) else ""
        return f"waits for {wanted}, {_room_words(job.room, free)} free{also}"

    # GPUs

    def _choose(self, job: Waiting) -> tuple[str, ...]:
        """The devices for the job, none where there are not enough."""
        ready = [device for device in self._devices if self._ready(device, job) and self._may_use(device, job)]
        if len(ready) < job.gpus:
            return ()
        if job.share is not None:
            ready.sort(key=lambda device: (not self._on[device.uuid], self._room(device)))
        return tuple(device.uuid for device in ready[: job.gpus])

    def _may_use(self, device: Device, job: Waiting) -> bool:
        """Whether the reservation of another job, if there is one, leaves the device to this one."""
        kept = self.reserved
        if kept is None or device.uuid not in kept.devices:
            return True
        return kept.starts_by < inf and self._now + job.seconds <= kept.starts_by

    def _ready(self, device: Device, job: Waiting) -> bool:
        return self._usable(device, job) and self._free(device, job)

    def _free(self, device: Device, job: Waiting) -> bool:
        return not self._on[device.uuid] if job.share is None else self._room(device) >= job.share

    def _usable(self, device: Device, job: Waiting) -> bool:
        """Whether jobs can have the device at present, once it is free."""
        return not device.taken and (job.share is None or job.share <= device.memory)

    def _room(self, device: Device) -> int:
        """Bytes of the device that are not promised; all or nothing where it is held as a whole."""
        holders = self._on[device.uuid]
        return (
            0 if any(one.share is None for one in holders) else device.memory - sum(one.share or 0 for one in holders)
        )

    def _free_at(self, device: Device, job: Waiting) -> float:
        """When the device comes free for the job at the latest: now, where one that was to have ended is late."""
        if self._free(device, job):
            return self._now
        room = self._room(device)
        for holder in sorted(self._on[device.uuid], key=lambda one: one.ends_by):
            room += holder.share or device.memory
            if job.share is not None and room >= job.share:
                return max(self._now, holder.ends_by)
        return max(self._now, *(holder.ends_by for holder in self._on[device.uuid]))

    def _reserve(self, job: Waiting) -> None:
        before = self._before
        kept = before.devices if before is not None and before.name == job.name else ()
        found = [(self._free_at(device, job), device) for device in self._devices if self._usable(device, job)]
        found.sort(key=lambda one: (not self._free(one[1], job), one[1].uuid not in kept, one[0], -self._room(one[1])))
        chosen = found[: job.gpus]
        self.reserved = Reservation(job.name, tuple(device.uuid for _, device in chosen), max(at for at, _ in chosen))
        # Its owner's limits have room for it, too, once its devices are free, and so has the host.
        self._kept += job.room
        self._jobs_of[job.owner] += 1
        self._gpus_of[job.owner] += job.gpus

    def _lacks_gpus(self, job: Waiting) -> str | None:
        key = (job.gpus, job.share, job.seconds)
        if key in self._known:
            return self._known[key]
        if self._choose(job):
            return None
        before = self.reserved
        reason = self._why(job)
        if self.reserved is before:
            self._known[key] = reason
        else:
            self._known.clear()
        return reason

    def _why(self, job: Waiting) -> str:
        """Why no GPUs are to be had for the job; the first one of which that is said has them reserved."""
        usable = sum(self._usable(device, job) for device in self._devices)
        wanted = _wanted(job)
        taken = sum(device.taken for device in self._devices)
        others = f", {taken} in use by other programs" if taken else ""
        if usable < job.gpus:
            return f"waits for {wanted}, the host has {usable}{others}"
        ready = sum(self._ready(device, job) for device in self._devices)
        if ready >= job.gpus:
            return f"waits for {wanted}, {ready} free but reserved for a job before it"
        if self.reserved is None:
            self._reserve(job)
        if job.share is not None:
            most = max(self._room(device) for device in self._devices if self._usable(device, job))
            return f"waits for {wanted}, {_gib(most)} free{others}"
        return f"waits for {wanted}, {ready} free{others}"


def _wanted(job: Waiting) -> str:
    return _count(job.gpus, "GPU") if job.share is None else f"{_gib(job.share)} of a GPU"


def _room_words(asked: Room, amount: Room, of: str = "") -> str:
    """What `amount` has of each thing that is `asked` for."""
    memory = [f"{_gib(amount.memory)}{of}"] if asked.memory else []
    return " and ".join(memory + ([f"{amount.cpus:g} CPUs"] if asked.cpus else []))


def _gib(size: int) -> str:
    return f"{size / 2**30:.1f}".removesuffix(".0") + " GiB"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _short(name: str) -> str:
    """``project/3`` of a job's full name."""
    _, _, project, number = name.split("/")
    return f"{project}/{number}"
