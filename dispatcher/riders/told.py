"""What the broker should hold for each trip, so that it can be told again and compared.

A broker may forget what it had confirmed, or keep what an earlier dispatcher sent late. The
newest status of every trip that is open or ended lately is therefore remembered here, until
its document is cleared.
"""

import json
from dataclasses import dataclass
from enum import StrEnum

from dispatcher.domain.trips import ENDS, TripStatus


class Held(StrEnum):
    """How a document at the broker compares with what was told."""

    SAME = "same"
    OLDER = "older"  # or no document of ours at all: the newest has to be sent again
    NEWER = "newer"  # another dispatcher has taken over
    LEFT_OVER = "left over"  # of a trip that ended and was cleared
    UNKNOWN = "unknown"  # of an open trip that nobody here knows


@dataclass(frozen=True, slots=True, order=True)
class Standing:
    """Orders documents of one trip: a later dispatcher's word counts, then the revision."""

    epoch: int
    revision: int


class ToldTrips:
    """The newest status by topic, and the topics that are to be told again, next one first."""

    def __init__(self) -> None:
        self._newest: dict[str, TripStatus] = {}
        self._again: dict[str, None] = {}

    def __len__(self) -> int:
        """Trips with a document at the broker."""
        return len(self._newest)

    @property
    def waiting(self) -> int:
        """Trips still to be told again."""
        return len(self._again)

    def note(self, topic: str, status: TripStatus) -> None:
        """This status is told now; what an earlier one said need not be told again."""
        self._newest[topic] = status
        self._again.pop(topic, None)

    def forget(self, topic: str) -> None:
        """The document is cleared."""
        self._newest.pop(topic, None)
        self._again.pop(topic, None)

    def want_all(self) -> None:
        """Have every trip told again: what changed last first, for that is most likely lost."""
        by_age = sorted(self._newest, key=lambda topic: self._newest[topic].at_s, reverse=True)
        self._again = dict.fromkeys(by_age)

    def want(self, topic: str) -> bool:
        """Have this trip told again; False where it will be already."""
        if topic in self._again:
            return False
        self._again[topic] = None
        return True

    def next_again(self) -> tuple[str, TripStatus] | None:
        """Take the next topic that is to be told again, with its newest status."""
        if not self._again:
            return None
        topic = next(iter(self._again))
        del self._again[topic]
        return topic, self._newest[topic]

    def compare(self, topic: str, body: bytes, epoch: int) -> Held:
        """Judge what the broker holds on ``topic``; ``epoch`` is this dispatcher's own."""
        status = self._newest.get(topic)
        if status is None:
            return _unasked(body)
        standing = read_standing(body)
        ours = Standing(epoch, status.revision)
        if standing is None or standing < ours:
            return Held.OLDER
        return Held.SAME if standing == ours else Held.NEWER


def read_standing(body: bytes) -> Standing | None:
    """The epoch and revision of a document; None if it is none of ours."""
    fields = _fields(body)
    epoch, revision = fields.get("epoch", 0), fields.get("revision")
    if type(epoch) is not int or type(revision) is not int:
        return None
    return Standing(epoch, revision)


def _unasked(body: bytes) -> Held:
    if not body:
        return Held.SAME  # nothing is told, and nothing is there
    return Held.LEFT_OVER if _fields(body).get("state") in ENDS else Held.UNKNOWN


def _fields(body: bytes) -> dict[str, object]:
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}
