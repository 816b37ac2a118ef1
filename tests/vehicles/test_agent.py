import itertools
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from shared_files import shared
from vehicle_cases import T0, VEHICLE, a_plan, schema_problems
from vehicle_hardware import PlainChassis, TimetableCabin

from dispatcher.domain.ids import NodeId
from dispatcher.domain.plans import ShuttlePlan, StartNode
from dispatcher.domain.shuttles import Capacity
from vehicles.agent import OnboardAgent
from vehicles.agent_memory import AgentMemory
from vehicles.agent_voice import AgentSettings
from vehicles.exchange import Outgoing, capacity_of
from vehicles.mapping import OrderStyle, order_of
from vehicles.messages import (
    Action,
    BlockingType,
    ConnectionState,
    ErrorLevel,
    EStop,
    Factsheet,
    InstantActions,
    OperatingMode,
    Order,
    SafetyState,
    State,
    VehicleError,
    WireModel,
    moment_of,
    parse,
)

STYLE = OrderStyle()


class Ride:
    """An agent with its drive and cabin; times count from T0."""

    def __init__(self, comes: dict[str, float] | None = None, **settings: Any) -> None:
        self.chassis = PlainChassis()
        self.cabin = TimetableCabin(comes or {})
        self.settings = AgentSettings(VEHICLE, Capacity(6, 1), **settings)
        self.kept: list[AgentMemory] = []
        self.agent = self.new_agent(None)
        self.said: list[Outgoing] = []
        self.hear(self.agent.connected(T0))

    def new_agent(self, memory: AgentMemory | None) -> OnboardAgent:
        return OnboardAgent(
            self.settings, self.chassis, self.cabin, memory=memory, keep=self.kept.append
        )

    def reboot(self, at: float) -> None:
        """A new agent with nothing but what was kept."""
        kept = AgentMemory.model_validate_json(self.kept[-1].model_dump_json())
        self.agent = self.new_agent(kept)
        self.hear(self.agent.connected(T0 + at))

    def hear(self, said: list[Outgoing]) -> State:
        self.said.extend(said)
        return self.state

    @property
    def state(self) -> State:
        return next(o.message for o in reversed(self.said) if isinstance(o.message, State))

    def order(self, at: float, plan: ShuttlePlan, base_end: int = 0, **changes: Any) -> State:
        order = order_of(
            plan, base_end, vehicle=VEHICLE, header_id=1, now=T0 + at, style=STYLE
        ).model_copy(update=changes)
        return self.hear(self.agent.on_order(order, T0 + at))

    def instantly(
        self,
        at: float,
        kind: str,
        action_id: str = "i1",
        sent: float = -1,
        epoch: int | None = 1,
    ) -> State:
        action = Action(action_type=kind, action_id=action_id, blocking_type=BlockingType.NONE)
        message = InstantActions(
            header_id=1,
            timestamp=moment_of(T0 + (at if sent < 0 else sent)),
            manufacturer=VEHICLE.manufacturer,
            serial_number=VEHICLE.serial_number,
            actions=(action,),
            epoch=epoch,
        )
        return self.hear(self.agent.on_instant_actions(message, T0 + at))

    def run(self, since: float, until: float) -> State:
        """Let time pass as whoever runs an agent does."""
        now = T0 + since
        for _ in range(10_000):
            now = self.agent.next_due(now)
            if now > T0 + until:
                break
            self.hear(self.agent.advance(now))
        else:
            raise AssertionError("the agent wants to be called without end")
        return self.hear(self.agent.advance(T0 + until))


def ends(state: State) -> dict[str, str]:
    return {
        action.action_id: f"{action.action_status} {action.result_description or ''}".strip()
        for action in state.action_states
    }


def aboard(state: State) -> list[str]:
    return [load.load_id or "" for load in state.loads or ()]


def refusals(state: State) -> list[str]:
    return [f"{error.error_type}: {error.error_description}" for error in state.errors]


TWO = a_plan("v1 B 10 +ana", "v2 C 60 -ana", released=2)


def test_it_drives_boards_and_sets_down_as_ordered() -> None:
    ride = Ride({"ana": 0})
    state = ride.order(0, TWO)
    assert (state.order_id, state.order_update_id) == ("o1", 1)
    assert state.driving
    assert ends(state) == {"v1/board/ana": "WAITING", "v2/alight/ana": "WAITING"}
    # 100 m at 10 m/s to B, 5 s boarding; then at C at 25, out at 30.
    state = ride.run(0, 9.9)
    assert (state.last_node_id, state.driving) == ("AB", True)
    state = ride.run(9.9, 10)
    assert (state.last_node_id, state.driving) == ("B", False)
    assert ends(state)["v1/board/ana"] == "RUNNING"
    assert aboard(ride.run(10, 15)) == ["ana"]
    assert ride.state.last_node_id == "B.hold"
    assert ride.state.driving
    state = ride.run(15, 30)
    assert ends(state) == {"v1/board/ana": "FINISHED", "v2/alight/ana": "FINISHED"}
    assert (state.last_node_id, state.last_node_sequence_id) == ("C.hold", 12)
    assert (aboard(state), state.node_states, state.driving) == ([], (), False)


def test_it_waits_for_the_earliest_time_and_then_as_long_as_told() -> None:
    ride = Ride({"ana": 100})
    ride.order(0, a_plan("v1 B 10 +ana +bob @30", "v2 C 60 -ana -bob", released=1))
    # At B from 10, boarding from 30 for 60 s: neither is there by 90.
    assert ends(ride.run(0, 29))["v1/board/ana"] == "INITIALIZING"
    assert ends(ride.run(29, 89))["v1/board/ana"] == "RUNNING"
    state = ride.run(89, 90)
    assert ends(state) == {"v1/board/ana": "FINISHED NO_SHOW", "v1/board/bob": "FINISHED NO_SHOW"}
    assert state.last_node_id == "B.hold"


def test_whoever_comes_in_time_is_let_in_however_long_it_takes() -> None:
    ride = Ride({"ana": 68})
    ride.order(0, a_plan("v1 B 10 +ana", "v2 C 60 -ana", released=1))
    # Waited for until 70; ana steps in at 68 and sits at 73.
    assert ends(ride.run(0, 72))["v1/board/ana"] == "RUNNING"
    assert aboard(ride.run(72, 73)) == ["ana"]


def test_riders_get_off_before_others_board() -> None:
    ride = Ride({"ana": 0, "bob": 0})
    ride.order(0, a_plan("v1 B 10 +ana", "v2 C 25 -ana +bob", "v3 D 90 -bob", released=2))
    state = ride.run(0, 26)  # at C since 25
    assert ends(state)["v2/alight/ana"] == "RUNNING"
    assert ends(state)["v2/board/bob"] == "WAITING"
    assert aboard(ride.run(26, 35)) == ["bob"]  # out at 30, in at 35


def test_an_update_goes_on_from_the_hold_and_repeats_nothing() -> None:
    ride = Ride({"ana": 0})
    ride.order(0, a_plan("v1 B 10 +ana", "v2 C 60 -ana", released=1))
    assert ride.run(0, 40).last_node_id == "B.hold"
    state = ride.order(40, a_plan("v2 C 60 -ana", start="B", sequence=6, released=1, revision=2), 6)
    assert state.order_update_id == 2
    state = ride.run(40, 60)
    assert (state.last_node_id, aboard(state)) == ("C.hold", [])
    assert ends(state) == {"v1/board/ana": "FINISHED", "v2/alight/ana": "FINISHED"}


def test_an_update_under_way_lets_it_drive_on_without_a_stop_at_the_end_of_the_base() -> None:
    ride = Ride({"ana": 0})
    ride.order(0, a_plan("v1 B 10 +ana", "v2 C 60 -ana", released=1))
    ride.order(5, a_plan("v1 B 10 +ana", "v2 C 60 -ana", released=2, revision=2), 6)
    assert ride.run(5, 30).last_node_id == "C.hold"


def test_the_same_order_again_is_only_answered() -> None:
    ride = Ride({"ana": 0})
    ride.order(0, TWO)
    ride.run(0, 20)
    before, said = ride.agent.memory, len(ride.said)
    ride.order(20, TWO)
    assert ride.agent.memory is before
    assert len(ride.said) == said + 1


@pytest.mark.parametrize(
    ("plan", "base_end", "why"),
    [
        (a_plan("v2 C 60 -ana", released=1, revision=0), 0, "orderUpdateError: older than the"),
        (TWO, 6, None),
        (
            a_plan("v2 C 60 -ana", start="B", sequence=6, released=1, revision=2),
            6,
            "orderUpdateError: the base ends at ('C.hold', 12)",
        ),
        (
            a_plan("v9 B 60", released=1, revision=2, order_id="o2"),
            0,
            "orderError: busy with order o1",
        ),
        (
            a_plan("v3 D 60", start="C", sequence=12, released=1, revision=2, epoch=0),
            12,
            "orderUpdateError: epoch 0 is over",
        ),
    ],
)
def test_updates_that_do_not_go_on_from_the_base_are_refused(
    plan: ShuttlePlan, base_end: int, why: str | None
) -> None:
    ride = Ride({"ana": 0})
    ride.order(0, TWO)
    state = ride.order(1, plan, base_end)
    assert (state.order_id, state.order_update_id) == ("o1", 1)
    if why is None:  # the same ids as the order at work: not even looked at
        assert refusals(state) == []
        return
    (refusal,) = refusals(state)
    assert refusal.startswith(why)
    assert state.errors[0].references("orderUpdateId") == (str(plan.revision),)
    # What was ordered is done all the same.
    assert ride.run(1, 30).last_node_id == "C.hold"


@pytest.mark.parametrize(
    ("visits", "why"),
    [
        # Six seats: five riders and the two of duo are one too many.
        (["v1 B 1 +a +b +c +d +e +duo", "v2 C 2 -a -b -c -d -e -duo"], "7 seats and 0 wheel"),
        (["v1 B 1 +wil", "v2 C 2 +wil2", "v3 D 3 -wil -wil2"], None),
        (["v1 B 1 +ana", "v2 C 2"], "trip ana would not be set down"),
    ],
)
def test_an_order_must_fit_the_seats_and_set_everyone_down(
    visits: list[str], why: str | None
) -> None:
    ride = Ride()
    state = ride.order(0, a_plan(*visits, released=1))
    assert (state.order_id == "o1") == (why is None)
    if why is not None:
        assert why in refusals(state)[0]


def test_a_rider_aboard_is_never_dropped_by_an_update() -> None:
    ride = Ride({"ana": 0})
    ride.order(0, a_plan("v1 B 10 +ana", "v2 C 60 -ana", released=1))
    ride.run(0, 20)
    state = ride.order(20, a_plan("v3 D 60", start="B", sequence=6, released=1, revision=2), 6)
    assert "ana would not be set down" in refusals(state)[0]
    # The warning stays until an order is taken.
    update = a_plan("v3 D 60", "v4 C 90 -ana", start="B", sequence=6, released=1, revision=3)
    assert refusals(ride.order(21, update, 6)) == []


def broken(change: Callable[[Order], Order]) -> list[str]:
    order = order_of(TWO, 0, vehicle=VEHICLE, header_id=1, now=T0, style=STYLE)
    ride = Ride()
    state = ride.hear(ride.agent.on_order(change(order), T0))
    assert state.order_id == ""
    return refusals(state)


def test_malformed_orders_are_refused() -> None:
    def with_node(index: int, **changes: Any) -> Callable[[Order], Order]:
        def change(order: Order) -> Order:
            nodes = list(order.nodes)
            nodes[index] = nodes[index].model_copy(update=changes)
            return order.model_copy(update={"nodes": tuple(nodes)})

        return change

    (missing,) = broken(lambda order: order.model_copy(update={"edges": order.edges[1:]}))
    assert missing == "validationError: one edge less than nodes is needed"
    (jump,) = broken(with_node(2, sequence_id=44))
    assert jump == "validationError: sequence ids do not follow each other"
    (hole,) = broken(with_node(1, released=False))
    assert hole == "validationError: released nodes and edges do not come first"
    (nowhere,) = broken(with_node(1, node_position=None))
    assert nowhere == "noRouteError: node AB has no position"
    dance = Action(action_type="dance", action_id="d", blocking_type=BlockingType.SOFT)
    (cannot,) = broken(with_node(2, actions=(dance,)))
    assert cannot == "orderError: cannot dance"
    board = dance.model_copy(update={"action_type": "board"})
    (whom,) = broken(with_node(2, actions=(board,)))
    assert whom == "orderError: parameter tripId of board is missing or wrong"


def test_a_new_order_must_begin_near_by() -> None:
    ride = Ride()
    plan = a_plan("v1 C 10", start="B", released=1)  # B is 100 m away, 30 m are allowed
    assert refusals(ride.order(0, plan)) == [
        "noRouteError: the first node is 100 m away and 30 m are allowed"
    ]


def test_a_late_order_of_before_is_not_done_again() -> None:
    ride = Ride({"ana": 0})
    old = a_plan("v1 A 0", released=1)
    ride.order(0, old)
    ride.run(0, 5)
    ride.order(6, a_plan("v2 A 0", released=1, revision=2, order_id="o2"))
    ride.run(6, 20)
    order = order_of(old, 0, vehicle=VEHICLE, header_id=1, now=T0, style=STYLE)
    state = ride.hear(ride.agent.on_order(order, T0 + 20))
    assert state.order_id == "o2"
    assert refusals(state) == ["orderUpdateError: older than the order at work"]


def test_a_cancelled_order_is_stopped_and_another_taken() -> None:
    ride = Ride({"ana": 0})
    ride.order(0, TWO)
    ride.run(0, 4)
    state = ride.instantly(4, "cancelOrder")
    assert (state.order_id, state.node_states, state.driving) == ("o1", (), False)
    assert ends(state) == {
        "v1/board/ana": "FAILED",
        "v2/alight/ana": "FAILED",
        "i1": "FINISHED",
    }
    assert state.agv_position is not None
    assert state.agv_position.x == 40.0
    # The new order begins where the shuttle was to be, 10 m on from where it stopped.
    start = StartNode(NodeId("here"), 50.0, 0.0, 0)
    other = replace(a_plan("v3 B 10", released=1, revision=2, order_id="o2"), start=start)
    assert ride.order(5, other).order_id == "o2"
    assert ride.run(5, 30).last_node_id == "B.hold"


def test_whoever_is_stepping_in_is_not_shut_out_by_a_cancellation() -> None:
    ride = Ride({"ana": 0})
    ride.order(0, a_plan("v1 A 0 +ana +bob", "v2 C 60 -ana -bob", released=1))
    state = ride.run(0, 2)  # ana is seated at 5
    state = ride.instantly(2, "cancelOrder")
    assert ends(state) == {
        "v1/board/ana": "RUNNING",
        "v1/board/bob": "FAILED CANCELLED",
        "i1": "RUNNING",
    }
    state = ride.run(2, 5)
    assert ends(state)["i1"] == "FINISHED"
    assert aboard(state) == ["ana"]


def test_a_cancellation_sent_before_the_order_is_a_late_one() -> None:
    ride = Ride()
    ride.order(10, a_plan("v1 B 10", released=1))
    state = ride.instantly(11, "cancelOrder", sent=9)
    assert ends(state)["i1"] == "FAILED"
    assert refusals(state) == ["noOrderToCancel: no order to cancel"]
    assert ride.run(11, 30).last_node_id == "B.hold"


def test_an_instant_action_is_done_once() -> None:
    ride = Ride()
    assert ride.instantly(0, "startPause", "p1").paused is True
    assert ride.instantly(1, "stopPause", "p2").paused is False
    assert ride.instantly(2, "startPause", "p1").paused is False


def test_a_pause_halts_the_drive_and_its_end_goes_on() -> None:
    ride = Ride()
    ride.order(0, a_plan("v1 B 10", released=1))
    ride.run(0, 3)
    state = ride.instantly(3, "startPause", "p1")
    assert (state.paused, state.driving) == (True, False)
    assert ride.run(3, 50).agv_position == state.agv_position
    ride.instantly(50, "stopPause", "p2")
    assert ride.run(50, 57).last_node_id == "B.hold"  # 70 m were left


@pytest.mark.parametrize("cause", ["fault", "stop"])
def test_what_is_broken_does_not_drive_and_lets_nobody_in(cause: str) -> None:
    ride = Ride({"ana": 0})
    agent = ride.agent
    fault = VehicleError(error_type="brakes", error_level=ErrorLevel.FATAL)
    ride.order(0, TWO)
    ride.run(0, 2)
    if cause == "fault":
        ride.hear(agent.raise_fault(fault, T0 + 2))
    else:
        ride.hear(agent.set_safety(SafetyState(e_stop=EStop.MANUAL, field_violation=False), T0 + 2))
    assert not ride.state.driving
    ride.run(2, 100)
    assert ride.state.last_node_sequence_id == 0
    if cause == "fault":
        agent.clear_fault("brakes", T0 + 100)
    else:
        agent.set_safety(SafetyState(e_stop=EStop.NONE, field_violation=False), T0 + 100)
    assert ride.run(100, 150).last_node_id == "C.hold"


def test_nobody_is_a_no_show_for_a_time_when_boarding_was_not_possible() -> None:
    ride = Ride({"ana": 120})
    ride.order(0, a_plan("v1 A 0 +ana", "v2 C 60 -ana", released=1))
    fault = VehicleError(error_type="doors", error_level=ErrorLevel.FATAL)
    ride.hear(ride.agent.raise_fault(fault, T0 + 10))
    assert ends(ride.run(10, 99))["v1/board/ana"] == "INITIALIZING"
    ride.hear(ride.agent.clear_fault("doors", T0 + 100))
    # Waited for until 160 now.
    assert aboard(ride.run(100, 125)) == ["ana"]


def test_a_warning_is_reported_and_driven_on_with() -> None:
    ride = Ride()
    ride.order(0, a_plan("v1 B 10", released=1))
    warning = VehicleError(error_type="tyres", error_level=ErrorLevel.WARNING)
    state = ride.hear(ride.agent.raise_fault(warning, T0 + 1))
    assert (refusals(state), state.driving) == (["tyres: None"], True)


def test_who_takes_over_finds_no_order_and_leaves_none() -> None:
    """By the standard; who has got in stays in, and a new order begins wherever it is left."""
    ride = Ride({"ana": 0})
    ride.order(0, a_plan("v1 B 10 +ana", "v2 C 60 -ana", released=2))
    ride.run(0, 20)
    assert aboard(ride.state) == ["ana"]
    state = ride.hear(ride.agent.set_mode(OperatingMode.MANUAL, T0 + 20))
    assert (state.order_id, state.node_states, state.driving) == ("o1", (), False)
    assert ends(state)["v2/alight/ana"] == "FAILED"
    assert aboard(state) == ["ana"]
    ride.chassis.x_m = 500.0
    state = ride.hear(ride.agent.set_mode(OperatingMode.AUTOMATIC, T0 + 60))
    assert ride.run(60, 90).node_states == ()
    # What was on its way to it is an update of an order that is no more.
    late = a_plan("v1 B 10 +ana", "v2 C 60 -ana", "v3 D 90", released=3, revision=2)
    assert "orderUpdateError" in refusals(ride.order(91, late, 12))[0]
    anew = a_plan("v4 C 160 -ana", released=1, revision=3, order_id="o2")
    start = StartNode(NodeId("start"), 500.0, 0.0, 0)
    assert refusals(ride.order(92, replace(anew, start=start))) == []
    assert aboard(ride.run(92, 400)) == []


def test_who_is_in_the_door_when_somebody_takes_over_gets_in() -> None:
    ride = Ride({"ana": 5})
    ride.order(0, a_plan("v1 A 0 +ana", "v2 C 60 -ana", released=1))
    ride.run(0, 6)
    ride.hear(ride.agent.set_mode(OperatingMode.MANUAL, T0 + 6))
    state = ride.run(6, 60)
    assert (aboard(state), ends(state)["v1/board/ana"]) == (["ana"], "FINISHED")


def test_a_cancellation_ends_also_where_a_person_has_taken_over_before() -> None:
    """Else the dispatcher would wait for its end, and send no order any more."""
    ride = Ride({"ana": 5})
    ride.order(0, a_plan("v1 A 0 +ana", "v2 C 60 -ana", released=1))
    ride.run(0, 6)  # she is in the door
    ride.hear(ride.agent.set_mode(OperatingMode.MANUAL, T0 + 6))
    ride.hear(ride.agent.set_mode(OperatingMode.AUTOMATIC, T0 + 7))
    ride.instantly(7, "cancelOrder", "c1")
    assert ends(ride.run(7, 60))["c1"] == "FINISHED"


def test_a_manual_shuttle_takes_no_orders() -> None:
    ride = Ride()
    ride.hear(ride.agent.set_mode(OperatingMode.MANUAL, T0))
    assert refusals(ride.order(1, TWO)) == ["orderError: no orders are taken in mode MANUAL"]


def test_without_contact_it_finishes_what_is_released_but_boards_nobody_for_long() -> None:
    ride = Ride({"ana": 0, "bob": 0})
    plan = a_plan("v1 B 10 +ana @60", "v2 C 90 -ana +bob @120", "v3 D 200 -bob", released=2)
    ride.order(0, plan, plan_validity=60.0)
    ride.agent.disconnected(T0 + 10)
    said = len(ride.said)
    ride.run(0, 200)
    assert len(ride.said) == said  # nothing is said into the void
    # ana boards at 60, ten seconds before boarding ends at 70; she still gets off at C.
    # bob would have boarded from 120 on.
    state = ride.hear(ride.agent.connected(T0 + 200))
    assert ends(state) == {
        "v1/board/ana": "FINISHED",
        "v2/alight/ana": "FINISHED",
        "v2/board/bob": "FAILED PLAN_EXPIRED",
    }
    assert (state.last_node_id, aboard(state)) == ("C.hold", [])


@pytest.mark.parametrize("at", [0, 3, 10, 12, 15, 17, 25, 27, 30])
def test_a_reboot_at_any_time_loses_and_repeats_nothing(at: float) -> None:
    ride = Ride({"ana": 0})
    ride.order(0, TWO)
    ride.run(0, at)
    ride.reboot(at)
    state = ride.run(at, 60)
    assert ends(state) == {"v1/board/ana": "FINISHED", "v2/alight/ana": "FINISHED"}
    assert (state.last_node_id, aboard(state)) == ("C.hold", [])
    assert list(ride.cabin.began) == list(ride.cabin.left) == ["ana"]


def test_everything_is_kept_before_it_is_said() -> None:
    ride = Ride({"ana": 0})
    ride.order(0, TWO)
    for at in range(31):
        ride.run(at, at + 1)
        kept = ride.kept[-1]
        assert kept.order_update_id == ride.state.order_update_id
        assert [p.trip_id for p in kept.aboard] == aboard(ride.state)


def test_it_charges_until_it_is_full_enough_or_sent_away() -> None:
    ride = Ride()
    ride.chassis.charge_pct = 50.0
    ride.order(0, a_plan("v1 B 10 charge", released=1))
    state = ride.run(0, 20)
    assert (state.battery_state.charging, state.last_node_id) == (True, "B.hold")
    ride.chassis.charge_pct = 80.0
    assert not ride.run(20, 40).battery_state.charging
    ride.chassis.charge_pct = 50.0
    ride.order(40, a_plan("v2 B 50 charge", start="B", sequence=6, released=1, revision=2), 6)
    assert ride.run(40, 50).battery_state.charging
    # Same place: no street node, so the next hold is at 6 + 4.
    away = a_plan("v3 C 60", start="B", sequence=10, released=1, revision=3)
    assert not ride.order(50, away, 10).battery_state.charging
    assert ride.run(50, 60).last_node_id == "C.hold"


def test_a_state_comes_at_each_change_and_every_ten_seconds() -> None:
    ride = Ride()
    ride.run(0, 60)
    times = [
        o.message.timestamp.timestamp() - T0 for o in ride.said if isinstance(o.message, State)
    ]
    assert times == [0, 10, 20, 30, 40, 50, 60]


def test_it_says_where_it_is_between_states_if_asked_to() -> None:
    ride = Ride(visualization_interval_s=1.0)
    ride.order(0, a_plan("v1 B 10", released=1))
    ride.run(0, 5)
    seen = [o for o in ride.said if o.topic == "visualization"]
    assert len(seen) == 6


def test_the_factsheet_says_how_many_places_there_are() -> None:
    ride = Ride()
    sheet = next(o for o in ride.said if o.topic == "factsheet")
    assert sheet.retain
    assert isinstance(sheet.message, Factsheet)
    assert capacity_of(sheet.message) == Capacity(6, 1)
    ride.instantly(11, "factsheetRequest")
    assert [o.topic for o in ride.said].count(sheet.topic) == 2


def test_a_long_shift_forgets_old_actions() -> None:
    ride = Ride({f"t{n}": 0 for n in range(100)})
    for n in range(100):
        here, there = ("A", "B") if n % 2 == 0 else ("B", "A")
        # Drive over, take a rider in, let the rider out at once: 6 and 4 sequence ids.
        visits = [f"v{n} {there} 0 +t{n}", f"w{n} {there} 0 -t{n}"]
        plan = a_plan(*visits, start=here, sequence=10 * n, released=2, revision=n + 1)
        ride.order(30 * n, plan, 10 * n)
        state = ride.run(30 * n, 30 * n + 29)
        assert refusals(state) == []
        assert state.last_node_sequence_id == 10 * (n + 1)
    # The newest 64 that had ended before the last order, and its own two.
    assert len(state.action_states) == 64 + 2
    assert len(ride.kept[-1].action_states) == 64 + 2


def test_everything_it_says_is_valid() -> None:
    ride = Ride({"ana": 0}, visualization_interval_s=5.0)
    ride.order(0, a_plan("v1 B 10 +ana", "v2 C 60 -ana charge", "v3 D 90", released=2))
    ride.order(1, a_plan("v1 D 10 +ana", released=1, revision=9))
    fault = VehicleError(error_type="tyres", error_level=ErrorLevel.WARNING)
    ride.hear(ride.agent.raise_fault(fault, T0 + 2))
    ride.instantly(3, "dance")
    ride.run(3, 60)
    ride.said.append(ride.agent.farewell(ConnectionState.CONNECTIONBROKEN, T0))
    topics = set()
    for outgoing in ride.said:
        topics.add(outgoing.topic)
        schema = json.loads(shared(f"vda5050/2.1.0/{outgoing.topic}.schema").read_text("utf-8"))
        body = outgoing.message.to_json()
        assert schema_problems(schema, json.loads(body)) == []
        model: type[WireModel] = type(outgoing.message)
        assert parse(model, body) == outgoing.message
    assert topics == {"state", "connection", "factsheet", "visualization"}


def test_plans_of_every_kind_are_driven_to_their_end() -> None:
    """Released in one go or visit by visit, the same is done."""
    lines = ["v1 B 10 +ana", "v2 B 20 +bob", "v3 D 60 -ana", "v4 A 99 -bob charge"]
    for first, second in itertools.product(range(1, 4), range(2, 5)):
        if second < first:
            continue
        ride = Ride({"ana": 0, "bob": 0})
        ride.order(0, a_plan(*lines, released=first))
        ride.run(0, 7)
        ends_at = [0, 6, 10, 16, 22]  # v2 has no street node on its way
        ride.order(7, a_plan(*lines, released=second, revision=2), ends_at[first])
        ride.run(7, 70)
        ride.order(70, a_plan(*lines, released=4, revision=3), ends_at[second])
        state = ride.run(70, 150)
        assert state.last_node_sequence_id == 22
        assert set(ends(state).values()) == {"FINISHED"}


def test_a_charger_that_gives_nothing_fails_the_action_and_the_visit_goes_on() -> None:
    ride = Ride()
    ride.chassis.plug_works = False
    ride.order(0, a_plan("v1 B 10 charge", released=1))
    state = ride.run(0, 20)
    assert not state.battery_state.charging
    assert state.last_node_id == "B.hold"
    assert [
        (a.action_type, a.action_status, a.result_description) for a in state.action_states
    ] == [("startCharging", "FAILED", "NO_POWER")]


# Riders who get out by themselves


def test_riders_who_left_are_no_reason_to_refuse_a_plan_without_them() -> None:
    ride = Ride({"ana": 0})
    ride.order(0, a_plan("v1 B 10 +ana", "v2 C 60 -ana", released=1))
    assert aboard(ride.run(0, 20)) == ["ana"]
    ride.cabin.walked_off.add("ana")
    state = ride.order(21, a_plan("v3 D 60", start="B", sequence=6, released=1, revision=2), 6)
    assert refusals(state) == []
    assert aboard(state) == []


def test_a_drop_off_of_riders_who_left_tells_of_no_alighting() -> None:
    ride = Ride({"ana": 0})
    ride.order(0, TWO)
    ride.run(0, 20)
    ride.cabin.walked_off.add("ana")
    state = ride.run(20, 200)
    assert ends(state)["v2/alight/ana"] == "FINISHED NOT_ABOARD"
    assert state.onboard is not None
    assert [event.kind for event in state.onboard.events] == ["boarded"]


def test_whoever_waits_for_others_to_step_in_is_no_no_show() -> None:
    ride = Ride({"ana": 0, "bob": 0})
    ride.cabin.began["bob"] = T0 + 500.0  # a wheelchair before them takes its time
    ride.order(0, a_plan("v1 A 0 +ana +bob", "v2 C 60 -ana -bob", released=1))
    ride.run(0, 499)
    assert [load.load_id for load in ride.run(499, 520).loads or ()] == ["ana", "bob"]
