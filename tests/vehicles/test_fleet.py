import json
from typing import Any

import pytest
from shared_files import shared
from vehicle_cases import SHUTTLE, T0, VEHICLE, a_plan, schema_problems
from vehicle_talk import a_factsheet, a_state, ahead, told

from dispatcher.domain.decisions import ShuttleCommand
from dispatcher.domain.ids import ShuttleId
from dispatcher.domain.shuttles import Capacity
from vehicles.fleet import Fleet, FleetOutput, FleetRules
from vehicles.messages import State
from vehicles.topics import Topic, VehicleName, topic_of


def say(fleet: Fleet, state: State, vehicle: VehicleName = VEHICLE) -> FleetOutput:
    topic = topic_of("uagv", vehicle, Topic.STATE)
    return fleet.on_message(topic, state.to_json(), state.timestamp.timestamp(), retained=False)


def a_joined_fleet(**rules: Any) -> Fleet:
    fleet = Fleet(FleetRules(**rules))
    topic = topic_of("uagv", VEHICLE, Topic.FACTSHEET)
    fleet.on_message(topic, a_factsheet().to_json(), T0, retained=True)
    assert [told(event) for event in say(fleet, a_state(T0, 1)).events] == ["joined  0"]
    return fleet


def test_messages_find_their_shuttle_and_answers_their_topic() -> None:
    fleet = a_joined_fleet()
    (sending,) = fleet.publish(a_plan("v1 B 10", released=1), T0 + 1).sendings
    assert sending.topic == "uagv/v2/ringmaster/s01/order"
    assert json.loads(sending.body())["orderId"] == "o1"
    assert list(fleet.latest()) == [SHUTTLE]


@pytest.mark.parametrize(
    ("topic", "body", "cause"),
    [
        ("uagv/v2/ringmaster/s01/mood", b"{}", "unknown_topic"),
        ("uagv/v2/ringmaster/s01/order", b"{}", "not_from_a_vehicle"),
        ("uagv/v2/ringmaster/s01/state", b"{}", "invalid"),
        ("uagv/v2/ringmaster/s01/state", b"\xff\xfe", "invalid"),
        ("uagv/v2/ringmaster/s01/state", b"[" * 100_000, "invalid"),
        ("uagv/v2/ringmaster/s02/state", a_state(T0, 1).to_json(), "header_differs_from_topic"),
        ("uagv/v2/ringmaster/s99/state", b"{}", "not_allowed"),
    ],
)
def test_nonsense_stops_here_and_is_counted(topic: str, body: bytes, cause: str) -> None:
    heard: list[tuple[str, str]] = []
    allowed = frozenset({SHUTTLE, ShuttleId("ringmaster:s02")})
    fleet = Fleet(
        FleetRules(allowed=allowed), lambda topic, cause, detail: heard.append((topic, cause))
    )
    assert fleet.on_message(topic, body, T0, retained=False) == FleetOutput()
    assert fleet.drops == {cause: 1}
    assert heard == [(topic, cause)]


def test_strangers_are_bounded() -> None:
    fleet = a_joined_fleet(most_shuttles=1)
    other = VehicleName("ringmaster", "s02")
    say(fleet, a_state(T0, 1, serial_number="s02"), other)
    assert fleet.drops == {"too_many_shuttles": 1}
    # Those whom the dispatcher serves already are not strangers.
    fleet.resume(other.shuttle_id, T0, capacity=Capacity(4, 0))
    say(fleet, a_state(T0 + 1, 2, serial_number="s02"), other)
    assert set(fleet.latest()) == {SHUTTLE, other.shuttle_id}


def test_a_dropped_state_is_reported_with_how_far_its_clock_is_off() -> None:
    heard: list[tuple[str, str]] = []
    fleet = a_joined_fleet()
    fleet.report_drop = lambda topic, cause, detail: heard.append((cause, detail))
    topic = topic_of("uagv", VEHICLE, Topic.STATE)
    # Stamped at T0 and received an hour later: 3600 s behind, beyond the 600 s allowed.
    fleet.on_message(topic, a_state(T0, 2).to_json(), T0 + 3600, retained=False)
    assert heard == [("clock_off_state", "header 2, stamped -3600 s from our time")]


def test_made_up_names_do_not_keep_shuttles_out() -> None:
    fleet = Fleet(FleetRules(most_shuttles=3))
    for number in range(10):
        name = VehicleName("ringmaster", f"made-up-{number}")
        say(fleet, a_state(T0, 1, serial_number=name.serial_number), name)
    assert len(fleet.latest()) == 3
    fleet.on_message(
        topic_of("uagv", VEHICLE, Topic.FACTSHEET), a_factsheet().to_json(), T0, retained=True
    )
    assert [told(event) for event in say(fleet, a_state(T0, 1)).events] == ["joined  0"]
    # More of them displace each other, and never the shuttle.
    for number in range(10, 20):
        name = VehicleName("ringmaster", f"made-up-{number}")
        say(fleet, a_state(T0 + 1, 1, serial_number=name.serial_number), name)
    assert SHUTTLE in fleet.latest()
    assert fleet.drops == {}


def test_a_picture_of_a_stranger_begins_no_conversation() -> None:
    fleet = Fleet(FleetRules(most_shuttles=0))  # so that the attempt would be counted
    topic = topic_of("uagv", VEHICLE, Topic.VISUALIZATION)
    assert fleet.on_message(topic, b"{}", T0, retained=False) == FleetOutput()
    assert fleet.drops == {}


def test_drops_of_the_conversations_are_counted_once() -> None:
    fleet = a_joined_fleet()
    for _ in range(3):
        say(fleet, a_state(T0, 1))
    assert fleet.drops == {"repeated_state": 3}


def test_plans_and_commands_for_strangers_are_counted() -> None:
    fleet = Fleet(FleetRules())
    fleet.publish(a_plan("v1 B 10", released=1), T0)
    fleet.command(SHUTTLE, ShuttleCommand.PAUSE, 1, T0)
    assert fleet.drops == {"plan_for_unknown_shuttle": 1, "command_for_unknown_shuttle": 1}


def test_a_silence_of_ours_is_not_theirs() -> None:
    fleet = a_joined_fleet()
    fleet.excuse_silence(T0 + 50)
    assert fleet.tick(T0 + 60).events == ()
    assert fleet.next_due(T0 + 60) == pytest.approx(T0 + 95)
    assert [told(event) for event in fleet.tick(T0 + 96).events] == ["silent"]


@pytest.mark.parametrize("version", ["2.0.0", "2.1.0"])
def test_instant_actions_are_valid(version: str) -> None:
    schema = json.loads(shared("vda5050/2.1.0/instantActions.schema").read_text("utf-8"))
    fleet = a_joined_fleet()
    say(fleet, a_state(T0 + 1, 2, version=version, node_states=ahead(2)))
    sent = 0
    for number, command in enumerate(ShuttleCommand):
        for sending in fleet.command(SHUTTLE, command, number, T0 + 2, "why not").sendings:
            sent += 1
            document = json.loads(sending.body())
            assert schema_problems(schema, document) == []
            named = document.get("instantActions")
            assert named == (document["actions"] if version == "2.0.0" else None)
    assert sent == len(ShuttleCommand)
