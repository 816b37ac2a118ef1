"""Events and decisions survive the journal unchanged, and nothing is read loosely."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatcher.codec import (
    NO_DECISIONS,
    CodecError,
    EventRecord,
    SetAsideRecord,
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
from dispatcher.domain.trips import Party, RideRequest, TimeWish, TripState, TripStatus
from dispatcher.domain.zone import Point

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
    for payload in (EventRecord(A_REQUEST, "ab"), SetAsideRecord(12, "cd")):
        assert decode_payload(encode_payload(payload)) == payload
    with pytest.raises(CodecError):
        decode_payload(b'{"event":{"at_s":7,"type":"ClockTicked"}}')


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
