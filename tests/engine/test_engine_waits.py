"""Waits are kept by stop, the forecast counts each request, and both are in a snapshot."""

from sketched_service import STOPS, Street, drive_s

from dispatcher.domain.trips import Party, TimeWish, TripState
from dispatcher.engine import dump_state, load_state


def test_the_first_offers_wait_is_kept_and_a_refusal_is_the_longest() -> None:
    street = Street("P", driven=False)
    waits = street.state.waits
    street.want("Q", "S")
    assert waits.wait_units[STOPS.index("Q")] == drive_s(1) * 1024
    refused = street.want("T", "S", party=Party(seats=7))
    assert refused.state is TripState.REFUSED
    assert waits.wait_units[STOPS.index("T")] == 600 * 1024
    # Who books ahead does not wait for want of a shuttle.
    street.want("R", "S", wish=TimeWish.DEPART_AT, wish_s=street.now_s + 3600)
    assert waits.seen_units[STOPS.index("R")] == 0


def test_requests_are_counted_by_local_time() -> None:
    street = Street("P", driven=False)
    street.want("Q", "S")
    forecast = street.state.forecast
    # It is noon in Seoul: 12 * 4 quarters of an hour into the day.
    assert forecast.slot % 96 == 48
    assert forecast.starts.now[STOPS.index("Q")] == forecast.goes.now[STOPS.index("S")] == 1
    loaded = load_state(street.site, dump_state(street.state))
    assert (loaded.forecast, loaded.waits) == (forecast, street.state.waits)


def test_a_neglected_stop_draws_the_idle_shuttle() -> None:
    """Requests at both ends; where riders have been waiting long, one more is as many."""
    places = {}
    for multiple_pct in (0, 200):
        street = Street("R", fair_wait_multiple_pct=multiple_pct, rebalance_gain_pct=0)
        for _ in range(40):
            street.state.waits.note(STOPS.index("P"), 600)
            street.state.waits.note(STOPS.index("T"), 60)
            street.state.waits.note(STOPS.index("S"), 60)
        at_s = street.now_s + 9 * 3600
        for n in range(6):
            street.state.forecast.count(STOPS.index("T"), 0, at_s)
            if n < 4:
                street.state.forecast.count(STOPS.index("P"), 0, at_s)
        street.wait(1800)  # the slot is over after 900, and it is placed anew every 300
        places[multiple_pct] = next(iter(street.cars.values())).x_m
    assert places[0] > street.stop("R").x_m, "more is asked for at T"
    assert places[200] < street.stop("R").x_m, "but P has been waiting"
