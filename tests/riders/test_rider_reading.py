"""Riders' messages are read strictly, and a refusal says which field and what to do."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatcher.riders.messages import PointPlace, TripAnswer, TripCancel, TripRequest
from dispatcher.riders.problems import Problem, ProblemCode, ProblemError
from dispatcher.riders.reading import LARGEST_BODY_BYTES, read_message

PLAIN = {"id": "q1", "from": "A", "to": "B"}


def problem_with(**fields: object) -> Problem:
    """What is answered to the plain request with these fields changed; ... removes one."""
    changed = {**PLAIN, **fields}
    return problem_of(json.dumps({k: v for k, v in changed.items() if v is not ...}).encode())


def problem_of(body: bytes) -> Problem:
    with pytest.raises(ProblemError) as caught:
        read_message(TripRequest, body)
    return caught.value.problem


def test_a_plain_request_has_defaults() -> None:
    request = read_message(TripRequest, json.dumps(PLAIN).encode())
    assert request.when.now is True
    assert (request.party.seats, request.party.wheelchairs) == (1, 0)
    assert request.walk_limit_m == 400
    assert request.accept == "ask"
    assert request.alternatives == 1


def test_a_full_request() -> None:
    request = read_message(
        TripRequest,
        b'{"id":"q1","from":{"lat":36.5,"lon":127},"to":"B",'
        b'"when":{"arrive_by":"2026-03-01T08:30:00+09:00"},'
        b'"party":{"seats":2,"wheelchairs":1},"walk_limit_m":0,"accept":"auto","alternatives":3}',
    )
    assert request.origin == PointPlace(lat=36.5, lon=127.0)
    # 08:30 at +09:00 is 23:30 UTC on the day before.
    assert request.when.arrive_by == datetime(2026, 2, 28, 23, 30, tzinfo=UTC)


@pytest.mark.parametrize("when", ["now", {"now": True}])
def test_now_in_both_forms(when: object) -> None:
    body = json.dumps({**PLAIN, "when": when}).encode()
    assert read_message(TripRequest, body).when.now is True


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"to": ...}, "to"),
        ({"to": "B c"}, "to"),
        ({"to": "B\n"}, "to"),
        ({"to": ""}, "to"),
        ({"to": None}, "to"),
        ({"to": {"lat": 91, "lon": 0}}, "to.lat"),
        ({"to": {"lat": "36.5", "lon": 0}}, "to.lat"),
        ({"to": {"lat": 36.5}}, "to.lon"),
        ({"to": {"lat": 36.5, "lon": 127, "alt": 3}}, "to.alt"),
        ({"id": "x" * 65}, "id"),
        ({"id": 7}, "id"),
        ({"when": "soon"}, "when"),
        ({"when": {}}, "when"),
        ({"when": None}, "when"),
        ({"when": {"now": False}}, "when.now"),
        ({"when": {"depart_at": None}}, "when"),
        ({"when": {"depart_at": "2026-03-01T08:30:00"}}, "when.depart_at"),
        ({"when": {"depart_at": "2026-02-30T08:30:00Z"}}, "when.depart_at"),
        ({"when": {"depart_at": 1_772_000_000}}, "when.depart_at"),
        ({"when": {"depart_at": "1772000000"}}, "when.depart_at"),
        ({"when": {"now": True, "arrive_by": "2026-03-01T08:30:00Z"}}, "when"),
        ({"party": {"seats": 0}}, "party"),
        ({"party": {"seats": 15, "wheelchairs": 6}}, "party"),
        ({"party": {"seats": -1}}, "party.seats"),
        ({"party": {"seats": "1"}}, "party.seats"),
        ({"party": {"seats": 1.0}}, "party.seats"),
        ({"party": {"seats": True}}, "party.seats"),
        ({"party": {"dogs": 1}}, "party.dogs"),
        ({"party": 2}, "party"),
        ({"walk_limit_m": 2001}, "walk_limit_m"),
        ({"accept": "maybe"}, "accept"),
        ({"alternatives": 4}, "alternatives"),
        ({"walk_limit": 100}, "walk_limit"),
    ],
)
def test_what_is_not_described_is_refused(fields: dict[str, object], field: str) -> None:
    problem = problem_with(**fields)
    assert problem.code is ProblemCode.INVALID
    assert problem.field == field
    assert field in problem.text
    assert problem.remedy
    assert len(problem.to_json()) < 400
    if "id" not in fields:
        assert problem.request == "q1"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"{",
        b'{"id":"q1","id":"q2","from":"A","to":"B"}',
        b'{"id":"q1","from":{"lat":1,"lat":2,"lon":3},"to":"B"}',
        b'{"id":"q1","from":{"lat":NaN,"lon":3},"to":"B"}',
        b'{"id":"q1","from":{"lat":-Infinity,"lon":3},"to":"B"}',
        b'{"id":"q1","from":{"lat":1e999,"lon":3},"to":"B"}',
        b'{"id":"\\ud800","from":"A","to":"B"}',
        b'{"\\ud800":1}',
        b'{"id":"q1\xff","from":"A","to":"B"}',
        '{"id":"q1","from":"A","to":"B"}'.encode("utf-16"),
        b'{"a":' + b"[" * 4_000 + b"]" * 4_000 + b"}",
        b'{"a":' + b"9" * 5_000 + b"}",
        b'{"a":{"a":{"a":{"a":{"a":1}}}}}',
    ],
)
def test_what_is_not_plain_json_is_refused(body: bytes) -> None:
    problem = problem_of(body)
    assert problem.code is ProblemCode.UNREADABLE
    assert len(problem.to_json()) < 400


def test_a_large_body_is_refused_before_it_is_parsed() -> None:
    body = b'{"id":"q1"' + b" " * LARGEST_BODY_BYTES
    assert problem_of(body).code is ProblemCode.TOO_LARGE


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200) | st.text().map(lambda text: json.dumps({text: text}).encode()))
def test_whatever_comes_the_answer_can_be_sent(body: bytes) -> None:
    for kind in (TripRequest, TripAnswer, TripCancel):
        with pytest.raises(ProblemError) as caught:
            read_message(kind, body)
        assert json.loads(caught.value.problem.to_json())["code"]


def test_answers_and_cancellations() -> None:
    answer = read_message(TripAnswer, b'{"trip":"t1","accept":true,"offer":"t1.1"}')
    assert (answer.trip, answer.accept, answer.offer) == ("t1", True, "t1.1")
    assert read_message(TripCancel, b'{"trip":"t1"}').reason == ""
    for kind, body in (
        (TripAnswer, b'{"trip":"t1","accept":"true"}'),
        (TripAnswer, b'{"trip":"t1"}'),
        (TripCancel, b'{"trip":"t1","reason":"' + b"x" * 201 + b'"}'),
    ):
        with pytest.raises(ProblemError) as caught:
            read_message(kind, body)
        assert caught.value.problem.trip == "t1"


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_no_depth_of_nesting_exhausts_the_stack(opening: bytes, closing: bytes) -> None:
    # Depths on both sides of what the parser bears, of which 8 KiB hold 4000 in lists.
    for depth in range(5, LARGEST_BODY_BYTES // len(opening + closing) - 10, 7):
        body = b'{"id":"q1","to":' + opening * depth + b"1" + closing * depth + b"}"
        if len(body) <= LARGEST_BODY_BYTES:
            assert problem_of(body).code is ProblemCode.UNREADABLE
