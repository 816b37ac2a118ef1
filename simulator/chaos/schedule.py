"""Which faults come in which order, drawn from a seed. Nothing else decides it."""

import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

FULL_MINUTES: Final = 10.0


class Fault(StrEnum):
    """What goes wrong. The first four are those of which a run must hold so many."""

    DISPATCHER_KILL = "dispatcher kill"
    STORE_KILL = "redis kill"
    BROKER_KILL = "mosquitto kill"
    POWER_LOSS = "power loss"
    DISPATCHER_PAUSE = "dispatcher stopped for a while"
    STORE_PAUSE = "redis stopped for a while"
    BROKER_PAUSE = "mosquitto stopped for a while"
    SHUTTLES_KILL = "shuttles kill"
    SHUTTLES_PAUSE = "shuttles stopped for a while"
    RIDERS_PAUSE = "riders stopped for a while"
    CUT = "connections cut"
    DELAY = "network delay"
    STALL = "network stall in one direction"
    HALF_OPEN = "network stall in both"
    THROTTLE = "network throttled"
    REFUSE = "connections refused"


NETWORK: Final = frozenset(
    {Fault.CUT, Fault.DELAY, Fault.STALL, Fault.HALF_OPEN, Fault.THROTTLE, Fault.REFUSE}
)
LINKS: Final = ("dispatcher-broker", "dispatcher-store", "shuttles-broker", "riders-broker")

# Of each in ten minutes. Those of the first table are measured, one at a time.
_ALONE: Final = {Fault.DISPATCHER_KILL: 24, Fault.BROKER_KILL: 11, Fault.DISPATCHER_PAUSE: 6}
_OTHERS: Final = {
    Fault.STORE_KILL: 11,
    Fault.BROKER_KILL: 1,
    Fault.POWER_LOSS: 17,
    Fault.STORE_PAUSE: 4,
    Fault.BROKER_PAUSE: 3,
    Fault.SHUTTLES_KILL: 3,
    Fault.SHUTTLES_PAUSE: 2,
    Fault.RIDERS_PAUSE: 2,
}
# A dispatcher that dies together with something else.
_PAIRED: Final = {Fault.STORE_KILL: 4, Fault.BROKER_KILL: 3, Fault.POWER_LOSS: 3}
# Also the shortest run has one of each of these.
_ALWAYS: Final = frozenset(
    {Fault.DISPATCHER_KILL, Fault.BROKER_KILL, Fault.STORE_KILL, Fault.POWER_LOSS}
)
_NETWORK: Final = {
    Fault.CUT: 8,
    Fault.DELAY: 4,
    Fault.STALL: 6,
    Fault.HALF_OPEN: 3,
    Fault.THROTTLE: 3,
    Fault.REFUSE: 4,
}
_LASTS_S: Final[Mapping[Fault, tuple[float, float]]] = {
    # How long a server is down, or a process stands still. A stopped dispatcher outlasts its
    # lease, a stopped store may.
    Fault.STORE_KILL: (0.0, 2.0),
    Fault.BROKER_KILL: (0.0, 2.0),
    Fault.DISPATCHER_PAUSE: (9.0, 11.0),
    Fault.STORE_PAUSE: (1.0, 8.0),
    Fault.BROKER_PAUSE: (1.0, 4.0),
    Fault.SHUTTLES_PAUSE: (1.0, 3.0),
    Fault.RIDERS_PAUSE: (1.0, 3.0),
    Fault.DELAY: (3.0, 6.0),
    Fault.STALL: (1.0, 6.0),
    Fault.HALF_OPEN: (1.0, 6.0),
    Fault.THROTTLE: (2.0, 4.0),
    Fault.REFUSE: (1.0, 4.0),
}


@dataclass(frozen=True, slots=True)
class Step:
    """One fault, and what comes on top of it.

    ``measured``: nothing else goes wrong until it is over. ``standby``: a second dispatcher is
    there. ``lasts_s`` and ``then_s`` (a pause before the next step) are real seconds.
    """

    fault: Fault
    lasts_s: float
    then_s: float
    measured: bool = False
    standby: bool = False
    also: Fault | None = None
    network: "NetworkFault | None" = None
    rewrite: bool = False


@dataclass(frozen=True, slots=True)
class NetworkFault:
    """``strength``: seconds of delay, or bytes a second. ``to_server`` says which way stalls."""

    fault: Fault
    link: str
    lasts_s: float
    to_server: bool
    strength: float


def draw_schedule(seed: int, minutes: float, *, standby: bool) -> tuple[Step, ...]:
    """The steps of a run: as many as the tables say for each ten minutes.

    The last two fifths have a second dispatcher standing by, unless there is to be none.
    """
    rng = random.Random(f"chaos/{seed}")
    scale = minutes / FULL_MINUTES
    steps = [
        *_some(_ALONE, scale, rng, measured=True, always=True),
        *_some(_OTHERS, scale, rng, always=True),
        *(
            replace(step, fault=Fault.DISPATCHER_KILL, also=step.fault)
            for step in _some(_PAIRED, scale, rng)
        ),
    ]
    rng.shuffle(steps)
    from_standby = round(0.6 * len(steps)) if standby else len(steps)
    steps = _with_network(steps, scale, rng)
    # Only with somebody to take over is a stopped dispatcher's successor measured.
    late = [step for step in steps if step.fault is Fault.DISPATCHER_PAUSE and standby]
    rest = [step for step in steps if step not in late]
    first, second = rest[: from_standby - len(late)], rest[from_standby - len(late) :]
    second += late
    rng.shuffle(second)
    return (
        *(replace(step, measured=step.measured and _can_be_measured(step)) for step in first),
        *(replace(step, standby=True) for step in second),
    )


def _can_be_measured(step: Step) -> bool:
    return step.fault is not Fault.DISPATCHER_PAUSE


def _some(
    numbers: Mapping[Fault, int],
    scale: float,
    rng: random.Random,
    *,
    measured: bool = False,
    always: bool = False,
) -> Iterator[Step]:
    for fault, in_full in numbers.items():
        for _ in range(_number(in_full * scale, rng, up=always and fault in _ALWAYS)):
            yield Step(
                fault,
                lasts_s=_drawn(_LASTS_S.get(fault, (0.0, 0.0)), rng),
                then_s=rng.uniform(0.2, 1.2) if measured else rng.uniform(0.3, 3.0),
                measured=measured,
                rewrite=fault is Fault.POWER_LOSS and rng.random() < 0.25,
            )


def _number(wanted: float, rng: random.Random, *, up: bool) -> int:
    """Up to the next whole number, or up or down by chance: on average as many as wanted."""
    return math.ceil(wanted) if up else math.floor(wanted + rng.random())


def _with_network(steps: list[Step], scale: float, rng: random.Random) -> list[Step]:
    """Faults of the network lie over steps that nobody measures."""
    faults = [
        NetworkFault(
            fault,
            rng.choice(LINKS),
            _drawn(_LASTS_S.get(fault, (0.0, 0.0)), rng),
            to_server=rng.random() < 0.5,
            strength=rng.uniform(20_000, 60_000)
            if fault is Fault.THROTTLE
            else rng.uniform(0.05, 0.4),
        )
        for fault, in_full in _NETWORK.items()
        for _ in range(_number(in_full * scale, rng, up=False))
    ]
    free = [number for number, step in enumerate(steps) if not step.measured]
    rng.shuffle(free)
    steps = list(steps)
    for number, fault in zip(free, faults, strict=False):
        steps[number] = replace(steps[number], network=fault)
    left = faults[len(free) :]
    # In a short run there are more of these than steps to lie over: they stand alone.
    steps += [Step(f.fault, f.lasts_s, rng.uniform(0.3, 3.0), network=f) for f in left]
    return steps


def _drawn(between: tuple[float, float], rng: random.Random) -> float:
    return rng.uniform(*between)
