"""What a boarding has come to by the time the dispatcher hears of it."""

from dispatcher.domain.events import BoardingFailed, EventNumber, RiderAlighted, RiderBoarded
from dispatcher.domain.ids import ShuttleId, TripId, VisitId
from vehicles.messages import Onboard, RiderEvent, RiderEventKind, moment_of
from vehicles.numbered import NumberedEvents

CAR, ANA = ShuttleId("m:s1"), TripId("ana")


def an_event(number: int, kind: RiderEventKind, visit: str) -> RiderEvent:
    what = "alight" if kind is RiderEventKind.ALIGHTED else "board"
    return RiderEvent(
        number=number,
        kind=kind,
        action_id=f"{visit}/{what}/ana",
        trip_id="ana",
        timestamp=moment_of(100.0),
    )


def onboard(*events: RiderEvent) -> Onboard:
    return Onboard(epoch=1, series="s", events=events)


BOARDED = an_event(1, RiderEventKind.BOARDED, "v1")
ALIGHTED = an_event(2, RiderEventKind.ALIGHTED, "v2")


def test_who_got_out_again_while_nobody_heard_of_it_has_not_boarded() -> None:
    numbered = NumberedEvents(CAR)
    assert numbered.tell(onboard(BOARDED), [], 100, frozenset()) == [
        BoardingFailed(100, CAR, VisitId("v1"), ANA, "GOT_OUT", EventNumber("s", 1))
    ]


def test_who_was_set_down_since_has_boarded() -> None:
    kinds = [type(e) for e in NumberedEvents(CAR).tell(onboard(BOARDED, ALIGHTED), [], 100, set())]
    assert kinds == [RiderBoarded, RiderAlighted]


def test_a_vehicle_that_cannot_tell_who_is_aboard_is_believed() -> None:
    (event,) = NumberedEvents(CAR).tell(onboard(BOARDED), [], 100, None)
    assert isinstance(event, RiderBoarded)
