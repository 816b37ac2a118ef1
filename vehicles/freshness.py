"""Which of a vehicle's messages are news: lost, repeated, late and reordered ones told apart."""

from dataclasses import dataclass
from enum import StrEnum

from vehicles.messages import Header

SHORTEST_RUN_S = 5.0
PACE_ERROR_S = 2.0


class Staleness(StrEnum):
    """Why a message is not news."""

    REPEATED = "repeated"
    LATE = "late"  # sent before one that has arrived already
    CLOCK_OFF = "clock_off"  # its timestamp is too far from our time to mean anything


@dataclass(slots=True)
class Freshness:
    """Follows one topic of one vehicle.

    The vehicle's clock is not trusted: what counts is the order of its messages. A header
    id below the last one with a later timestamp is a vehicle that restarted. A timestamp
    before the last one is a late message, unless three follow each other closely by
    header id: then the vehicle's clock was set back and it is followed from there. Where
    the header ids begin anew as well, as after a restart with a clock that went back, they must
    also come at the pace at which they are stamped: a batch that was kept on the way does not.
    """

    max_clock_error_s: float
    _last: tuple[int, float] | None = None
    _doubtful: tuple[int, float] | None = None
    _doubts: int = 0
    _run_began: tuple[float, float] = (0.0, 0.0)  # stamp and arrival of the first doubtful one

    def judge(self, header: Header, now: float) -> Staleness | None:
        """None if the message is news; it then counts as the last one."""
        sent = header.timestamp.timestamp()
        if abs(sent - now) > self.max_clock_error_s:
            return Staleness.CLOCK_OFF
        stale = self._compare(header.header_id, sent, now)
        if stale is None:
            self._last, self._doubtful, self._doubts = (header.header_id, sent), None, 0
        return stale

    def _compare(self, header_id: int, sent: float, now: float) -> Staleness | None:
        if self._last is None:
            return None
        last_id, last_sent = self._last
        if sent > last_sent or (sent == last_sent and header_id > last_id):
            return None
        if sent == last_sent and header_id == last_id:
            return Staleness.REPEATED
        goes_on = self._clock_was_set_back(header_id, sent, now)
        if goes_on and (header_id > last_id or self._comes_at_its_pace(sent, now)):
            return None
        return Staleness.LATE

    def _clock_was_set_back(self, header_id: int, sent: float, now: float) -> bool:
        goes_on = (
            self._doubtful is not None
            and self._doubtful[0] < header_id <= self._doubtful[0] + 3
            and sent >= self._doubtful[1]
        )
        if not goes_on:
            self._doubts, self._run_began = 0, (sent, now)
        self._doubts += 1
        self._doubtful = (header_id, sent)
        return self._doubts >= 3

    def _comes_at_its_pace(self, sent: float, now: float) -> bool:
        """Whether the doubtful ones arrive as far apart as they were sent, over some time."""
        stamped_s, passed_s = sent - self._run_began[0], now - self._run_began[1]
        return passed_s >= SHORTEST_RUN_S and abs(stamped_s - passed_s) <= PACE_ERROR_S
