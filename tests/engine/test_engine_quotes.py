"""A quote is what asking would give, and asking nothing changes nothing."""

import random

import pytest
from sketched_service import NOON_S, STOPS, Street

from dispatcher.domain.events import RequestSubmitted, StreetsClosed
from dispatcher.domain.ids import OperatorId, RequestId, RiderId, StopId, TripId
from dispatcher.domain.trips import (
    OfferKind,
    Party,
    Refusal,
    RefusalReason,
    RideRequest,
    TimeWish,
    TripState,
)
from dispatcher.engine import quote_request, state_digest


def a_wish(
    origin: str = "Q",
    destination: str = "S",
    *,
    wish: TimeWish = TimeWish.NOW,
    wish_s: int = NOON_S,
    seats: int = 1,
    alternatives: int = 1,
    flexible_s: int = 0,
    auto: bool = False,
) -> RideRequest:
    return RideRequest(
        RequestId("q"),
        RiderId("r"),
        TripId("quoted"),
        StopId(origin),
        StopId(destination),
        wish,
        wish_s,
        Party(seats),
        walk_limit_m=100,
        auto_accept=auto,
        alternatives=alternatives,
        flexible_s=flexible_s,
    )


def test_a_quote_leaves_the_state_as_it_was() -> None:
    street = Street("P", "T")
    street.want("Q", "S")
    before, timers = state_digest(street.state), list(street.state.timers)
    offers = quote_request(street.state, a_wish(alternatives=3), street.now_s + 40)
    assert isinstance(offers, tuple)
    assert [offer.kind for offer in offers] == [OfferKind.SOONEST, OfferKind.LATER]
    assert state_digest(street.state) == before
    assert street.state.timers == timers


def test_a_quote_is_made_for_the_hour_at_which_it_is_asked_for() -> None:
    street = Street("P")
    (soon,) = quote_request(street.state, a_wish(auto=True), NOON_S)
    (later,) = quote_request(street.state, a_wish(auto=True, wish_s=NOON_S + 100), NOON_S + 100)
    # P to Q takes 62 s whenever the shuttle leaves.
    assert soon.pickup_planned_s == NOON_S + 62
    assert later.pickup_planned_s == NOON_S + 162


def test_a_refusal_is_quoted_with_its_reason_and_what_would_do() -> None:
    street = Street("P")
    street.submit(StreetsClosed(street.now_s, OperatorId("o"), (), (StopId("S"),)))
    refused = quote_request(street.state, a_wish(), NOON_S)
    assert isinstance(refused, Refusal)
    assert refused.reason is RefusalReason.STOP_CLOSED
    assert refused.nearest is not None
    assert refused.nearest.stop_id is not None


@pytest.mark.parametrize("seed", range(8))
def test_asking_at_once_gives_what_was_quoted(seed: int) -> None:
    rng = random.Random(seed)
    street = Street("P", "T")
    for number in range(25):
        street.wait(rng.choice([0, 7, 60]))
        origin, destination = rng.sample(STOPS[:5], 2)
        wish = rng.choice(list(TimeWish))
        ahead_s = rng.choice([300, 1800]) if wish is not TimeWish.NOW else 0
        request = a_wish(
            origin,
            destination,
            wish=wish,
            wish_s=street.now_s + ahead_s,
            seats=rng.choice([1, 1, 2, 5, 9]),
            flexible_s=rng.choice([0, 900]),
            auto=rng.random() < 0.5,
        )
        quoted = quote_request(street.state, request, street.now_s)
        told = street.want(
            origin,
            destination,
            wish=wish,
            wish_s=request.wish_s,
            party=request.party,
            flexible_s=request.flexible_s,
            auto=request.auto_accept,
        )
        if isinstance(quoted, Refusal):
            assert told.state is TripState.REFUSED, (seed, number)
            assert told.refusal == quoted, (seed, number)
        else:
            promise = told.promise or told.offers[0].promise
            assert promise == quoted[0].promise, (seed, number)
            shuttle = told.shuttle_id or told.offers[0].shuttle_id
            assert shuttle == quoted[0].shuttle_id, (seed, number)
            if request.auto_accept is False:
                assert told.offers[0].pickup_planned_s == quoted[0].pickup_planned_s
                assert told.offers[0].quote == quoted[0].quote


def test_the_engine_hears_of_no_request_by_a_quote() -> None:
    street = Street("P")
    quote_request(street.state, a_wish(), NOON_S)
    assert not street.state.trips
    assert not street.state.requests
    assert not any(isinstance(event, RequestSubmitted) for event in street.journal)
