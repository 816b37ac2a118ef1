"""The reliability diagram from riders' logs written by hand."""

from datetime import UTC, datetime

from test_figures import a_log, a_promise

from dispatcher.domain.quotes import LEVELS_PCT
from dispatcher.domain.trips import TripState
from dispatcher.riders.status import OddsTold
from simulator.punctuality import dropoff_diagram, pickup_diagram, window_share_pct
from simulator.rider import TripLog


def odds(*pickup_by_s: int) -> tuple[OddsTold, ...]:
    """Drop-offs are quoted a hundred seconds later."""
    return tuple(
        OddsTold(
            level_pct=level,
            pickup_by=datetime.fromtimestamp(by_s, UTC),
            dropoff_by=datetime.fromtimestamp(by_s + 100, UTC),
        )
        for level, by_s in zip(LEVELS_PCT, pickup_by_s, strict=True)
    )


def quoted(came_s: float | None, alighted_s: float | None, state: TripState) -> TripLog:
    log = a_log(state)
    log.odds, log.came_s, log.alighted_s = odds(1000, 1010, 1020, 1030, 1040), came_s, alighted_s
    log.accepted = a_promise(1030.0, 2000.0)
    return log


LOGS = [
    quoted(1000.0, 1101.0, TripState.COMPLETED),  # by all levels; then by all but the first
    quoted(1025.0, 1130.9, TripState.COMPLETED),  # by 95 and 99; a whole second is 1130
    quoted(1050.0, 1150.0, TripState.COMPLETED),  # by none
    quoted(1005.0, None, TripState.NO_SHOW),  # the shuttle came by 80
    quoted(None, None, TripState.CANCELLED_BY_RIDER),  # nobody knows
    a_log(TripState.REFUSED),
]


def test_pickups_are_counted_by_level() -> None:
    diagram = pickup_diagram(LOGS)
    assert diagram.outcomes == 4
    # 1 of 4 by the 50 % time; 1000 and 1005 by those of 80 and 90; 1025 from 95 on.
    shares = {"50": 25.0, "80": 50.0, "90": 50.0, "95": 75.0, "99": 75.0}
    assert diagram.came_by_pct == shares
    assert diagram.worst_points == 40.0  # 90 against 50


def test_a_trip_that_was_given_up_never_came() -> None:
    abandoned = quoted(None, None, TripState.ABANDONED)
    diagram = pickup_diagram([LOGS[0], abandoned])
    assert (diagram.outcomes, diagram.came_by_pct["99"]) == (2, 50.0)


def test_dropoffs_are_counted_by_level() -> None:
    diagram = dropoff_diagram(LOGS)
    assert diagram.outcomes == 3
    assert diagram.came_by_pct == {"50": 0.0, "80": 33.3, "90": 33.3, "95": 66.7, "99": 66.7}


def test_windows_are_counted_over_all_who_saw_their_shuttle() -> None:
    assert window_share_pct(LOGS) == 75.0  # 1050 is after 1030


def test_nothing_is_nothing() -> None:
    assert pickup_diagram([]).worst_points == 0.0
    assert window_share_pct([]) == 0.0
