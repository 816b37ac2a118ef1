"""Berths in service, on the sketched street: two at each stop, ``n`` stops on is ``50 n + 12`` s.

Only the interchange X has more in real zones; here every stop but the depot D has two.
"""

import json

from engine_world import Car
from sketched_service import Street, drive_s

from dispatcher.domain.decisions import AlertKind, OperatorAlerted
from dispatcher.domain.events import ShuttleJoined
from dispatcher.domain.ids import ShuttleId
from dispatcher.domain.shuttles import Capacity, DriveMode
from dispatcher.domain.trips import Party, RefusalReason, TripState
from dispatcher.engine import crowds, dump_state, load_state
from dispatcher.engine.judging import plan_faults
from dispatcher.engine.state import Shuttle


def shuttle_of(street: Street, car: Car) -> Shuttle:
    return street.state.shuttles[car.id]


def most_planned(street: Street, name: str) -> int:
    index = street.state.streets.stop_index[street.stop(name).id]
    return street.state.berths.most_at_once(index, street.now_s, street.now_s + 3600)


def join_by_hand(street: Street, name: str, stop: str) -> None:
    """A shuttle that somebody drives: it stands at a stop and takes no orders."""
    place = street.stop(stop)
    street.submit(
        ShuttleJoined(
            street.now_s,
            ShuttleId(name),
            Capacity(6, 1),
            place.x_m,
            place.y_m,
            80.0,
            DriveMode.MANUAL,
            (),
            "",
            0,
        )
    )


def alerts(street: Street, kind: AlertKind) -> list[OperatorAlerted]:
    return [
        decision
        for decisions in street.decisions
        for decision in decisions
        if isinstance(decision, OperatorAlerted) and decision.kind is kind
    ]


def test_a_third_shuttle_comes_when_a_berth_is_free() -> None:
    # Three full parties want to leave R at once; each fills a shuttle, and all three are at Q.
    street = Street("Q", "Q", "Q", driven=False)
    trips = [street.want("R", "T", party=_six()) for _ in range(3)]
    assert [trip.state for trip in trips] == [TripState.ACCEPTED] * 3
    assert most_planned(street, "R") == 2
    planned = sorted(
        offer.pickup_planned_s
        for trip in trips
        for offer in street.state.trips[trip.trip_id].offers
    )
    # Two are there after 62 s and leave 20 s later; then there is a berth for the third.
    assert [at_s - street.now_s for at_s in planned][:2] == [drive_s(1)] * 2
    assert planned[2] - street.now_s >= drive_s(1) + 20
    assert plan_faults(street.state) == []


def test_three_routes_end_at_one_stop_one_after_the_other() -> None:
    street = Street("P", "P", "R", "T")
    for origin in ("P", "P", "R", "T"):
        street.want(origin, "S", party=_six())
    street.wait(900)
    ends = [status.state for status in street.status.values()]
    assert ends == [TripState.COMPLETED] * 4
    assert alerts(street, AlertKind.STOP_CROWDED) == []


def test_an_idle_shuttle_makes_room() -> None:
    # Both berths at R are taken by shuttles without wheelchair places, which idle there.
    street = Street(driven=True)
    idle = [street.car_at("R", wheelchairs=0) for _ in range(2)]
    coming = street.car_at("Q")
    trip = street.want("R", "T", party=_wheelchair())
    assert trip.shuttle_id == coming.id
    sent = [car for car in idle if shuttle_of(street, car).released is not None]
    assert sent == idle[:1], "the one that is idle longest, by name if equally long, drives on"
    released = shuttle_of(street, sent[0]).released
    assert released is not None
    assert released.stop != shuttle_of(street, sent[0]).anchor
    street.wait(400)
    assert street.now_of(trip).state is TripState.COMPLETED
    assert alerts(street, AlertKind.STOP_CROWDED) == []


def test_a_promise_is_kept_at_a_full_stop_and_an_operator_hears() -> None:
    street = Street("Q")
    trip = street.want("R", "T")
    street.wait(5)  # the shuttle is on its way to R
    for name in ("m1", "m2"):
        join_by_hand(street, name, "R")
    assert plan_faults(street.state) == [], "a crowd that nobody planned is not the plan's fault"
    street.wait(drive_s(1))
    (alert,) = alerts(street, AlertKind.STOP_CROWDED)
    assert "m1" in alert.text
    assert "m2" in alert.text
    ((stop, there),) = crowds(street.state).items()
    assert street.site.zone.stops[stop].id == "R"
    assert {shuttle.id for shuttle in there} == {"m1", "m2", trip.shuttle_id}
    street.wait(400)
    assert crowds(street.state) == {}
    assert street.now_of(trip).state is TripState.COMPLETED
    assert street.now_of(trip).breach is None


def test_nobody_is_sent_where_shuttles_stand_for_good() -> None:
    street = Street("Q")
    for name in ("m1", "m2"):
        join_by_hand(street, name, "R")
    refused = street.want("R", "T")
    assert refused.state is TripState.REFUSED
    assert refused.refusal is not None
    assert refused.refusal.reason is RefusalReason.WAIT_TOO_LONG
    # Past R there is a way.
    assert street.want("S", "T").state is TripState.ACCEPTED


def test_a_restart_knows_who_stands_where() -> None:
    street = Street("Q", "Q", "Q", driven=False)
    for _ in range(3):
        street.want("R", "T", party=_six())
    loaded = load_state(street.site, dump_state(street.state))
    for row in range(3):
        assert loaded.berths.of(row) == street.state.berths.of(row)
        assert loaded.berths.parked_at(row) == street.state.berths.parked_at(row)
    assert plan_faults(loaded) == []


def test_a_snapshot_from_before_berths_still_loads() -> None:
    street = Street("Q", driven=False)
    street.want("R", "T")
    written = json.loads(dump_state(street.state))
    for name in ("forecast", "waits", "rebalanced_s"):
        del written[name]
    written["demand"] = {"n_stops": 7, "units": [0] * 7}  # what the forecast took the place of
    for shuttle in written["shuttles"].values():
        del shuttle["crowds"]
    loaded = load_state(street.site, json.dumps(written).encode())
    assert plan_faults(loaded) == []
    assert loaded.forecast.places == len(street.site.zone.stops)


def _six() -> Party:
    return Party(seats=6)


def _wheelchair() -> Party:
    return Party(seats=0, wheelchairs=1)
