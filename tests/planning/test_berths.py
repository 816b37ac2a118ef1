"""Berths: who stands where, and how a route yields. Stops lie 60 s apart along a street."""

import random
from dataclasses import replace

import numpy as np
import pytest

from dispatcher.planning.berths import (
    SHORT_WAIT_S,
    BerthBook,
    Standing,
    is_held,
    standings_of,
    unheld,
    yielding,
)
from dispatcher.planning.checker import (
    Broken,
    CheckedRoute,
    CheckedStand,
    CheckedVisit,
    check_berths,
)
from dispatcher.planning.rows import FOREVER_S, RowPlan, RowRide, RowVisit
from dispatcher.planning.schedule import Schedule, schedule

TRAVEL_S = np.abs(np.subtract.outer(np.arange(5), np.arange(5))).astype(np.int64) * 60
EARLY_S = 30


def a_ride(key: str, **bounds: int) -> RowRide:
    known = {
        "pickup_earliest_s": 0,
        "pickup_latest_s": FOREVER_S,
        "dropoff_latest_s": FOREVER_S,
        "max_ride_s": FOREVER_S,
    }
    return RowRide(key, (1, 0), **{**known, **bounds}, dwell_s=20)


def a_row(*visits: RowVisit, rides: tuple[RowRide, ...], start_s: int = 0) -> RowPlan:
    return RowPlan(0, start_s, (0, 0), (6, 1), True, visits, rides)


def one_trip(**bounds: int) -> RowPlan:
    """From stop 1 to stop 3, by a shuttle that stands at stop 0."""
    ride = a_ride("a", **bounds)
    return a_row(RowVisit(1, boards=("a",)), RowVisit(3, alights=("a",)), rides=(ride,))


def stands(row: RowPlan, here_s: int = 0) -> list[tuple[int, Standing]]:
    times = schedule(row, TRAVEL_S, 0)
    assert isinstance(times, Schedule)
    return standings_of(row, times, TRAVEL_S, EARLY_S, here_s)


def test_a_shuttle_stands_from_arriving_to_leaving() -> None:
    # At 1 from 60 to 80, at 3 from 200 to 220; it leaves 0 at once.
    assert stands(one_trip()) == [(0, Standing(1, 60, 80)), (1, Standing(3, 200, 220))]


def test_it_waits_where_it_was() -> None:
    # Boarding at 150: it leaves 0 at 150 - 60 - 30 = 60 and stands at 1 from 120.
    assert stands(one_trip(pickup_earliest_s=150))[:2] == [
        (-1, Standing(0, 0, 60)),
        (0, Standing(1, 120, 170)),
    ]
    # A wait of more than two minutes is parking: nothing holds the berth at 0 for it.
    later = one_trip(pickup_earliest_s=90 + SHORT_WAIT_S + 1)
    assert stands(later)[0] == (0, Standing(1, 181, 231))


def test_with_riders_who_alight_it_sets_out_at_once() -> None:
    both = a_row(
        RowVisit(1, boards=("a",)),
        RowVisit(2, boards=("b",), alights=("a",)),
        RowVisit(3, alights=("b",)),
        rides=(a_ride("a"), a_ride("b", pickup_earliest_s=500)),
    )
    # It is at 2 at 140, sets a down and waits there for b, who boards from 500 to 520.
    assert stands(both)[1] == (1, Standing(2, 140, 520))


def test_two_visits_at_one_stop_are_one_standing() -> None:
    row = a_row(
        RowVisit(1, boards=("a",)),
        RowVisit(1, boards=("b",)),
        RowVisit(3, alights=("a", "b")),
        rides=(a_ride("a"), a_ride("b", pickup_earliest_s=100)),
    )
    assert stands(row)[0] == (0, Standing(1, 60, 120))


def test_who_charges_stands_at_a_plug() -> None:
    row = a_row(RowVisit(4, earliest_s=300, dwell_s=600), rides=())
    assert [standing.stop for _, standing in stands(row)] == [0]


def a_book(*held: Standing, berths: int = 1) -> BerthBook:
    book = BerthBook([berths] * 4 + [None])
    for row, standing in enumerate(held, start=1):
        book.set_row(row, [standing], None)
    return book


def test_a_route_waits_for_a_berth() -> None:
    fitted = yielding(one_trip(), TRAVEL_S, 0, EARLY_S, a_book(Standing(1, 50, 100)), {0})
    assert fitted is not None
    row, times = fitted
    # The berth is free at 100: it leaves 0 at 40 and everything is 40 s later.
    assert times.begin_s == (100, 240)
    assert is_held(row.visits[0])
    assert unheld(row) == one_trip()
    assert stands(row) == [
        (-1, Standing(0, 0, 40)),
        (0, Standing(1, 100, 120)),
        (1, Standing(3, 240, 260)),
    ]


def test_an_older_wait_is_forgotten() -> None:
    held = replace(one_trip().visits[0], earliest_s=400)
    row = replace(one_trip(), visits=(held, one_trip().visits[1]))
    fitted = yielding(row, TRAVEL_S, 0, EARLY_S, a_book(), {0})
    assert fitted is not None
    assert fitted[0] == one_trip()


def test_a_promise_goes_before_a_berth() -> None:
    book = a_book(Standing(1, 50, 100))
    assert yielding(one_trip(pickup_latest_s=100), TRAVEL_S, 0, EARLY_S, book, {0}) is not None
    assert yielding(one_trip(pickup_latest_s=99), TRAVEL_S, 0, EARLY_S, book, {0}) is None
    assert (
        yielding(one_trip(), TRAVEL_S, 0, EARLY_S, a_book(Standing(1, 0, FOREVER_S)), {0}) is None
    )


def test_a_second_berth_is_enough() -> None:
    book = a_book(Standing(1, 50, 100), berths=2)
    fitted = yielding(one_trip(), TRAVEL_S, 0, EARLY_S, book, {0})
    assert fitted is not None
    assert fitted[0] == one_trip()


def test_the_book_forgets_what_was() -> None:
    book = a_book(Standing(1, 50, 100))
    book.set_row(1, [Standing(2, 0, 10)], 3)
    assert book.others(1, ()) == []
    assert book.others(2, ()) == [Standing(2, 0, 10)]
    assert book.parked(3) == (1,)
    book.set_row(2, [Standing(2, 9, 12), Standing(4, 0, 99)], None)
    assert book.of(2) == (Standing(2, 9, 12),), "where there is room for all nobody is counted"
    assert book.rivals(1) == [2]
    book.set_row(1, [Standing(2, 0, 9)], None)
    assert (book.rivals(1), book.parked(3)) == ([], ())


@pytest.mark.parametrize("seed", range(60))
def test_routes_that_yield_are_never_too_many(seed: int) -> None:
    """Shuttles planned one after the other: the independent checker finds no crowd."""
    rng = random.Random(seed)
    berths = [rng.randint(1, 2) for _ in range(4)] + [None]
    book = BerthBook(berths)
    routes, claimed = [], []
    for number in range(8):
        row = replace(_some_row(rng), start_stop=4)  # where there is room for all
        fitted = yielding(row, TRAVEL_S, 0, EARLY_S, book, {number})
        if fitted is None:
            continue
        row, times = fitted
        held = [s for _, s in standings_of(row, times, TRAVEL_S, EARLY_S, row.start_s)]
        book.set_row(number, held, None)
        claimed += [CheckedStand(f"s{number}", s.stop, s.from_s, s.to_s) for s in held]
        routes.append(_checked(f"s{number}", row, times))
    counted = {stop: n for stop, n in enumerate(berths) if n is not None}
    assert len(routes) > 2, seed
    assert check_berths(routes, claimed, counted) == [], seed


def test_the_checker_sees_a_crowd_and_who_hides() -> None:
    a, b = CheckedStand("a", 1, 0, 50), CheckedStand("b", 1, 40, 60)
    (found,) = check_berths([], [a, b], {1: 1})
    assert (found.kind, found.shuttle) == (Broken.BERTHS, "b")
    assert check_berths([], [a, b], {1: 2}) == []
    assert check_berths([], [a, replace(b, from_s=50)], {1: 1}) == []
    assert check_berths([], [a, replace(b, unplanned=True)], {1: 1}) == []
    visit = CheckedVisit(1, 0, 10, 30, boards=("r",))
    route = CheckedRoute("a", 0, 0, (1, 0), (visit,), ())
    assert check_berths([route], [a], {1: 1}) == []
    (found,) = check_berths([route], [replace(a, from_s=11)], {1: 1})
    assert (found.kind, found.visit) == (Broken.NO_BERTH, 0)
    assert check_berths([route], [], {}) == []


def _some_row(rng: random.Random) -> RowPlan:
    stops = [rng.randrange(4) for _ in range(4)]
    visits, rides = [], []
    for n in range(2):
        key = f"r{n}"
        rides.append(a_ride(key, pickup_earliest_s=rng.choice([0, rng.randint(0, 400)])))
        visits += [
            RowVisit(stops[2 * n], boards=(key,)),
            RowVisit(stops[2 * n + 1], alights=(key,)),
        ]
    return a_row(*visits, rides=tuple(rides), start_s=rng.randint(0, 100))


def _checked(shuttle: str, row: RowPlan, times: Schedule) -> CheckedRoute:
    visits = tuple(
        CheckedVisit(
            visit.stop,
            times.arrive_s[i],
            times.begin_s[i],
            times.depart_s[i],
            visit.boards,
            visit.alights,
        )
        for i, visit in enumerate(row.visits)
    )
    return CheckedRoute(shuttle, row.start_stop, row.start_s, row.capacity, visits, ())
