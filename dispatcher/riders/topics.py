"""Where riders' messages go: ``ringmaster/v1/{zone}/rider/{rider}/…``."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from dispatcher.domain.ids import RiderId, TripId

ROOT: Final = "ringmaster/v1"

# A rider's id is the topic level the broker let the device write to: the sender's name is
# taken from there and from nowhere else.
RIDER_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_TRIP: Final = re.compile(r"[A-Za-z0-9_-]{1,64}/trip/[A-Za-z0-9_.:-]{1,64}")
_BELOW_REPLY: Final = re.compile(r"(/[A-Za-z0-9_.:-]{1,64}){0,4}")


class RiderTopic(StrEnum):
    """What a rider's device publishes."""

    REQUEST = "request"
    ANSWER = "answer"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True)
class RiderTopics:
    """The topics of one zone."""

    zone: str

    def filters(self) -> tuple[str, ...]:
        """What the dispatcher subscribes to."""
        return tuple(f"{ROOT}/{self.zone}/rider/+/{kind}" for kind in RiderTopic)

    def told(self) -> str:
        """Where the status documents of all trips are, our own."""
        return f"{ROOT}/{self.zone}/rider/+/trip/+"

    def is_told(self, topic: str) -> bool:
        """Whether a trip's status document belongs on this topic."""
        return _TRIP.fullmatch(topic.removeprefix(f"{ROOT}/{self.zone}/rider/")) is not None

    def incoming(self, rider_id: RiderId, kind: RiderTopic) -> str:
        return f"{self._of(rider_id)}/{kind}"

    def trip(self, rider_id: RiderId, trip_id: TripId) -> str:
        """Retained status document of one trip."""
        return f"{self._of(rider_id)}/trip/{trip_id}"

    def error(self, rider_id: RiderId) -> str:
        """Problem documents, not retained."""
        return f"{self._of(rider_id)}/error"

    def may_reply(self, rider_id: RiderId, topic: str) -> bool:
        """Whether the dispatcher answers this rider on this response topic.

        Only below the rider's own ``reply``: the dispatcher may publish anywhere, and must
        not do so on behalf of whoever asks. And only on a plain topic: a broker ends the
        connection of whoever publishes to one that it finds too deep or odd.
        """
        root = f"{self._of(rider_id)}/reply"
        return topic.startswith(root) and _BELOW_REPLY.fullmatch(topic[len(root) :]) is not None

    def read(self, topic: str) -> tuple[RiderId, RiderTopic] | None:
        """Who sent what, by the topic; None where it is not a topic riders send on."""
        prefix = f"{ROOT}/{self.zone}/rider/"
        rider, _, kind = topic.removeprefix(prefix).partition("/")
        if (
            not topic.startswith(prefix)
            or not RIDER_ID.fullmatch(rider)
            or kind not in frozenset(RiderTopic)
        ):
            return None
        return RiderId(rider), RiderTopic(kind)

    def _of(self, rider_id: RiderId) -> str:
        return f"{ROOT}/{self.zone}/rider/{rider_id}"
