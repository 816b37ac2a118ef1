"""Health and metrics show how quoted times have held."""

from sketched_service import Street

from dispatcher.promise_readings import promise_health, promise_readings


def test_one_kept_trip_is_shown() -> None:
    street = Street("P")
    assert promise_health(street.state).pickups.outcomes == 0
    street.want("Q", "S")
    street.wait(600)
    shown = promise_health(street.state)
    assert (shown.pickups.outcomes, shown.dropoffs.outcomes, shown.windows) == (1, 1, 1)
    assert shown.windows_kept_pct == 100.0
    # An exact shuttle is 0 s late, and the prior's median is 1 s: 12 % of a spread of 16 s.
    assert set(shown.pickups.came_by_pct.values()) == {100.0}
    assert (shown.pace_pm, shown.leg_guard_s) == (1000, 60)


def test_readings_follow_the_state() -> None:
    street = Street("P")
    readings = {reading.name: reading for reading in promise_readings(lambda: street.state)}
    assert readings["pickup_windows"].values() == {"promised": 0, "kept": 0}
    street.want("Q", "S")
    street.wait(600)
    assert readings["pickup_windows"].values() == {"promised": 1, "kept": 1}
    assert readings["pickups_by_quote_percent"].values()["99"] == 100.0
    assert readings["pace_per_mille"].values() == {"": 1000}
