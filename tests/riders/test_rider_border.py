"""Requests are checked against the zone and the hour, and told apart from each other."""

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from dispatcher.domain.decisions import AnswerProblem, RiderAnswered
from dispatcher.domain.ids import EdgeId, RiderId, StopId, TripId
from dispatcher.domain.trips import RideRequest, TimeWish
from dispatcher.domain.zone import Point, Stop, StopKind
from dispatcher.riders.border import RiderBorder, WishLimits, problem_of
from dispatcher.riders.messages import TripRequest
from dispatcher.riders.problems import Problem, ProblemCode, ProblemError
from dispatcher.riders.topics import RiderTopic, RiderTopics

NOW_S = 1_772_000_000
ANA = RiderId("ana")


def a_stop(stop_id: str, english: str, kind: StopKind = StopKind.STOP) -> Stop:
    point = Point(36.5, 127.3)
    names = {"en": english}
    return Stop(StopId(stop_id), names, kind, point, 0.0, 0.0, EdgeId("e"), 0.0)


STOPS: Mapping[StopId, Stop] = {
    stop.id: stop
    for stop in (
        a_stop("S001", "Library"),
        a_stop("S002", "City Hall"),
        a_stop("D1", "North Depot", StopKind.DEPOT),
    )
}
BORDER = RiderBorder(STOPS, WishLimits(past_s=120, ahead_s=7_200))


def a_request(trip: str = "t1", now_s: int = NOW_S, **fields: object) -> RideRequest:
    message = TripRequest.model_validate({"id": "q1", "from": "S001", "to": "S002", **fields})
    return BORDER.ride_request(message, ANA, TripId(trip), now_s)


def problem_with(**fields: object) -> Problem:
    with pytest.raises(ProblemError) as caught:
        a_request(**fields)
    return caught.value.problem


def test_now_is_the_time_of_asking() -> None:
    request = a_request()
    assert (request.wish, request.wish_s) == (TimeWish.NOW, NOW_S)
    assert request.origin == "S001"
    assert not request.auto_accept


def test_a_wished_time_becomes_whole_utc_seconds() -> None:
    at = datetime.fromtimestamp(NOW_S + 60, UTC).isoformat().replace("+00:00", ".900Z")
    request = a_request(when={"arrive_by": at}, to={"lat": 36.5, "lon": 127.3})
    assert (request.wish, request.wish_s) == (TimeWish.ARRIVE_BY, NOW_S + 60)
    assert request.destination == Point(36.5, 127.3)


@pytest.mark.parametrize(
    ("wished_s", "code"),
    [
        (NOW_S - 120, None),
        (NOW_S - 121, ProblemCode.BAD_TIME),
        (NOW_S + 7_200, None),
        (NOW_S + 7_201, ProblemCode.TOO_FAR_AHEAD),
    ],
)
def test_wishes_are_bounded(wished_s: int, code: ProblemCode | None) -> None:
    when = {"depart_at": datetime.fromtimestamp(wished_s, UTC).isoformat()}
    if code is None:
        assert a_request(when=when).wish_s == wished_s
    else:
        assert problem_with(when=when).code is code


@pytest.mark.parametrize("year", ["0001", "9999"])
def test_the_ends_of_time_are_no_trap(year: str) -> None:
    for offset in ("+14:00", "-12:00"):
        problem = problem_with(when={"depart_at": f"{year}-01-01T00:00:00{offset}"})
        assert problem.code in {ProblemCode.BAD_TIME, ProblemCode.TOO_FAR_AHEAD}


@pytest.mark.parametrize(
    ("asked", "meant"),
    [("S01", "S001"), ("s002", "S002"), ("library", "S001"), ("city_hall", "S002"), ("zzz", None)],
)
def test_an_unknown_stop_is_answered_with_the_one_probably_meant(
    asked: str, meant: str | None
) -> None:
    problem = problem_with(to=asked)
    assert problem.code is ProblemCode.STOP_UNKNOWN
    assert (problem.field, problem.stop, problem.request) == ("to", meant, "q1")


def test_a_depot_is_no_stop_for_riders() -> None:
    problem = problem_with(**{"from": "D1"})
    assert problem.code is ProblemCode.STOP_UNKNOWN
    assert problem.stop != "D1"


def test_every_answer_of_the_engine_can_be_told() -> None:
    for problem in AnswerProblem:
        told = problem_of(RiderAnswered(ANA, problem, "No.", TripId("t1")))
        assert (told.code.value, told.trip) == (problem.value, "t1")
        assert told.remedy


def test_the_sender_is_the_topic() -> None:
    topics = RiderTopics("z1")
    sent = topics.incoming(ANA, RiderTopic.REQUEST)
    assert sent == "ringmaster/v1/z1/rider/ana/request"
    assert topics.read(sent) == (ANA, RiderTopic.REQUEST)
    for other in (
        "ringmaster/v1/z2/rider/ana/request",
        "ringmaster/v1/z1/rider/ana/trip/t1",
        "ringmaster/v1/z1/rider/a a/request",
        "ringmaster/v1/z1/rider//request",
        "ringmaster/v1/z1/rider/ana/request/more",
        f"ringmaster/v1/z1/rider/{'a' * 65}/request",
        "x/ringmaster/v1/z1/rider/ana/request",
    ):
        assert topics.read(other) is None
