"""Riders: quote, request, answer, cancel, follow. The same desk as over MQTT, the same journal."""

from collections.abc import Awaitable
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Response

from dispatcher.domain.ids import RiderId, TripId
from dispatcher.domain.trips import Refusal, TripState
from dispatcher.engine.state import TripRecord
from dispatcher.riders.messages import ID_PATTERN, TripAnswer, TripCancel, TripRequest
from dispatcher.riders.problems import ProblemCode, ProblemError
from dispatcher.riders.status import TripDocument
from dispatcher.riders.topics import RiderTopic
from dispatcher.web.answers import document, problems
from dispatcher.web.guarded_route import Caller, GuardedRoute, Parts
from dispatcher.web.parts import WebParts
from dispatcher.web.principals import Principal, Role
from dispatcher.web.problems import no_such_trip, of_rider_problem
from dispatcher.web.schemas import OfferAnswer, QuoteAnswer, QuoteRequest, TripCancelling
from dispatcher.web.trip_list import TripList, for_operators, list_trips, trip_document, trip_of

router = APIRouter(route_class=GuardedRoute)

TripPath = Annotated[str, Path(pattern=f"^{ID_PATTERN.pattern}$", description="The trip's id.")]
EVENTS: Final = ("snapshot", "clock", "trip", "place", "shuttle", "places", "alert", "closures")
EVENT_STREAM: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "Server-sent events, until the client leaves.",
        "content": {
            "text/event-stream": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "id": {"type": "string"},
                        "event": {"type": "string", "enum": list(EVENTS)},
                        "data": {"type": "string", "description": "JSON"},
                        "retry": {},
                    },
                }
            }
        },
    }
}


@router.post(
    "/v1/quotes",
    operation_id="quoteTrip",
    summary="What a trip would be offered now; nothing is held",
    tags=["riders"],
    response_model=QuoteAnswer,
    responses=problems(400, 401, 403, 409, 413, 415),
)
async def quote_trip(wish: QuoteRequest, parts: Parts, caller: Caller) -> Response:
    parts.rates.take_quote()
    try:
        quoted = parts.desk.quote(caller.rider_id, wish.as_request())
    except ProblemError as error:
        raise of_rider_problem(error.problem) from error
    if isinstance(quoted, Refusal):
        return document(QuoteAnswer(refusal=parts.writer.refused(quoted)))
    return document(QuoteAnswer(offers=tuple(parts.writer.quoted(offer) for offer in quoted)))


@router.post(
    "/v1/trips",
    operation_id="requestTrip",
    summary="Ask for a trip; a refusal is a trip in the state refused",
    tags=["riders"],
    response_model=TripDocument,
    responses=problems(400, 401, 403, 409, 413, 415),
)
async def request_trip(message: TripRequest, parts: Parts, caller: Caller) -> Response:
    return document(await ask(parts, caller.rider_id, message))


@router.get(
    "/v1/trips",
    operation_id="listTrips",
    summary="Trips, the newest first: a rider's own, or for operators all",
    tags=["riders", "operators"],
    response_model=TripList,
    responses=problems(401, 403, 404),
)
async def get_trips(
    parts: Parts,
    caller: Caller,
    state: Annotated[list[TripState] | None, Query(max_length=20)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    after: Annotated[str | None, Query(pattern=f"^{ID_PATTERN.pattern}$")] = None,
    own: Annotated[
        bool, Query(description="Own trips only, also of an operator who rides.")
    ] = False,
) -> Response:
    found: list[TripDocument] = []
    passed = after is None
    owner = caller.rider_id if own else owner_of(caller)
    for trip in list_trips(parts.state, owner, frozenset(state or ())):
        if passed:
            if len(found) == limit:
                return document(TripList(trips=tuple(found), next=found[-1].trip))
            told = trip_document(parts.state, parts.writer, trip)
            found.append(told if owns(caller, trip) else for_operators(trip, told))
        passed = passed or trip.request.trip_id == after
    if not passed:
        raise no_such_trip()
    return document(TripList(trips=tuple(found)))


@router.get(
    "/v1/trips/{trip}",
    operation_id="getTrip",
    summary="A trip's status",
    tags=["riders", "operators"],
    response_model=TripDocument,
    responses=problems(401, 403, 404),
)
async def get_trip(trip: TripPath, parts: Parts, caller: Caller) -> Response:
    told = present(parts, TripId(trip), owner_of(caller))
    found = parts.state.trips[TripId(trip)]
    return document(told if owns(caller, found) else for_operators(found, told))


@router.post(
    "/v1/trips/{trip}/answer",
    operation_id="answerOffer",
    summary="Take or decline an offer",
    tags=["riders"],
    response_model=TripDocument,
    responses=problems(400, 401, 403, 404, 409, 413, 415),
)
async def answer_offer(
    trip: TripPath, message: OfferAnswer, parts: Parts, caller: Caller
) -> Response:
    return document(await answer(parts, caller.rider_id, TripId(trip), message))


@router.post(
    "/v1/trips/{trip}/cancel",
    operation_id="cancelTrip",
    summary="Give up a trip",
    tags=["riders"],
    response_model=TripDocument,
    responses=problems(400, 401, 403, 404, 409, 413, 415),
)
async def cancel_trip(
    trip: TripPath, message: TripCancelling, parts: Parts, caller: Caller
) -> Response:
    return document(await cancel(parts, caller.rider_id, TripId(trip), message))


@router.get(
    "/v1/trips/{trip}/events",
    operation_id="followTrip",
    summary="A trip as it changes, and where its shuttle is once that is on its way",
    tags=["riders", "operators"],
    response_class=Response,
    responses={**problems(401, 403, 404), **EVENT_STREAM},
)
async def follow_trip(trip: TripPath, parts: Parts, caller: Caller) -> Response:
    present(parts, TripId(trip), owner_of(caller))
    return follow(
        parts,
        TripId(trip),
        f"caller {caller.id}",
        caller.expires_s,
        session=caller.session,
        own=owns(caller, parts.state.trips[TripId(trip)]),
    )


def owner_of(caller: Principal) -> RiderId | None:
    """Whose trips the caller may see; None: everybody's."""
    if caller.is_any(Role.OPERATOR, Role.DISPATCHER, Role.ADMIN):
        return None
    return caller.rider_id


def owns(caller: Principal, trip: TripRecord) -> bool:
    """Whether it is the caller's own: of others' some is kept even from operators."""
    return trip.request.rider_id == caller.rider_id


def present(parts: WebParts, trip_id: TripId, rider_id: RiderId | None) -> TripDocument:
    """The trip's status. Raises ``WebProblem`` where it is not there or another's."""
    trip = trip_of(parts.state, trip_id, rider_id)
    if trip is None:
        raise no_such_trip()
    return trip_document(parts.state, parts.writer, trip)


def follow(
    parts: WebParts,
    trip_id: TripId,
    owner: str,
    expires_s: float,
    source: str = "",
    session: str = "",
    *,
    own: bool = True,
) -> Response:
    return parts.hub.open(
        owner,
        lambda: parts.feed.trip_topics(trip_id, own=own),
        lambda: parts.feed.trip_snapshot(trip_id, own=own),
        expires_s,
        source,
        session,
        lambda: parts.feed.is_over(trip_id),
    )


async def ask(parts: WebParts, rider_id: RiderId, message: TripRequest) -> TripDocument:
    told = await _acted(parts, RiderTopic.REQUEST, parts.desk.request(rider_id, message))
    assert told is not None
    return told


async def answer(
    parts: WebParts, rider_id: RiderId, trip_id: TripId, message: OfferAnswer
) -> TripDocument:
    present(parts, trip_id, rider_id)  # of another's nothing is written
    told = await _acted(
        parts,
        RiderTopic.ANSWER,
        parts.desk.answer(
            rider_id,
            TripAnswer(trip=trip_id, accept=message.accept, offer=message.offer),
            key=f"{trip_id}/{message.id}/{int(message.accept)}{message.offer or ''}",
        ),
    )
    return told or present(parts, trip_id, rider_id)


async def cancel(
    parts: WebParts, rider_id: RiderId, trip_id: TripId, message: TripCancelling
) -> TripDocument:
    present(parts, trip_id, rider_id)
    told = await _acted(
        parts,
        RiderTopic.CANCEL,
        parts.desk.cancel(
            rider_id,
            TripCancel(trip=trip_id, reason=message.reason),
            key=f"{trip_id}/{message.id}",
        ),
    )
    return told or present(parts, trip_id, rider_id)


async def _acted(
    parts: WebParts, kind: RiderTopic, acting: Awaitable[TripDocument | None]
) -> TripDocument | None:
    code: ProblemCode | None = None
    try:
        return await acting
    except ProblemError as error:
        code = error.problem.code
        raise of_rider_problem(error.problem) from error
    finally:
        parts.metrics.message_answered(kind, code)
