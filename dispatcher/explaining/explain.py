"""From a recorded journal and a trip's name to the explanation of every decision about it."""

from collections.abc import Sequence

from dispatcher.codec import EventRecord, decode_payload
from dispatcher.domain.events import RequestSubmitted
from dispatcher.domain.ids import TripId
from dispatcher.domain.trips import RideRequest
from dispatcher.engine import Site
from dispatcher.explaining.explanation import Explanation, ExplanationError, UnknownTripError
from dispatcher.explaining.recorded import watch_records
from dispatcher.explaining.stop_names import stop_names
from dispatcher.explaining.story import TripStory
from dispatcher.journal import Record, Snapshot


def explain_request(
    site: Site, records: Sequence[Record], name: str, base: Snapshot | None = None
) -> Explanation:
    """Why a request was answered as it was, and all that became of the trip.

    ``name`` is a trip id, a request id, or ``rider/request`` where riders share request ids.
    The journal is decided again under ``site``, which must be the one it was recorded under;
    every choice is worked out a second time, shuttle by shuttle, and must come out the same.
    With a ``base`` the records are those after it, and the request among them.

    Raises
    ------
    UnknownTripError
        There is no such trip in the journal, or several.
    DisagreementError
        What was worked out is not what was decided; there is no explanation to be trusted.
    CodecError
        A record is not an event of this version.
    """
    request = find_recorded(records, name)
    story, checked = watch_records(site, records, lambda: TripStory(request.trip_id), base)
    if not story.steps:
        raise ExplanationError(
            f"the request of trip {request.trip_id} was set aside: nothing was decided about it"
        )
    return Explanation(
        zone_id=site.zone.id,
        timezone=site.zone.timezone,
        request=request,
        offers=story.offers,
        refusal=story.refusal,
        steps=tuple(story.steps),
        checked=checked,
        stop_names=stop_names(site.zone),
    )


def asks_for(record: Record, trip_id: TripId) -> bool:
    """Whether this record is the request of the trip."""
    if b'"RequestSubmitted"' not in record.payload:
        return False
    payload = decode_payload(record.payload)
    return (
        isinstance(payload, EventRecord)
        and isinstance(payload.event, RequestSubmitted)
        and payload.event.request.trip_id == trip_id
    )


def find_recorded(records: Sequence[Record], name: str) -> RideRequest:
    """The request that was recorded under this name. Raises as ``explain_request``.

    A rider's device may have sent it again, perhaps as another trip: the first one counts.
    """
    firsts: dict[tuple[str, str], RideRequest] = {}
    found: dict[tuple[str, str], RideRequest] = {}
    for record in records:
        if b'"RequestSubmitted"' not in record.payload:
            continue
        payload = decode_payload(record.payload)
        if not isinstance(payload, EventRecord) or not isinstance(payload.event, RequestSubmitted):
            continue
        request = payload.event.request
        key = (request.rider_id, request.request_id)
        firsts.setdefault(key, request)
        if name in (request.trip_id, request.request_id, "/".join(key)):
            found[key] = firsts[key]
    if not found:
        raise UnknownTripError(f"the journal has no trip and no request {name}")
    by_trip = [request for request in found.values() if request.trip_id == name]
    if len(by_trip) == 1:
        return by_trip[0]
    if len(found) > 1:
        several = ", ".join("/".join(key) for key in found)
        raise UnknownTripError(f"{name} could be any of {several}; name one of these")
    return next(iter(found.values()))
