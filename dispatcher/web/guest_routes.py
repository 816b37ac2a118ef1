"""Trips without a login: asked for under an unguessable id, followed by an unguessable link."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from dispatcher.domain.ids import RiderId, TripId
from dispatcher.riders.status import TripDocument
from dispatcher.web.answers import document, problems
from dispatcher.web.guarded_route import GuardedRoute, Parts, address_of
from dispatcher.web.guest_links import GuestLinks
from dispatcher.web.parts import WebParts
from dispatcher.web.problems import WebCode, no_such_trip, web_problem
from dispatcher.web.rates import source_of
from dispatcher.web.rider_routes import (
    EVENT_STREAM,
    answer,
    ask,
    cancel,
    follow,
    present,
)
from dispatcher.web.schemas import GuestTrip, GuestTripRequest, OfferAnswer, TripCancelling

router = APIRouter(route_class=GuardedRoute)

LinkPath = Annotated[str, Path(min_length=1, max_length=200, description="As `link` was told.")]


@router.post(
    "/v1/guest/trips",
    operation_id="requestGuestTrip",
    summary="Ask for a trip without a login",
    tags=["guests"],
    response_model=GuestTrip,
    responses=problems(400, 401, 403, 409, 413, 415),
)
async def request_guest_trip(message: GuestTripRequest, parts: Parts) -> Response:
    links = _links(parts)
    told = await ask(parts, links.rider_id(message.id), message.as_request())
    return document(GuestTrip(link=links.link(TripId(told.trip)), trip=told))


@router.get(
    "/v1/guest/trips/{link}",
    operation_id="getGuestTrip",
    summary="The trip of a link",
    tags=["guests"],
    response_model=TripDocument,
    responses=problems(401, 403, 404),
)
async def get_guest_trip(link: LinkPath, parts: Parts) -> Response:
    trip_id, rider_id = _opened(parts, link)
    return document(present(parts, trip_id, rider_id))


@router.post(
    "/v1/guest/trips/{link}/answer",
    operation_id="answerGuestOffer",
    summary="Take or decline an offer",
    tags=["guests"],
    response_model=TripDocument,
    responses=problems(400, 401, 403, 404, 409, 413, 415),
)
async def answer_guest_offer(link: LinkPath, message: OfferAnswer, parts: Parts) -> Response:
    trip_id, rider_id = _opened(parts, link)
    return document(await answer(parts, rider_id, trip_id, message))


@router.post(
    "/v1/guest/trips/{link}/cancel",
    operation_id="cancelGuestTrip",
    summary="Give up the trip",
    tags=["guests"],
    response_model=TripDocument,
    responses=problems(400, 401, 403, 404, 409, 413, 415),
)
async def cancel_guest_trip(link: LinkPath, message: TripCancelling, parts: Parts) -> Response:
    trip_id, rider_id = _opened(parts, link)
    return document(await cancel(parts, rider_id, trip_id, message))


@router.get(
    "/v1/guest/trips/{link}/events",
    operation_id="followGuestTrip",
    summary="The trip as it changes",
    tags=["guests"],
    response_class=Response,
    responses={**problems(401, 403, 404), **EVENT_STREAM},
)
async def follow_guest_trip(link: LinkPath, parts: Parts, request: Request) -> Response:
    trip_id, _ = _opened(parts, link)
    source = source_of(address_of(request))
    return follow(parts, trip_id, f"link {trip_id}", float("inf"), source)


def _links(parts: WebParts) -> GuestLinks:
    if parts.links is None:
        raise web_problem(
            WebCode.NOT_STARTED,
            "Links cannot be made just now.",
            "Send it again, unchanged, in 5 s.",
            retry_after_s=5,
        )
    return parts.links


def _opened(parts: WebParts, link: str) -> tuple[TripId, RiderId]:
    """The trip of a link and its rider. Raises ``WebProblem`` where it leads nowhere."""
    trip_id = _links(parts).trip_id(link)
    trip = None if trip_id is None else parts.state.trips.get(trip_id)
    if trip is None:
        raise no_such_trip()
    return trip.request.trip_id, trip.request.rider_id
