"""Who may do what: one table. An operation that is not in it is not served at all."""

from collections.abc import Mapping
from typing import Final

from dispatcher.web.principals import Role

ANYONE: Final = frozenset[Role]()  # no login is asked for
_RIDERS: Final = frozenset({Role.RIDER})
# Who is logged in for something else may well want a ride.
_GUESTS: Final = frozenset({Role.GUEST, Role.RIDER, Role.OPERATOR, Role.DISPATCHER, Role.ADMIN})
_VIEW: Final = frozenset({Role.OPERATOR, Role.DISPATCHER, Role.ADMIN})
_ACT: Final = frozenset({Role.DISPATCHER, Role.ADMIN})
_ALL_LOGINS: Final = frozenset(Role) - {Role.GUEST}

# Pages hold nothing by themselves; who is logged in is not even looked at, so that they open with
# a login that has ended.
PAGES: Final = frozenset(
    {
        "frontPage",
        "ridePage",
        "ridePageFromStop",
        "ownTripsPage",
        "ownTripPage",
        "tripPage",
        "stopsPage",
        "consolePage",
        "staticFile",
    }
)
# Ready in memory, and many for one look at a page, so an address is not held to a rate of them.
READY_PAGES: Final = PAGES - {"stopsPage"}
# A browser is sent away to log in, and comes back: a login that has ended must not stop it.
LOGINS: Final = frozenset({"beginLogin", "endLogin"})
# By operation id. Riders see their own trips only, and shuttles themselves: the routes see to it.
ACCESS: Final[Mapping[str, frozenset[Role]]] = {
    "getOpenapi": ANYONE,
    "getZone": ANYONE,
    "listStops": ANYONE,
    "getStopCode": ANYONE,
    "getLogin": ANYONE,
    "devLogin": ANYONE,
    "beginSession": _ALL_LOGINS,
    "getSession": _ALL_LOGINS,
    "endSession": _ALL_LOGINS,
    **dict.fromkeys(PAGES | LOGINS, ANYONE),
    # Riders
    "quoteTrip": _GUESTS,
    "requestTrip": _RIDERS,
    "answerOffer": _RIDERS,
    "cancelTrip": _RIDERS,
    "listTrips": _RIDERS | _VIEW,
    "getTrip": _RIDERS | _VIEW,
    "followTrip": _RIDERS | _VIEW,
    # Guests: the link is what lets them in.
    "requestGuestTrip": _GUESTS,
    "getGuestTrip": _GUESTS,
    "answerGuestOffer": _GUESTS,
    "cancelGuestTrip": _GUESTS,
    "followGuestTrip": _GUESTS,
    # Operators
    "listShuttles": _VIEW | {Role.SERVICE},
    "getShuttle": _VIEW | {Role.SERVICE, Role.SHUTTLE},
    "listPlans": _VIEW | {Role.SERVICE},
    "getPlan": _VIEW | {Role.SERVICE, Role.SHUTTLE},
    "listPromises": _VIEW,
    "listAlerts": _VIEW | {Role.SERVICE},
    "listClosures": _VIEW | {Role.SERVICE, Role.RIDER},
    "getPlanPath": _VIEW,
    "listCommands": _VIEW,
    "whyTrip": _VIEW,
    "previewCommand": _ACT,
    "submitCommand": _ACT,
    "getFigures": _VIEW | {Role.SERVICE},
    "followZone": _VIEW,
    "getWhereabouts": _ACT,
    "listAudit": frozenset({Role.ADMIN}),
}


class UnguardedRouteError(Exception):
    """A route without a row in the table; the API does not start."""


def roles_for(operation: str, access: Mapping[str, frozenset[Role]] = ACCESS) -> frozenset[Role]:
    """Raises ``UnguardedRouteError`` where nobody has said who may do this."""
    try:
        return access[operation]
    except KeyError:
        raise UnguardedRouteError(f"{operation} has no row in the table of access") from None
