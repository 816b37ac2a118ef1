"""Searches that pass over a shuttle for want of a berth are told as one."""

from dataclasses import replace

import pytest
from sketched_service import NOON_S, Street

from dispatcher.domain.ids import ShuttleId
from dispatcher.engine.state import ServiceState
from dispatcher.engine.witness import Purpose
from dispatcher.explaining import DisagreementError
from dispatcher.explaining.explanation import Verdict
from dispatcher.explaining.looking import SearchLog
from dispatcher.explaining.search_in_words import search_lines
from dispatcher.explaining.spoken import Clock
from dispatcher.planning.insertion import best_insertion
from dispatcher.planning.request import (
    Binding,
    DropoffChoice,
    Insertion,
    InsertionRequest,
    NoInsertion,
    PickupChoice,
)

# Q to S at noon.
ASKED = InsertionRequest(
    pickups=(PickupChoice(1, 0, NOON_S, NOON_S + 600),),
    dropoffs=(DropoffChoice(3, 0, NOON_S + 3600),),
    max_ride_s=((600,),),
    desired_s=NOON_S,
    load=(1, 0),
    dwell_s=20,
)


def planned(state: ServiceState, *forbid: int) -> Insertion | NoInsertion:
    times_s, objective = state.streets.stop_times_s, state.site.rules.objective
    return best_insertion(state.fleet, ASKED, times_s, objective, NOON_S, forbid)


def a_log(state: ServiceState, *passed_over: str) -> SearchLog:
    """The question put once, and again without each of those passed over."""
    log = SearchLog()
    for count in range(len(passed_over) + 1):
        forbid = tuple(ShuttleId(name) for name in passed_over[:count])
        found = planned(state, *(state.row_of[shuttle_id] for shuttle_id in forbid))
        log.searched(state, Purpose.OFFER_SOONEST, ASKED, forbid, found)
    return log


def verdicts(log: SearchLog) -> dict[str, Verdict]:
    (search,) = log.searches
    return {answer.shuttle_id: answer.verdict for answer in search.answers}


def test_one_question_put_twice_is_one_search() -> None:
    state = Street("P", "T").state
    log = a_log(state, "s1")
    found = planned(state, 0)
    assert isinstance(found, Insertion)
    log.settled((ShuttleId("s2"), found))
    assert verdicts(log) == {"s1": Verdict.CROWDED, "s2": Verdict.CHOSEN}
    text = "\n".join(search_lines(log.searches[0], Clock("Asia/Seoul", NOON_S)))
    assert "s1: no berth is free when it would be there" in text
    assert "Chosen: shuttle s2" in text


def test_waiting_for_a_berth_is_told_with_its_times() -> None:
    state = Street("P").state
    log = a_log(state)
    found = planned(state)
    assert isinstance(found, Insertion)
    later = replace(found, begin_s=tuple(begin_s + 30 for begin_s in found.begin_s))
    log.settled((ShuttleId("s1"), later))
    (search,) = log.searches
    # P to Q 62 s, and 30 s of waiting for the berth; 132 s aboard.
    assert search.at_berths_pickup_s == NOON_S + 92
    assert search.at_berths_dropoff_s == NOON_S + 92 + 132
    text = "\n".join(search_lines(search, Clock("Asia/Seoul", NOON_S)))
    assert "To find a free berth at each stop, planned instead: pickup 12:01:32" in text


def test_nobody_with_a_berth_is_nobody() -> None:
    log = a_log(Street("P", "T").state, "s1")
    log.settled(NoInsertion(Binding.WAIT_TOO_LONG))
    assert log.searches[0].chosen is None
    assert verdicts(log) == {"s1": Verdict.CROWDED, "s2": Verdict.CROWDED}


def test_riders_with_a_promise_are_fetched_by_the_cheapest_all_the_same() -> None:
    state = Street("P", "T").state
    log = a_log(state, "s1")
    found = planned(state)
    assert isinstance(found, Insertion)
    log.settled((ShuttleId("s1"), found))
    assert log.searches[0].chosen == "s1"
    assert verdicts(log) == {"s1": Verdict.CHOSEN, "s2": Verdict.CROWDED}


def test_an_end_that_the_searches_do_not_lead_to_is_no_explanation() -> None:
    state = Street("P", "T").state
    found = planned(state)
    assert isinstance(found, Insertion)
    with pytest.raises(DisagreementError):
        a_log(state).settled((ShuttleId("s2"), found))
