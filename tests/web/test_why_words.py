"""Whatever an explanation says by name, the console can say in every language.

Each test fails as soon as the engine, or what explains it, can say something new.
"""

import re
import typing
from dataclasses import MISSING, fields
from typing import Any

import pytest
from engine_world import EngineWorld
from phrase_books import OPERATORS, RIDERS, pattern_of, phrase_of, phrases
from sketched_service import Street
from told_sentences import told_sentences
from told_to_operators import told_to_operators

from dispatcher.domain.commands import CommandProblem
from dispatcher.domain.events import (
    BoardingFailed,
    Event,
    OfferAnswered,
    RequestSubmitted,
    ShuttleJoined,
    ShuttleReported,
    TripCancelled,
    TripMoved,
)
from dispatcher.domain.shuttles import DriveMode, Fault, FaultLevel
from dispatcher.domain.trips import RefusalReason
from dispatcher.engine.barred import GOT_OUT, PLAN_EXPIRED
from dispatcher.engine.witness import Purpose
from dispatcher.explaining.availability import NotTaking, Unavailability, unavailable_in_words
from dispatcher.explaining.explanation import Verdict
from dispatcher.explaining.happenings import Happened, Happening, happening
from dispatcher.explaining.happenings_in_words import happening_in_words
from dispatcher.planning.request import Binding
from dispatcher.planning.schedule import Cost
from dispatcher.web.static_files import static_files
from dispatcher.web.words import LANGUAGES, catalogue


def texts_of(key: str) -> list[str]:
    return [catalogue(language)[key] for language in LANGUAGES]


def gaps(key: str) -> set[str]:
    return {gap for text in texts_of(key) for gap in re.findall(r"\{(\w+)\}", text)}


@pytest.mark.parametrize(
    ("prefix", "names"),
    [
        ("happened", Happened),
        ("not_taking", NotTaking),
        ("mode", DriveMode),
        ("verdict", Verdict),
        ("binding", Binding),
        ("purpose", Purpose),
        ("refusal", RefusalReason),
        ("no", CommandProblem),
        ("term", [term.name for term in fields(Cost)]),
    ],
)
def test_every_name_in_an_explanation_has_words(prefix: str, names: Any) -> None:
    for language in LANGUAGES:
        known = {key for key in catalogue(language) if key.startswith(f"ops.{prefix}.")}
        assert known == {f"ops.{prefix}.{name}" for name in names}


# What happens to a trip, as events of every kind.

VALUES: dict[str, Any] = {
    "at_s": 1_000,
    "shuttle_id": "acme:s1",
    "trip_id": "t1",
    "rider_id": "ana",
    "operator_id": "olga",
    "visit_id": "v1",
    "stop_id": "Q",
    "to_shuttle": "acme:s2",
    "edges": ("A>Z",),
    "stops": ("Q", "R"),
    "reason": "a child on the road",
    "accept": True,
    "last_heard_s": 940,
    "since_s": 940,
    "epoch": 7,
    "revision": 4,
    "order_id": "o1",
    "routes": (None, None),
    "faults": (),
    "paused": False,
}


def sample(kind: type[Any], **given: Any) -> Event:
    """Such an event, with whatever it must have and nothing that is not looked at."""
    values = {
        field.name: given.get(field.name, VALUES.get(field.name))
        for field in fields(kind)
        if field.name in VALUES or field.name in given or field.default is MISSING
    }
    event: Event = kind(**values)
    return event


def street_with_a_trip(*, there: bool = False) -> Street:
    street = Street("P")
    street.want("Q", "S")
    while there and street.state.shuttles["s1"].released.arrived_s is None:  # type: ignore[index, union-attr]
        street.wait(1)
    return street


def happenings() -> list[Happening]:
    """Of every kind of event there is, and of those whose kind says too little, each kind of it."""
    world: EngineWorld = street_with_a_trip()
    (request,) = [event for event in world.journal if isinstance(event, RequestSubmitted)]
    broken = (Fault("motor", FaultLevel.FATAL, "hot"),)
    special = {
        RequestSubmitted: [request],
        OfferAnswered: [sample(OfferAnswered, accept=accept) for accept in (True, False)],
        TripCancelled: [
            sample(TripCancelled, rider_id=None),
            sample(TripCancelled, operator_id=None),
            sample(TripCancelled, operator_id=None, rider_id=None),
        ],
        TripMoved: [sample(TripMoved), sample(TripMoved, to_shuttle=None)],
        BoardingFailed: [
            sample(BoardingFailed, reason=why) for why in ("doors", PLAN_EXPIRED, GOT_OUT)
        ],
        ShuttleJoined: [sample(ShuttleJoined), sample(ShuttleJoined, order_id="")],
        ShuttleReported: [
            sample(ShuttleReported),
            sample(ShuttleReported, paused=True),
            sample(ShuttleReported, faults=broken),
        ],
    }
    events = [
        event for kind in typing.get_args(Event) for event in special.get(kind) or [sample(kind)]
    ]
    states = [world.state, street_with_a_trip(there=True).state, Street("P").state]
    return [
        happening(event, trip, state)  # type: ignore[arg-type]
        for event in events
        for state in states
        for trip in ("t1", "t2")
    ]


def test_whatever_happens_can_be_said() -> None:
    told = happenings()
    assert {each.kind for each in told} == set(Happened)
    for each in told:
        filled = {
            "shuttle": each.shuttle_id,
            "operator": each.operator_id,
            "stop": each.stop_id,
            "places": each.streets or each.stops,
            "faults": each.faults,
            "span": each.number,
            "number": each.number,
        }
        missing = {gap for gap in gaps(f"ops.happened.{each.kind}") if not filled[gap]}
        assert not missing, each
        assert "None" not in happening_in_words(each), each


def test_whatever_keeps_a_shuttle_from_taking_riders_can_be_said() -> None:
    told = [
        Unavailability(NotTaking.SILENT, 90),
        Unavailability(NotTaking.MODE, mode=DriveMode.MANUAL),
        Unavailability(NotTaking.FAULT, faults=("motor",)),
        Unavailability(NotTaking.LOW_BATTERY, 9, 15),
        Unavailability(NotTaking.REFUSES_PLANS, 3),
    ]
    told += [Unavailability(kind) for kind in NotTaking if kind not in {each.kind for each in told}]
    for each in told:
        filled = {
            "span": each.number,
            "level": each.number,
            "number": each.number,
            "reserve": each.reserve_pct,
            "mode": each.mode,
            "faults": each.faults,
        }
        missing = {gap for gap in gaps(f"ops.not_taking.{each.kind}") if not filled[gap]}
        assert not missing, each
        assert "None" not in unavailable_in_words(each), each


def test_whatever_a_rider_was_told_can_be_said() -> None:
    keys = phrases(RIDERS)
    told = told_sentences()
    assert "Your shuttle broke down." in told
    unknown = {sentence for sentence in told if phrase_of(sentence, keys) is None}
    assert unknown == set(), "needs a key in shared/said.js and in the catalogues"
    for english, key in keys.items():
        assert catalogue("en")[key] == english


def test_whatever_operators_are_told_can_be_said() -> None:
    """Alerts, and why an order was refused."""
    keys = phrases(OPERATORS)
    told = told_to_operators()
    assert len(told) > 70
    known = {sentence: phrase_of(sentence, keys) for sentence in told}
    unknown = {sentence for sentence, phrase in known.items() if phrase is None}
    assert unknown == set(), "needs a key in ops/told.js and in the catalogues"
    assert set(keys) - set(known.values()) == set(), "nothing says these any more"
    for english, key in keys.items():
        assert gaps(key) == set(re.findall(r"\{(\w+)\}", english)), key


@pytest.mark.parametrize("script", [RIDERS, OPERATORS])
def test_a_sentence_is_known_by_one_pattern_alone(script: str) -> None:
    keys = phrases(script)
    for english in keys:
        filled = re.sub(r"\{\w+\}", "sejong:shuttle-007", english)
        assert [each for each in keys if pattern_of(each).fullmatch(filled)] == [english]


def test_the_dialog_shows_nothing_as_the_server_has_written_it() -> None:
    for name in ("ops/why.js", "ops/happened.js"):
        script = static_files().files[name].content.decode()
        assert 'lang: "en"' not in script
        assert not re.search(r"\b(problemNotice|cause|unavailable|alerts|remedy)\b", script), name
