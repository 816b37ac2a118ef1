"""How many messages are taken in per second, over all riders and of each."""

import math
from collections import OrderedDict
from typing import Final

MOST_SENDERS: Final = 10_000
# Whoever comes back after exactly the seconds that were named finds one, whatever the sums' error.
_ROUNDING: Final = 1e-9


class TokenBucket:
    """So many per second on average, with bursts of at most ``burst``; time is an argument."""

    def __init__(self, per_s: float, burst: int, now: float = 0.0) -> None:
        if not (per_s > 0 and burst >= 1):
            raise ValueError("a rate must be above zero and a burst at least one")
        self._per_s = per_s
        self._burst = float(burst)
        self._level = float(burst)
        self._at = now

    def take(self, now: float) -> int:
        """Take one: 0 if there was one, else the whole seconds after which there will be.

        ``now`` is seconds on any clock that does not run backwards.
        """
        wait_s = self.wait_s(now)
        if wait_s == 0.0:
            self._level -= 1.0
            return 0
        return max(1, math.ceil(wait_s))

    def give_back(self) -> None:
        """One that was taken came to nothing."""
        self._level = min(self._burst, self._level + 1.0)

    def wait_s(self, now: float) -> float:
        """Take none: the seconds after which there will be one, 0 if there is one now."""
        self._level = min(self._burst, self._level + max(0.0, now - self._at) * self._per_s)
        self._at = max(self._at, now)
        lacks = 1.0 - self._level
        return lacks / self._per_s if lacks > _ROUNDING else 0.0


class PerSender:
    """A bucket for each sender, so that one cannot use up what all share.

    Of more than ``MOST_SENDERS`` the one heard longest ago is forgotten, and begins anew.
    """

    def __init__(self, per_s: float, burst: int) -> None:
        self._per_s = per_s
        self._burst = burst
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def take(self, sender: str, now: float) -> int:
        """Take one for this sender; as ``TokenBucket.take``."""
        bucket = self._buckets.setdefault(sender, TokenBucket(self._per_s, self._burst, now))
        self._buckets.move_to_end(sender)
        if len(self._buckets) > MOST_SENDERS:
            self._buckets.popitem(last=False)
        return bucket.take(now)

    def give_back(self, sender: str) -> None:
        """What this sender took last came to nothing."""
        if sender in self._buckets:
            self._buckets[sender].give_back()
