"""Operators' commands in the story of a trip or a shuttle, and what they came to."""

import json

from explained import explained, records_of
from sketched_service import Street

from dispatcher.domain.commands import CommandProblem
from dispatcher.domain.events import ShuttleHeld, TripCancelled, TripMoved
from dispatcher.domain.ids import CommandId, OperatorId, ShuttleId, TripId
from dispatcher.domain.trips import TimeWish
from dispatcher.explaining import (
    commands_json,
    commands_text,
    explanation_text,
    recorded_commands,
)

OLGA = OperatorId("olga")


def test_a_trips_story_has_the_commands_that_concerned_it_and_what_they_came_to() -> None:
    street = Street("P", "T")
    street.want("Q", "S")
    street.wait(5)
    street.submit(
        TripMoved(street.now_s, OLGA, TripId("t1"), ShuttleId("s2"), "try", CommandId("c1"))
    )
    street.submit(ShuttleHeld(street.now_s, OLGA, ShuttleId("s1"), "a dog", CommandId("c2")))
    street.submit(ShuttleHeld(street.now_s, OLGA, ShuttleId("s2"), "a cat", CommandId("c3")))
    explanation = explained(street, "t1")
    ordered = [step for step in explanation.steps if step.command is not None]
    assert [step.cause for step in ordered] == [
        "olga moved this trip to shuttle s2 (try).",
        "olga stopped shuttle s1 (a dog).",
    ]
    text = explanation_text(explanation)
    assert "olga moved this trip to shuttle s2 (try)." in text
    assert (
        "Nothing was done: s1 is on its way to its riders already, or is with them. (ON_ITS_WAY)"
        in text
    )


def test_a_shuttles_story_is_the_commands_about_it() -> None:
    street = Street("P", "T")
    near, far = street.cars.values()
    street.want("Q", "S")
    street.submit(ShuttleHeld(street.now_s, OLGA, far.id, "a cat", CommandId("c1")))
    street.submit(TripMoved(street.now_s, OLGA, TripId("t1"), far.id, "try", CommandId("c2")))
    street.submit(TripCancelled(street.now_s, TripId("t9"), None, OLGA, "gone", CommandId("c3")))
    every = recorded_commands(street.site, records_of(street))
    assert [c.event.command_id for c in every] == ["c1", "c2", "c3"]
    outcomes = [c.outcome and c.outcome.refusal and c.outcome.refusal.problem for c in every]
    assert outcomes[0] is None
    assert outcomes[2] is CommandProblem.UNKNOWN_TRIP
    mine = recorded_commands(street.site, records_of(street), near.id)
    assert [c.event.command_id for c in mine] == ["c2"]
    assert "2026-09-21 12:00:00  olga stopped shuttle s2 (a cat)." in commands_text(
        every, "Asia/Seoul"
    )
    assert "Refused (UNKNOWN_TRIP): There is no trip t9." in commands_text(every, "Asia/Seoul")
    assert json.loads(commands_json(every))[2]["event"]["type"] == "TripCancelled"
    assert commands_text((), "Asia/Seoul") == "No commands.\n"


def test_a_move_to_the_shuttle_named_is_priced_as_any_place_is() -> None:
    street = Street("P", "R", "T", driven=False)
    wish_s = street.now_s + 1200
    street.want("Q", "S", wish=TimeWish.DEPART_AT, wish_s=wish_s)
    street.submit(
        TripMoved(street.now_s, OLGA, TripId("t1"), ShuttleId("s3"), "try", CommandId("c1"))
    )
    text = explanation_text(explained(street, "t1"))
    assert (
        "Looked for another shuttle, as an operator ordered, with the promise kept: 1 seat" in text
    )
    assert (
        "3 shuttles considered: 3 could, 0 could not, 0 take no riders just now, 2 were not named."
        in text
    )
    assert "Chosen: shuttle s3" in text
