"""From what a rider's device says to what the engine is told: pure checks and mapping."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches

from dispatcher.domain.decisions import AnswerProblem, RiderAnswered
from dispatcher.domain.ids import RequestId, RiderId, StopId, TripId
from dispatcher.domain.trips import Party, Place, RideRequest, TimeWish
from dispatcher.domain.zone import Point, Stop, StopKind
from dispatcher.riders.messages import PointPlace, TripRequest
from dispatcher.riders.problems import Problem, ProblemCode, ProblemError


@dataclass(frozen=True, slots=True)
class WishLimits:
    """How far from now a wished time may lie. What is beyond is a mistake, not a wish."""

    past_s: int = 120  # clocks differ, and messages take a while
    ahead_s: int = 7 * 24 * 3600


class RiderBorder:
    """The checks that need the zone and the hour, beyond a message's own form."""

    def __init__(self, stops: Mapping[StopId, Stop], limits: WishLimits) -> None:
        self._stops = stops
        self._limits = limits
        self._id_of_name = {
            name.casefold(): stop.id for stop in stops.values() for name in stop.names.values()
        }

    def ride_request(
        self, message: TripRequest, rider_id: RiderId, trip_id: TripId, now_s: int
    ) -> RideRequest:
        """The request as the engine sees it.

        Raises
        ------
        ProblemError
            An unknown stop, or a wished time that is out of reason.
        """
        wish, wish_s = _wish_of(message, now_s)
        self._check_wish(wish_s, now_s, message)
        return RideRequest(
            request_id=RequestId(message.id),
            rider_id=rider_id,
            trip_id=trip_id,
            origin=self._place(message.origin, "from", message),
            destination=self._place(message.destination, "to", message),
            wish=wish,
            wish_s=wish_s,
            party=Party(message.party.seats, message.party.wheelchairs),
            walk_limit_m=message.walk_limit_m,
            auto_accept=message.accept == "auto",
            alternatives=message.alternatives,
            flexible_s=message.flexible_s,
        )

    def _place(self, place: str | PointPlace, field: str, message: TripRequest) -> Place:
        if isinstance(place, PointPlace):
            return Point(place.lat, place.lon)
        stop = self._stops.get(StopId(place))
        if stop is not None and stop.kind is not StopKind.DEPOT:
            return stop.id
        meant = self._probably_meant(place)
        raise ProblemError(
            Problem(
                code=ProblemCode.STOP_UNKNOWN,
                text=f"There is no stop {place}." if stop is None else f"{place} is a depot.",
                remedy="Use a stop of the zone"
                + (f", such as {meant.id} ({_name(meant)})." if meant else ", or a point."),
                field=field,
                request=message.id,
                stop=meant.id if meant else None,
            )
        )

    def _probably_meant(self, wanted: str) -> Stop | None:
        served = {
            stop_id.casefold(): stop_id
            for stop_id, stop in self._stops.items()
            if stop.kind is not StopKind.DEPOT
        }
        names = {
            name: stop_id
            for name, stop_id in self._id_of_name.items()
            if self._stops[stop_id].kind is not StopKind.DEPOT
        }
        known = {**names, **served}
        # Ids have no spaces, so a name is likely to come with - or _ for them.
        folded = wanted.casefold()
        tries = (folded, folded.replace("-", " ").replace("_", " "))
        for attempt in tries:
            for found in get_close_matches(attempt, known, n=1, cutoff=0.5):
                return self._stops[known[found]]
        return None

    def _check_wish(self, wish_s: int, now_s: int, message: TripRequest) -> None:
        if wish_s < now_s - self._limits.past_s:
            raise ProblemError(
                Problem(
                    code=ProblemCode.BAD_TIME,
                    text=f"The wished time was {now_s - wish_s} s ago.",
                    remedy="Ask for a time to come, or for now; check the device's clock.",
                    field="when",
                    request=message.id,
                )
            )
        if wish_s > now_s + self._limits.ahead_s:
            raise ProblemError(
                Problem(
                    code=ProblemCode.TOO_FAR_AHEAD,
                    text="The wished time is too far ahead.",
                    remedy=f"Ask at most {self._limits.ahead_s // 3600} hours ahead.",
                    field="when",
                    request=message.id,
                )
            )


def id_reused(request_id: RequestId) -> Problem:
    """Two different requests came under one id, or one that has long been forgotten."""
    return Problem(
        code=ProblemCode.REQUEST_ID_REUSED,
        text="Another request was made under this id.",
        remedy="Make a new id for each new request.",
        field="id",
        request=request_id,
    )


_REMEDIES: Mapping[AnswerProblem, str] = {
    AnswerProblem.UNKNOWN_TRIP: "Check the trip's id; ask for a new trip if it is long past.",
    AnswerProblem.NOT_YOURS: "Use the topic of the rider who asked for the trip.",
    AnswerProblem.NO_OPEN_OFFER: "Read the trip's status; offers expire. Ask again if you need to.",
    AnswerProblem.UNKNOWN_OFFER: "Use the id of an offer in the trip's status.",
    AnswerProblem.ALREADY_ENDED: "Nothing more is to be done; ask for a new trip if you need one.",
    AnswerProblem.ALREADY_ABOARD: "Get off at a stop; the trip ends there.",
    AnswerProblem.REQUEST_ID_REUSED: "Make a new id for each new request.",
}


def problem_of(answered: RiderAnswered) -> Problem:
    """What the engine answered to a message that changes nothing."""
    return Problem(
        code=ProblemCode(answered.problem.value),
        text=answered.text,
        remedy=_REMEDIES[answered.problem],
        trip=answered.trip_id,
        request=answered.request_id,
    )


def _wish_of(message: TripRequest, now_s: int) -> tuple[TimeWish, int]:
    if message.when.depart_at is not None:
        return TimeWish.DEPART_AT, _whole_s(message.when.depart_at)
    if message.when.arrive_by is not None:
        return TimeWish.ARRIVE_BY, _whole_s(message.when.arrive_by)
    return TimeWish.NOW, now_s


def _whole_s(at: datetime) -> int:
    # Rounded down: arriving a fraction of a second early is still in time.
    return int(at.timestamp() // 1)


def _name(stop: Stop) -> str:
    return stop.names.get("en") or next(iter(stop.names.values()), stop.id)
