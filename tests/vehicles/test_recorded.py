"""Conversations recorded with vehicles of other makers; each trouble in the field adds one.

``recorded/plain_vehicle_*.jsonl`` come from a virtual vehicle of version 2.0.0 that knows
nothing of the profile but its two actions: no places in its factsheet, no ``loads``, order
errors kept until the next order, and the last node of the old order in its first state of
the new one. One message a line, with seconds from the start, moved to begin at T0.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from vehicle_cases import T0, a_plan
from vehicle_talk import told

from dispatcher.domain.ids import NodeId, ShuttleId
from dispatcher.domain.plans import ShuttlePlan, StartNode
from dispatcher.domain.shuttles import Capacity
from vehicles.exchange import ConversationRules
from vehicles.fleet import Fleet, FleetOutput, FleetRules

SHUTTLE = ShuttleId("acme:v1")
PLACES = Capacity(4, 0)


def recorded(name: str) -> Iterator[dict[str, Any]]:
    for line in (Path(__file__).parent / "recorded" / name).read_text("utf-8").splitlines():
        yield json.loads(line)


class Replay:
    """The fleet's side of the recording; plans are published where the recording says so."""

    def __init__(self) -> None:
        rules = ConversationRules(default_capacity=PLACES, factsheet_wait_s=3)
        self.fleet = Fleet(FleetRules(conversation=rules))
        self.lines: list[str] = []
        self.sent: list[dict[str, Any]] = []
        self.plans: dict[str, ShuttlePlan] = {}  # after this line, this plan

    def play(self, name: str) -> list[str]:
        for row in recorded(name):
            topic, body = f"uagv/v2/acme/v1/{row['topic']}", json.dumps(row["body"]).encode()
            now = T0 + row["at"]
            self.take(self.fleet.tick(now), now)
            self.take(self.fleet.on_message(topic, body, now, retained=row["retain"]), now)
        return [line for line in self.lines if line != "reported"]

    def take(self, output: FleetOutput, now: float) -> None:
        self.sent += [json.loads(sending.body()) for sending in output.sendings]
        for line in [told(event) for event in output.events]:
            self.lines.append(line)
            if line in self.plans:
                self.take(self.fleet.publish(self.plans.pop(line), now), now)


def a_fleet_plan(*visits: str, **choices: Any) -> ShuttlePlan:
    return a_plan(*visits, shuttle_id=SHUTTLE, **choices)


def test_a_plain_vehicle_gives_a_ride() -> None:
    replay = Replay()
    visits = ("v1 B 10 +ana", "v2 C 60 -ana")
    replay.plans["joined  0"] = a_fleet_plan(*visits, released=1)
    replay.plans["confirmed 1"] = a_fleet_plan(*visits, released=2, revision=2)
    assert replay.play("plain_vehicle_ride.jsonl") == [
        "joined  0",
        "confirmed 1",
        "confirmed 2",
        "arrived v1",
        "boarded v1 ana",
        "completed v1",
        "arrived v2",
        "alighted v2 ana",
        "completed v2",
    ]
    assert replay.fleet.drops == {"factsheet_without_places": 1}
    # It refuses every message of a newer version than its own.
    assert {message["version"] for message in replay.sent} == {"2.0.0"}


def test_a_plain_vehicle_gives_up_its_order_and_takes_another() -> None:
    replay = Replay()
    sixth = a_fleet_plan("v6 B 90 -bob", start="C", sequence=28, released=1, revision=6)
    replay.fleet.resume(SHUTTLE, T0 - 20, capacity=PLACES, plan=sixth, confirmed=5)
    replay.plans["confirmed 6"] = a_fleet_plan(
        "v7 B 90 -bob", start="C", released=1, revision=7, order_id="o2"
    )
    replay.plans["refused 7"] = replace(
        a_fleet_plan("v8 B 90 -bob", start="C", released=1, revision=8, order_id="o8"),
        start=StartNode(NodeId("here"), 159.92, 0.0, 0),
    )
    lines = replay.play("plain_vehicle_new_order.jsonl")
    assert lines == [
        "confirmed 5",
        "confirmed 6",
        # It stands 40 m from where revision 7 begins, and allows itself 30.
        "refused 7",
        "confirmed 8",
        "arrived v8",
        "alighted v8 bob",
        "completed v8",
    ]
