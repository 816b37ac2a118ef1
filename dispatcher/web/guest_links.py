"""Links by which who has no login follows one trip.

A guest's rider id follows from the id that its device made for the request, so that asking again
is asking for the same trip; and a link's second half can only be made by who knows the zone's
secret. Nothing of this has to be remembered.
"""

import base64
import hashlib
import hmac
import re
from typing import Final

from dispatcher.domain.ids import RiderId, TripId

# 16 random bytes take 22 letters: whoever could guess a guest's id could ask for its trip again.
GUEST_REQUEST_ID: Final = r"^[A-Za-z0-9_-]{22,64}$"
_LINK: Final = re.compile(r"([A-Za-z0-9_-]{1,64})\.([A-Za-z0-9_-]{43})")


class GuestLinks:
    """``secret`` is the zone's own, 32 random bytes."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def rider_id(self, request_id: str) -> RiderId:
        """The rider that a guest is, who asks under this id."""
        return RiderId("g_" + self._mark("guest", request_id))

    def link(self, trip_id: TripId) -> str:
        return f"{trip_id}.{self._mark('link', trip_id)}"

    def trip_id(self, link: str) -> TripId | None:
        """The trip that the link is for; None unless it was made here."""
        found = _LINK.fullmatch(link)
        if found is None or not hmac.compare_digest(self._mark("link", found[1]), found[2]):
            return None
        return TripId(found[1])

    def _mark(self, what: str, name: str) -> str:
        mark = hmac.digest(self._secret, f"{what}/{name}".encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(mark).decode().rstrip("=")
