"""The quick reading of a state comes to exactly what reading all of it does, or does not happen."""

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
from pydantic import ValidationError
from vehicle_cases import T0
from vehicle_talk import a_state, actions, ahead, loads

from vehicles.messages import (
    AgvPosition,
    BatteryState,
    State,
    Velocity,
    parse,
)
from vehicles.same_state import StateReader

RECORDED = Path(__file__).parent / "recorded"


def a_busy_state(header_id: int = 1, **changes: Any) -> dict[str, Any]:
    """A shuttle on its way, as JSON would have it."""
    state = a_state(
        T0 + header_id,
        header_id,
        order_id="o1",
        order_update_id=3,
        node_states=ahead(2, 4, 6),
        action_states=actions("v1/board/ana FINISHED", "v2/alight/ana WAITING"),
        loads=loads("ana"),
        driving=True,
        distance_since_last_node=12.5,
        velocity=Velocity(vx=4.0, vy=0, omega=-0.01),
        agv_position=AgvPosition(
            x=1.25, y=-3e1, theta=0, map_id="local", position_initialized=True
        ),
        battery_state=BatteryState(battery_charge=80.5, charging=False, reach=9000),
    )
    fields: dict[str, Any] = json.loads(state.to_json())
    return fields | changes


def body_of(fields: dict[str, Any], **style: Any) -> bytes:
    return json.dumps(fields, **style).encode()


def read_both(reader: StateReader, body: bytes) -> State | None:
    """What both readings come to, which must be the same in every field; None: refused by both."""
    try:
        whole = parse(State, body)
    except ValidationError:
        with pytest.raises(ValidationError):
            reader.read(body)
        return None
    state = reader.read(body)
    assert state == whole
    assert state.model_fields_set == whole.model_fields_set
    assert state.to_json() == whole.to_json()
    assert repr(state) == repr(whole)  # an int is no float, though they are equal
    return state


def test_what_stands_still_is_taken_over() -> None:
    reader = StateReader()
    read_both(reader, body_of(a_busy_state(1)))
    first = read_both(reader, body_of(a_busy_state(2)))
    second = read_both(reader, body_of(a_busy_state(3, distanceSinceLastNode=14)))
    assert first is not None
    assert second is not None
    assert reader.quick == 1
    assert second.header_id == 3
    assert second.distance_since_last_node == 14.0
    assert second.node_states is first.node_states
    assert second.action_states is first.action_states


@pytest.mark.parametrize("style", [{}, {"separators": (",", ":")}, {"indent": 2}])
def test_however_it_is_written(style: dict[str, Any]) -> None:
    reader = StateReader()
    for number in range(1, 6):
        assert read_both(reader, body_of(a_busy_state(number), **style)) is not None
    assert reader.quick == 3


@pytest.mark.parametrize("seed", range(60))
def test_any_change_is_read_as_if_all_were_read(seed: int) -> None:
    rng, reader = Random(seed), StateReader()
    fields = a_busy_state()
    for number in range(2, 60):
        fields = json.loads(json.dumps(fields))
        fields["headerId"] = number
        for _ in range(rng.choice((0, 0, 1, 2))):
            _change_something(fields, rng)
        read_both(reader, body_of(fields, separators=(",", ":")))


def _change_something(fields: dict[str, Any], rng: Random) -> None:
    """Somewhere in it, to something that may or may not be valid there."""
    where: Any = fields
    while True:
        key = rng.choice(list(where) if isinstance(where, dict) else range(len(where)))
        inner = where[key]
        if not isinstance(inner, dict | list) or not inner or rng.random() < 0.3:
            break
        where = inner
    odd = [None, True, 0, -0.0, 7, 1e300, -1, 2**63, 5.5, "", "5", "x", [], {}, float("inf")]
    moves = isinstance(inner, float) and rng.random() < 0.7
    where[key] = inner + rng.random() if moves else rng.choice(odd)
    if rng.random() < 0.1 and isinstance(where, dict):
        del where[key]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        # A name that stands twice: the last one counts.
        (b'"headerId": 1', b'"headerId": 2, "headerId": 3'),
        (b'"headerId": 1', b'"headerId": 1, "headerId": "x"'),
        (b'"reach": 9000.0', b'"reach": 1, "reach": null'),
        (b'"reach": 9000.0', b'"reach": null, "reach": 1'),
        (b'"agvPosition"', b'"agvPosition": null, "agvPosition"'),
        (b'"orderUpdateId"', b'"velocity": {"vx": 1}, "orderUpdateId"'),
        (b'"headerId": 1', b'"header_id": 7, "headerId": 8'),
        (b'"headerId": 1', b'"headerId": 8, "header_id": 7'),
        (b'"headerId": 1', b'"header_id": 7'),
        (b'"headerId": 1', b'"header\\u0049d": 7'),
        # Numbers at the edge of what a number is.
        (b'"x": 1.25', b'"x": 1.2.5'),
        (b'"x": 1.25', b'"x": 1-2'),
        (b'"x": 1.25', b'"x": 01'),
        (b'"x": 1.25', b'"x": 1e400'),
        (b'"x": 1.25', b'"x": -0'),
        (b'"x": 1.25', b'"x": 1000001'),
        (b'"x": 1.25', b'"x": NaN'),
        (b'"headerId": 1', b'"headerId": 1.0'),
        (b'"headerId": 1', b'"headerId": -1'),
        (b'"headerId": 1', b'"headerId": 9223372036854775808'),
        (b'"headerId": 1', b'"headerId": 1, "more": ' + b"9" * 5000),
        (b'"headerId": 1', b'"headerId": 1, "\xed\x95\x9c": 1'),
        (b'"headerId": 1', b'"headerId": 1, "odd": "\\ud800"'),
        (b'"headerId": 1', b'"headerId": 1}'),
        (b'"timestamp": "2', b'"timestamp": "\\u0032'),
        (b'"timestamp": "2', b'"timestamp": "+2'),
    ],
)
def test_what_is_written_oddly(before: bytes, after: bytes) -> None:
    plain = body_of(a_busy_state())
    assert before in plain
    odd = plain.replace(before, after, 1)
    for bodies in ((odd, odd, odd), (plain, plain, odd), (odd, odd, plain), (plain, odd, plain)):
        reader = StateReader()
        for body in bodies:
            read_both(reader, body)
        # And once more with everything that moves.
        read_both(reader, bodies[-1].replace(b"12.5", b"13.75"))


def test_two_vehicles_recorded_on_the_road() -> None:
    for path in sorted(RECORDED.glob("*.jsonl")):
        reader, states = StateReader(), 0
        for line in path.read_text("utf-8").splitlines():
            entry = json.loads(line)
            body = next(
                (v for v in entry.values() if isinstance(v, dict) and "nodeStates" in v), None
            )
            if body is not None:
                states += 1
                read_both(reader, body_of(body))
        assert states > 0
