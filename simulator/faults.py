"""Trouble drawn from a seed: on the wire between two parties, and in shuttles themselves."""

import random
from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class WireFaults:
    """How likely each message is lost, late or repeated, each from 0 to 1.

    A late message arrives after later ones: that is how messages get out of order.
    """

    lost: float = 0.0
    late: float = 0.0
    repeated: float = 0.0
    late_by_s: tuple[float, float] = (1.0, 20.0)
    back_after_s: tuple[float, float] = (5.0, 60.0)  # a receiver out of contact is back by then


NO_FAULTS = WireFaults()
BAD_WIRE = WireFaults(lost=0.02, late=0.02, repeated=0.02)


class Wire:
    """One direction between two parties: decides when each message arrives, if ever.

    Without faults messages arrive in the order in which they were sent.
    """

    def __init__(
        self,
        rng: random.Random,
        faults: WireFaults = NO_FAULTS,
        latency_s: tuple[float, float] = (0.02, 0.08),
    ) -> None:
        self._rng = rng
        self._faults = faults
        self._latency_s = latency_s
        self._last_s = 0.0

    def arrivals(self, now: float, *, retained: bool = False) -> list[float]:
        """When a message sent now arrives: once, twice, or not at all.

        One that the broker retains is there when its receiver comes back.
        """
        rng, faults = self._rng, self._faults
        if rng.random() < faults.lost:
            return [now + rng.uniform(*faults.back_after_s)] if retained else []
        at_s = now + rng.uniform(*self._latency_s)
        if rng.random() < faults.late:
            arrivals = [at_s + rng.uniform(*faults.late_by_s)]
        else:
            self._last_s = max(self._last_s, at_s)
            arrivals = [self._last_s]
        if rng.random() < faults.repeated:
            arrivals.append(arrivals[0] + rng.uniform(*faults.late_by_s))
        return arrivals


class MishapKind(StrEnum):
    SILENCE = "silence"  # the radio is off: nothing is sent or heard
    BREAKDOWN = "breakdown"  # a FATAL fault: stands where it is
    REBOOT = "reboot"  # the on-board agent starts again from what it kept


@dataclass(frozen=True, slots=True)
class Mishap:
    """Something happens to one shuttle, and is over after a while."""

    kind: MishapKind
    shuttle: int  # its number, from 0
    at_s: float
    lasts_s: float


def draw_mishaps(
    seed: int, shuttles: int, start_s: float, end_s: float, per_shuttle_hour: float = 0.02
) -> list[Mishap]:
    """Mishaps over a time of service, in order: so many per shuttle and hour on average."""
    rng = random.Random(f"{seed}/mishaps")
    mishaps = []
    for shuttle in range(shuttles):
        moment = start_s
        while True:
            moment += rng.expovariate(per_shuttle_hour / 3600.0)
            if moment >= end_s:
                break
            kind = rng.choice(list(MishapKind))
            lasts_s = rng.uniform(20.0, 60.0)
            if kind is not MishapKind.REBOOT:
                lasts_s = rng.uniform(60.0, 1200.0)
            mishaps.append(Mishap(kind, shuttle, moment, lasts_s))
            moment += lasts_s
    return sorted(mishaps, key=lambda mishap: (mishap.at_s, mishap.shuttle))
