"""Events and decisions survive the journal unchanged, and nothing is read loosely."""

import json
import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatcher.codec import (
    NO_DECISIONS,
    CodecError,
    EventRecord,
    SealRecord,
    SetAsideRecord,
    ZoneRecord,
    decision_digest,
    decode_decision,
    decode_event,
    decode_payload,
    encode_decision,
    encode_event,
    encode_payload,
)
from dispatcher.domain.decisions import Decision, TripChanged
from dispatcher.domain.events import ClockTicked, Event, RequestSubmitted
from dispatcher.domain.ids import RequestId, RiderId, StopId, TripId
from dispatcher.domain.pace import PaceRule
from dispatcher.domain.rules import ServiceRules
from dispatcher.domain.trips import Party, RideRequest, TimeWish, TripState, TripStatus
from dispatcher.domain.zone import Point
from dispatcher.recorded_rules import rules_of, rules_text
from dispatcher.upcasting import FORMAT, UPCASTS, UnknownFormatError, upcast

A_REQUEST = RequestSubmitted(
    at_s=1_000,
    request=RideRequest(
        request_id=RequestId("q1"),
        rider_id=RiderId("ana"),
        trip_id=TripId("t1"),
        origin=StopId("A"),
        destination=Point(36.5, 127.3),
        wish=TimeWish.NOW,
        wish_s=1_000,
        party=Party(2, 1),
        walk_limit_m=400,
    ),
)

# Not-a-number and infinities stop at the border; inside there are none.
st.register_type_strategy(float, st.floats(allow_nan=False, allow_infinity=False))


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_every_event_comes_back_as_it_went(data: st.DataObject) -> None:
    event = data.draw(st.from_type(Event))
    written = encode_event(event)
    assert decode_event(written) == event
    assert encode_event(decode_event(written)) == written


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_every_decision_comes_back_as_it_went(data: st.DataObject) -> None:
    decision = data.draw(st.from_type(Decision))
    written = encode_decision(decision)
    assert decode_decision(written) == decision
    assert encode_decision(decode_decision(written)) == written


def test_bytes_are_canonical() -> None:
    assert encode_event(ClockTicked(7)) == b'{"at_s":7,"type":"ClockTicked"}'


@pytest.mark.parametrize(
    "payload",
    [
        b'{"at_s":7,"type":"ClockTicked","more":1}',
        b'{"at_s":"7","type":"ClockTicked"}',
        b'{"at_s":7.5,"type":"ClockTicked"}',
        b'{"type":"ClockTicked"}',
        b'{"at_s":7,"type":"Unheard"}',
        b'{"at_s":7}',
        b'{"at_s":NaN,"type":"ClockTicked"}',
        b"[]",
        b"{",
        encode_event(A_REQUEST).replace(b'"seats":2', b'"seats":2,"dogs":1'),
        encode_event(A_REQUEST).replace(b'"now"', b'"soon"'),
    ],
)
def test_reading_is_strict(payload: bytes) -> None:
    with pytest.raises(CodecError):
        decode_event(payload)


def test_payloads_carry_the_digest_before_their_batch() -> None:
    for payload in (
        EventRecord(A_REQUEST, "ab"),
        SetAsideRecord(12, "cd"),
        ZoneRecord('{"guard_s":60}', "ef", "01"),
        SealRecord("23"),
    ):
        assert decode_payload(encode_payload(payload)) == payload
    with pytest.raises(CodecError):
        decode_payload(b'{"event":{"at_s":7,"type":"ClockTicked"}}')


def test_a_payload_without_a_number_is_of_the_first_format() -> None:
    written = encode_payload(EventRecord(A_REQUEST, "ab"))
    assert written.endswith(b',"v":%d}' % FORMAT)
    first = written.replace(b',"v":%d}' % FORMAT, b"}")
    assert decode_payload(first) == EventRecord(A_REQUEST, "ab")


@pytest.mark.parametrize("number", [b"3", b"0", b"true", b'"2"', b"2.0"])
def test_a_payload_of_a_format_to_come_is_not_guessed_at(number: bytes) -> None:
    written = encode_payload(EventRecord(A_REQUEST, "ab"))
    with pytest.raises(CodecError, match="not known here"):
        decode_payload(written.replace(b'"v":%d}' % FORMAT, b'"v":' + number + b"}"))


def test_each_format_is_made_into_the_next() -> None:
    # As if "seats" had become "people" in format 2, and a default had come in format 3.
    def renamed(fields: dict[str, Any]) -> dict[str, Any]:
        fields["people"] = fields.pop("seats")
        return fields

    def added(fields: dict[str, Any]) -> dict[str, Any]:
        return {"floor": 1, **fields}

    steps = {1: renamed, 2: added}
    assert upcast({"seats": 4}, upcasts=steps, newest=3) == {"floor": 1, "people": 4}
    assert upcast({"people": 4, "v": 2}, upcasts=steps, newest=3) == {"floor": 1, "people": 4}
    assert upcast({"floor": 0, "v": 3}, upcasts=steps, newest=3) == {"floor": 0}
    with pytest.raises(UnknownFormatError):
        upcast({"v": 4}, upcasts=steps, newest=3)


def test_there_is_a_step_from_every_format() -> None:
    assert sorted(UPCASTS) == list(range(1, FORMAT))


def test_rules_are_read_back_also_from_another_version() -> None:
    rules = ServiceRules(guard_s=30, pace=PaceRule(by_hour_pm=tuple(range(1000, 1024))))
    text = rules_text(rules)
    assert rules_of(text) == rules
    assert rules_text(rules_of(text)) == text
    other = json.loads(text)
    other["gone"] = 1
    other["pace"]["gone"] = 2
    del other["guard_s"]  # as if it were not there yet
    assert rules_of(json.dumps(other)) == replace(rules, guard_s=ServiceRules().guard_s)
    for broken in ("[]", '{"guard_s":"many"}', "{"):
        with pytest.raises(ValueError, match=r"recorded rules|Expecting"):
            rules_of(broken)


def test_digest_depends_on_order_position_and_content() -> None:
    def status(state: TripState) -> TripChanged:
        return TripChanged(TripStatus(TripId("t"), RiderId("r"), RequestId("q"), state, 1, 5))

    first, second = status(TripState.OFFERED), status(TripState.REFUSED)
    digests = {
        decision_digest(NO_DECISIONS, 1, ()),
        decision_digest(NO_DECISIONS, 2, ()),
        decision_digest(NO_DECISIONS, 1, (first, second)),
        decision_digest(NO_DECISIONS, 1, (second, first)),
        decision_digest(decision_digest(NO_DECISIONS, 1, (first,)), 1, (second,)),
    }
    assert len(digests) == 5
    again = decision_digest(NO_DECISIONS, 1, (first, second))
    assert again in digests


def test_a_key_with_any_text_survives() -> None:
    rng = random.Random(4)
    text = "".join(chr(rng.choice([34, 92, 10, 0x1F600, 0xAC00])) for _ in range(50))
    event = RequestSubmitted(1, A_REQUEST.request)
    assert b"\n" not in encode_payload(EventRecord(event, text))
    assert decode_payload(encode_payload(EventRecord(event, text))) == EventRecord(event, text)
