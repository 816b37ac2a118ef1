"""What the dispatcher is not told: how drives and boardings stray from what is planned.

Each leg's time is multiplied by a lognormal factor with median 1, the law that travel times on
streets are often found to follow [1]_: mostly a little sooner or later, sometimes much later. The
same holds for steps at the door and for the ramp; standing times at bus stops have a coefficient
of variation of 40 to 80 %, 60 % where nothing else is known [2]_. On top of that all drives follow
the traffic of the hour. Everything is drawn from the shuttle's seeded stream of chance.

References
----------
.. [1] Mazloumi, Currie and Rose (2010), J. Transp. Eng. 136, 623-631.
.. [2] Transit Capacity and Quality of Service Manual, 3rd ed. (2013), TCRP 165, chapter 6.
"""

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

_FARTHEST_SIGMA = 3.0  # beyond that it is a breakdown, which has its own scenario

_EVEN: Final = (1.0,) * 24


@dataclass(frozen=True, slots=True)
class Noise:
    """Standard deviations of the logarithm, and how slow each local hour is."""

    drive_sigma: float = 0.0  # of a leg's time
    door_sigma: float = 0.0  # of a party's steps
    ramp_sigma: float = 0.0  # of the ramp
    traffic: Sequence[float] = _EVEN  # factor of all drives by local hour, from midnight

    def drive_factor(self, rng: random.Random, at_s: float, timezone: str) -> float:
        """How much longer than by the street's speeds a leg takes that begins then."""
        hour = datetime.fromtimestamp(at_s, ZoneInfo(timezone)).hour
        return self.traffic[hour] * _lognormal(rng, self.drive_sigma)

    def passage_s(self, rng: random.Random, steps_s: float, ramps_s: float) -> float:
        """How long a party takes through the door that usually takes so long."""
        return steps_s * _lognormal(rng, self.door_sigma) + ramps_s * _lognormal(
            rng, self.ramp_sigma
        )


def _lognormal(rng: random.Random, sigma: float) -> float:
    if sigma <= 0.0:
        return 1.0
    drawn = max(-_FARTHEST_SIGMA, min(_FARTHEST_SIGMA, rng.gauss(0.0, 1.0)))
    return math.exp(sigma * drawn)


def _day(*, night: float, morning: float, daytime: float, evening: float) -> tuple[float, ...]:
    """Traffic by hour; the morning's peak is from 7 to 10, the evening's from 17 to 20."""
    return (
        *(night,) * 7,
        *(morning,) * 3,
        *(daytime,) * 7,
        *(evening,) * 3,
        *(night,) * 4,
    )


NOISES: Final[Mapping[str, Noise]] = {
    "calm": Noise(),
    # A ring without private cars: bicycles, people crossing, doors held open.
    "usual": Noise(0.12, 0.4, 0.35, _day(night=1.0, morning=1.05, daytime=1.0, evening=1.08)),
    # Works, rain and crowds: a fifth of all legs take a fifth longer, and the peaks are slow.
    "rough": Noise(0.25, 0.6, 0.5, _day(night=1.0, morning=1.15, daytime=1.05, evening=1.25)),
}
"""Named levels for scenarios and ``--noise``; each has the chassis' own 5 % on top."""
