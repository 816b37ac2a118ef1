import json

import pytest
from shared_files import shared
from vehicle_cases import T0, VEHICLE, a_plan, schema_problems

from dispatcher.domain.plans import ShuttlePlan
from vehicles.mapping import (
    NoStitchError,
    OrderStyle,
    base_ends,
    order_of,
    released_visits,
    visit_of_action,
)
from vehicles.messages import Order, parse


def an_order(plan: ShuttlePlan, base_end: int = 0, preview: int = 8) -> Order:
    style = OrderStyle(preview_visits=preview)
    return order_of(plan, base_end, vehicle=VEHICLE, header_id=1, now=T0, style=style)


def told(order: Order) -> list[str]:
    """One line for each node: ``sequence id``, with what is done there; horizon in brackets."""
    lines = []
    for node in order.nodes:
        does = [f"{a.action_type} {a.parameter('tripId')}" for a in node.actions]
        line = " ".join([str(node.sequence_id), node.node_id, *does])
        lines.append(line if node.released else f"({line})")
    return lines


def test_a_released_visit_ends_at_a_node_without_actions() -> None:
    plan = a_plan("v1 B 30 +ana", "v2 C 60 -ana", released=1)
    assert told(an_order(plan)) == [
        "0 start",
        "2 AB",
        "4 B board ana",
        "6 B.hold",
        "(8 C alight ana)",
    ]


def test_the_edges_carry_lengths_and_limits_and_are_numbered_between_the_nodes() -> None:
    order = an_order(a_plan("v1 B 30 +ana", "v2 C 60 -ana", released=1))
    assert [(e.sequence_id, e.edge_id, e.length, e.max_speed) for e in order.edges] == [
        (1, "A-AB", 50.0, 10.0),
        (3, "AB-B", 50.0, 10.0),
        (5, "B.close", 0.0, None),
        (7, "B.hold>C", None, None),
    ]
    for before, edge, after in zip(order.nodes, order.edges, order.nodes[1:], strict=False):
        assert (edge.start_node_id, edge.end_node_id) == (before.node_id, after.node_id)
        assert edge.sequence_id == before.sequence_id + 1 == after.sequence_id - 1


def test_an_update_begins_at_the_hold_where_the_vehicles_base_ends() -> None:
    # Start 0; v1 takes one street node, its stop and its hold: 2, 4, 6; v2 then 8, 10, 12.
    plan = a_plan("v1 B 30 +ana", "v2 C 60 -ana", released=2, revision=2)
    assert base_ends(plan) == (0, 6, 12)
    assert [(v.stop_sequence, v.hold_sequence) for v in released_visits(plan)] == [(4, 6), (10, 12)]
    assert told(an_order(plan, 6)) == ["6 B.hold", "8 BC", "10 C alight ana", "12 C.hold"]
    assert told(an_order(plan, 12)) == ["12 C.hold"]


def test_the_stitching_node_is_repeated_exactly_as_it_was() -> None:
    first = an_order(a_plan("v1 B 30 +ana", "v2 C 60 -ana", released=1))
    plan = a_plan("v2 C 60 -ana", released=1, start="B", sequence=6, revision=2)
    assert an_order(plan, 6).nodes[0] == first.nodes[-2]


@pytest.mark.parametrize("base_end", [2, 4, 8, 99])
def test_an_order_cannot_go_on_from_the_middle_of_a_leg_or_from_elsewhere(base_end: int) -> None:
    with pytest.raises(NoStitchError):
        an_order(a_plan("v1 B 30 +ana", "v2 C 60 -ana", released=1), base_end)


def test_riders_get_off_before_others_board() -> None:
    order = an_order(a_plan("v1 B 30 +bob -ana +cat", released=1))
    assert told(order)[2] == "4 B alight ana board bob board cat"


def test_a_boarding_names_party_earliest_time_and_dwell() -> None:
    (action,) = an_order(a_plan("v1 B 30 +duo @45", released=1)).nodes[2].actions
    assert action.action_id == "v1/board/duo"
    assert action.blocking_type == "SOFT"
    assert {p.key: p.value for p in action.action_parameters or ()} == {
        "tripId": "duo",
        "seats": 2,
        "wheelchairs": 0,
        "notBefore": "2023-11-14T22:14:05.000Z",  # T0 is 22:13:20
        "maxDwell": 60,
    }


def test_the_preview_is_bounded() -> None:
    order = an_order(a_plan("v1 B 10", "v2 C 20", "v3 D 30", "v4 E 40", released=1), preview=2)
    assert told(order)[4:] == ["(8 C)", "(10 D)"]


def test_the_preview_reaches_the_drop_off_of_everyone_aboard() -> None:
    # ana boards in the released part and bob is aboard already; eve boards after both left.
    visits = ["v1 B 10 +ana", "v2 C 20", "v3 D 30 -bob", "v4 E 40 -ana", "v5 F 50 +eve"]
    order = an_order(a_plan(*visits, "v6 G 60 -eve", released=1), preview=1)
    assert told(order)[4:] == ["(8 C)", "(10 D alight bob)", "(12 E alight ana)"]


def test_charging_is_the_standards_own_action_and_blocks_hard() -> None:
    (action,) = an_order(a_plan("v1 B 30 charge", released=1)).nodes[2].actions
    assert (action.action_type, action.blocking_type) == ("startCharging", "HARD")
    assert action.parameter("chargeTo") == 80


def test_a_visit_without_tasks_keeps_both_nodes() -> None:
    # sequence_span() counts on it.
    assert told(an_order(a_plan("v1 B 30", released=1))) == ["0 start", "2 AB", "4 B", "6 B.hold"]


def test_actions_name_their_visit() -> None:
    assert visit_of_action("o1.v/7/board/t/1") == ("o1.v/7", "board", "t/1")
    assert visit_of_action("v7/startCharging") == ("v7", "startCharging", None)
    assert visit_of_action("blink_123") is None


def test_orders_are_valid_and_survive_the_wire() -> None:
    schema = json.loads(shared("vda5050/2.1.0/order.schema").read_text("utf-8"))
    order = an_order(a_plan("v1 B 30 +wil -duo", "v2 C 60 charge", "v3 D 90 -wil", released=2))
    body = order.to_json()
    assert schema_problems(schema, json.loads(body)) == []
    assert parse(Order, body) == order
