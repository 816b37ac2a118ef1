"""People who order at the page are there for their shuttle, in the simulated city."""

from dispatcher.core import Applied
from dispatcher.domain.decisions import TripChanged
from dispatcher.domain.ids import EdgeId, RequestId, RiderId, ShuttleId, StopId, TripId
from dispatcher.domain.trips import Party, Promise, TripState, TripStatus
from dispatcher.domain.zone import Point, Stop, StopKind
from simulator.concourse import Concourse
from simulator.visitors import Visitors

FIRST, SECOND = ShuttleId("acme:s1"), ShuttleId("acme:s2")
TRIP = TripId("t1")


def a_stop(name: str, x_m: float) -> Stop:
    return Stop(
        StopId(name), {"en": name}, StopKind.STOP, Point(0.0, 0.0), x_m, 0.0, EdgeId("e"), 0.0
    )


STOPS = {StopId(name): a_stop(name, x_m) for name, x_m in (("P", 0.0), ("Q", 500.0))}


def told(
    state: TripState, shuttle: ShuttleId | None = None, *, at: str = "P", rider: str = "g_ana"
) -> Applied:
    promise = Promise(StopId(at), StopId("Q"), 0, 300, 900, Party())
    status = TripStatus(
        TRIP, RiderId(rider), RequestId("q"), state, 1, 0, promise=promise, shuttle_id=shuttle
    )
    return Applied(1, None, (TripChanged(status),))


def a_city() -> tuple[Concourse, Visitors]:
    concourse = Concourse()
    return concourse, Visitors(concourse, STOPS, lambda rider_id: rider_id.startswith("r"))


def test_a_visitor_waits_at_the_promised_stop_and_boards_there() -> None:
    concourse, visitors = a_city()
    visitors.on_applied(told(TripState.OFFERED))
    assert concourse.waiting() == 0
    visitors.on_applied(told(TripState.ASSIGNED, FIRST))
    assert not concourse.waits(TRIP, FIRST, 500.0, 0.0)
    assert concourse.waits(TRIP, FIRST, 0.0, 0.0)
    concourse.takes(TRIP, FIRST)
    concourse.settled(TRIP, FIRST, 10.0, 30.0)
    visitors.on_applied(told(TripState.ABOARD, FIRST))
    concourse.sets_down(TRIP, FIRST, 500.0, 0.0, 200.0)
    visitors.on_applied(told(TripState.COMPLETED))
    assert concourse.waiting() == concourse.aboard() == 0


def test_a_visitor_walks_to_another_stop_when_the_promise_names_one() -> None:
    concourse, visitors = a_city()
    visitors.on_applied(told(TripState.ASSIGNED, FIRST))
    visitors.on_applied(told(TripState.ASSIGNED, FIRST, at="Q"))
    assert concourse.waiting() == 1
    assert concourse.waits(TRIP, FIRST, 500.0, 0.0)


def test_a_visitor_leaves_a_broken_shuttle_only_for_another() -> None:
    concourse, visitors = a_city()
    visitors.on_applied(told(TripState.ASSIGNED, FIRST))
    concourse.takes(TRIP, FIRST)
    concourse.settled(TRIP, FIRST, 10.0, 30.0)
    visitors.on_applied(told(TripState.ACCEPTED))
    assert concourse.is_in(TRIP, FIRST)
    visitors.on_applied(told(TripState.ASSIGNED, SECOND, at="Q"))
    assert concourse.waits(TRIP, SECOND, 500.0, 0.0)


def test_who_gives_up_and_who_is_simulated_does_not_stand_there() -> None:
    concourse, visitors = a_city()
    visitors.on_applied(told(TripState.ASSIGNED, FIRST, rider="r7"))
    assert concourse.waiting() == 0
    visitors.on_applied(told(TripState.ASSIGNED, FIRST))
    visitors.on_applied(told(TripState.CANCELLED_BY_RIDER))
    assert concourse.waiting() == 0
