"""Who asks, and what they are."""

import base64
import hashlib
from dataclasses import dataclass
from enum import StrEnum

from dispatcher.domain.ids import OperatorId, RiderId, ShuttleId
from dispatcher.riders.messages import ID_PATTERN
from dispatcher.riders.topics import RIDER_ID


class Role(StrEnum):
    GUEST = "guest"  # without a login, where the zone allows it
    RIDER = "rider"  # own trips only
    OPERATOR = "operator"  # sees everything but where riders are
    DISPATCHER = "dispatcher"  # an operator who may act
    ADMIN = "admin"
    SHUTTLE = "shuttle"  # itself only
    SERVICE = "service"  # another program; figures and plans, no riders


class Means(StrEnum):
    """How somebody showed who they are."""

    NONE = "none"
    TOKEN = "token"
    COOKIE = "cookie"
    API_KEY = "api_key"


@dataclass(frozen=True, slots=True)
class Principal:
    """``expires_s`` is the machine's UTC seconds from which on this is not believed any more.

    ``session`` names the session of a page, without being its secret; empty for others.
    """

    id: str
    roles: frozenset[Role]
    means: Means
    expires_s: float = float("inf")
    session: str = ""

    def is_any(self, *roles: Role) -> bool:
        return not self.roles.isdisjoint(roles)

    @property
    def rider_id(self) -> RiderId:
        """The rider that this is in the journal, the same as over MQTT where the id allows it."""
        return RiderId(self.id if RIDER_ID.fullmatch(self.id) else self._digest())

    @property
    def operator_id(self) -> OperatorId:
        """Who it is that commands, in the journal."""
        return OperatorId(self.id if ID_PATTERN.fullmatch(self.id) else self._digest())

    @property
    def shuttle_id(self) -> ShuttleId:
        return ShuttleId(self.id)

    def _digest(self) -> str:
        """Of an id that the journal does not take."""
        digest = hashlib.sha256(self.id.encode()).digest()
        return "s_" + base64.urlsafe_b64encode(digest).decode().rstrip("=")


NOBODY = Principal("", frozenset(), Means.NONE)
GUEST = Principal("", frozenset({Role.GUEST}), Means.NONE)
