"""Vehicles that a person drives: no orders meanwhile, and a new one from where they are left."""

from vehicle_cases import a_plan
from vehicle_talk import FIRST, SECOND, Talk, actions, ahead, at_x, reports

from dispatcher.domain.shuttles import DriveMode
from vehicles.messages import (
    OperatingMode,
)


def test_a_manual_vehicle_is_sent_no_orders() -> None:
    talk = Talk().joined()
    talk.state(0, operating_mode=OperatingMode.MANUAL)
    assert talk.publish(1, FIRST) == []
    talk.state(2)
    assert talk.sent == ["order o1 1 from 0"]


def test_the_order_of_a_vehicle_that_was_taken_over_is_never_sent_again() -> None:
    talk = Talk().joined()
    talk.publish(0, FIRST)
    taken = {"order_id": "o1", "order_update_id": 1}
    talk.state(1, node_states=ahead(2, 4, 6), **taken)
    # Its computer has cleared the order: that nobody boarded says nothing of ana.
    cleared = {**taken, "action_states": actions("v1/board/ana FAILED")}
    manual = {"operating_mode": OperatingMode.MANUAL, **cleared}
    assert talk.state(2, last_node_sequence_id=2, **manual) == ["reported"]
    assert reports(talk)[0].mode is DriveMode.MANUAL
    # Decided before that was known: it does not go on its way, nor later.
    assert talk.publish(3, SECOND) == []
    assert talk.state(4, last_node_sequence_id=2, **cleared) == ["reported"]
    assert talk.sent == []
    anew = a_plan("v3 D 35", released=1, revision=3, order_id="o2")
    assert talk.publish(5, anew) == ["order o2 3 from 0"]


def test_what_a_vehicle_was_left_with_by_hand_is_cancelled_once_it_drives_itself() -> None:
    talk = Talk().joined()
    talk.publish(0, FIRST)
    driving = {"order_id": "o1", "order_update_id": 1, "node_states": ahead(2, 4, 6)}
    talk.state(1, **driving)
    talk.state(2, operating_mode=OperatingMode.SERVICE, **driving)
    assert talk.sent == []
    talk.state(3, **driving)
    assert talk.sent == ["cancelOrder"]


def test_an_order_that_was_dropped_unheard_is_noticed() -> None:
    """Somebody took over and gave back while the dispatcher was away."""
    talk = Talk().joined()
    talk.publish(0, FIRST)
    taken = {"order_id": "o1", "order_update_id": 1}
    talk.state(1, node_states=ahead(2, 4, 6), **taken)
    assert talk.state(2, last_node_sequence_id=2, **taken) == []
    assert "joined  1" not in talk.state(30, last_node_sequence_id=2, **taken)
    assert "joined  1" in talk.state(60, last_node_sequence_id=2, **taken)
    assert "joined  1" not in talk.state(90, last_node_sequence_id=2, **taken)


def test_where_a_vehicle_is_driven_by_hand_is_told() -> None:
    talk = Talk().joined()
    manual = {"operating_mode": OperatingMode.MANUAL}
    assert talk.state(0, **manual) == ["reported"]
    assert talk.state(1, agv_position=at_x(14.0), **manual) == []
    assert talk.state(2, agv_position=at_x(16.0), **manual) == ["reported"]
    assert talk.state(3) == ["reported"]
    assert talk.state(4, agv_position=at_x(90.0)) == []
