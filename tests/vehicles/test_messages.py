import json
from typing import Any

import pytest
from pydantic import ValidationError
from shared_files import shared
from vehicle_cases import T0, schema_problems

from vehicles.messages import Connection, State, moment_of, parse
from vehicles.topics import (
    DEFAULT_INTERFACE,
    Topic,
    VehicleName,
    parse_topic,
    topic_of,
    vehicle_name,
)


def a_bare_state(**changes: Any) -> dict[str, Any]:
    """The least that the schema asks for: what a plain vehicle sends."""
    return {
        "headerId": 7,
        "timestamp": "2023-11-14T22:13:20.12Z",
        "version": "2.0.0",
        "manufacturer": "acme",
        "serialNumber": "42",
        "orderId": "",
        "orderUpdateId": 0,
        "lastNodeId": "",
        "lastNodeSequenceId": 0,
        "nodeStates": [],
        "edgeStates": [],
        "driving": False,
        "actionStates": [],
        "batteryState": {"batteryCharge": 80, "charging": False},
        "operatingMode": "AUTOMATIC",
        "errors": [],
        "safetyState": {"eStop": "NONE", "fieldViolation": False},
    } | changes


def position_at(x: float) -> dict[str, Any]:
    return {"x": x, "y": 0.0, "theta": 0.0, "mapId": "local", "positionInitialized": True}


def test_the_least_state_is_read() -> None:
    schema = json.loads(shared("vda5050/2.1.0/state.schema").read_text("utf-8"))
    assert schema_problems(schema, a_bare_state()) == []
    state = parse(State, json.dumps(a_bare_state()).encode())
    assert state.battery_state.battery_charge == 80.0
    assert state.loads is None
    assert state.agv_position is None
    assert state.timestamp.timestamp() == pytest.approx(T0 + 0.12)


def test_unknown_fields_and_nulls_of_other_makers_pass() -> None:
    document = a_bare_state(agvPosition=None, paused=None, acme={"mood": "sunny"})
    assert parse(State, json.dumps(document).encode()).agv_position is None


def test_a_paused_action_passes_as_the_standards_text_says() -> None:
    states = [{"actionId": "a", "actionStatus": "PAUSED"}]
    assert parse(State, json.dumps(a_bare_state(actionStates=states)).encode()).action_states


@pytest.mark.parametrize(
    "changes",
    [
        {"headerId": "7"},
        {"headerId": 7.5},
        {"headerId": -1},
        {"headerId": 2**70},
        {"orderUpdateId": 2**32},
        {"loads": [{"loadId": f"t{number}"} for number in range(201)]},
        {"agvPosition": position_at(1e300)},
        {"agvPosition": position_at(-1_000_001.0)},
        {"driving": "false"},
        {"driving": 0},
        {"batteryState": {"batteryCharge": "80", "charging": False}},
        {"batteryState": {"batteryCharge": float("nan"), "charging": False}},
        {"batteryState": {"batteryCharge": float("inf"), "charging": False}},
        {"timestamp": "2023-11-14T22:13:20"},
        {"timestamp": "1700000000"},
        {"timestamp": 1_700_000_000},
        {"timestamp": "yesterday"},
        {"operatingMode": "automatic"},
        {"orderId": "x" * 513},
        {"orderId": None},
        {"nodeStates": [{"nodeId": "n", "sequenceId": 0, "released": True}] * 1001},
        {"actionStates": [{"actionId": "a", "actionStatus": "DONE"}]},
        {"safetyState": {"eStop": "NONE"}},
    ],
)
def test_nonsense_is_refused(changes: dict[str, Any]) -> None:
    parse(State, json.dumps(a_bare_state()).encode())
    with pytest.raises(ValidationError):
        parse(State, json.dumps(a_bare_state(**changes)).encode())


def test_times_go_out_in_utc_with_milliseconds() -> None:
    body = a_bare_state(timestamp="2023-11-15T07:13:20.123456+09:00", connectionState="ONLINE")
    sent = json.loads(parse(Connection, json.dumps(body).encode()).to_json())
    assert sent["timestamp"] == "2023-11-14T22:13:20.123Z"
    assert moment_of(T0).isoformat() == "2023-11-14T22:13:20+00:00"


def test_a_topic_names_the_vehicle() -> None:
    vehicle = VehicleName("acme inc.", "a:7")
    topic = topic_of(DEFAULT_INTERFACE, vehicle, Topic.STATE)
    assert topic == "uagv/v2/acme inc./a:7/state"
    assert parse_topic(DEFAULT_INTERFACE, topic) == (vehicle, Topic.STATE)
    assert vehicle.shuttle_id == "acme inc.:a:7"
    assert vehicle_name(vehicle.shuttle_id) == vehicle


@pytest.mark.parametrize(
    "topic",
    [
        "other/v2/acme/7/state",
        "uagv/v3/acme/7/state",
        "uagv/v2/acme/7/mood",
        "uagv/v2/acme/7",
        "uagv/v2/acme/7/state/more",
        "uagv/v2//7/state",
        "uagv/v2/ac:me/7/state",
        f"uagv/v2/acme/{'7' * 129}/state",
    ],
)
def test_other_topics_are_not_vehicles(topic: str) -> None:
    assert parse_topic(DEFAULT_INTERFACE, topic) is None


@pytest.mark.parametrize("shuttle_id", ["acme", ":7", "acme:", "ac/me:7", "acme:+"])
def test_a_shuttle_id_names_manufacturer_and_serial(shuttle_id: str) -> None:
    with pytest.raises(ValueError, match="manufacturer:serial"):
        vehicle_name(shuttle_id)
