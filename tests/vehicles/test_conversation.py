import itertools
import json

import pytest
from vehicle_cases import SHUTTLE, T0, a_plan
from vehicle_talk import (
    FIRST,
    SECOND,
    Talk,
    a_factsheet,
    a_state,
    actions,
    ahead,
    at_x,
    loads,
    reports,
)

from dispatcher.domain.decisions import ShuttleCommand
from dispatcher.domain.events import (
    BoardingFailed,
    PlanRefused,
    ShuttleFellSilent,
    ShuttleJoined,
    ShuttleReported,
)
from dispatcher.domain.shuttles import Capacity, DriveMode, Fault, FaultLevel
from vehicles.exchange import ConversationRules
from vehicles.messages import (
    AgvPosition,
    BatteryState,
    ConnectionState,
    ErrorLevel,
    EStop,
    Onboard,
    OperatingMode,
    Reference,
    SafetyState,
    VehicleError,
)

# The vehicle's answer to the question that a restarted dispatcher asks, a second before T0.
ANSWERED = actions(f"{SHUTTLE}/stateRequest/{(T0 - 1) * 1000} FINISHED")


def refusal(revision: int | None, order_id: str = "o1", text: str = "no") -> VehicleError:
    references = [Reference(reference_key="orderId", reference_value=order_id)]
    if revision is not None:
        references.append(Reference(reference_key="orderUpdateId", reference_value=str(revision)))
    return VehicleError(
        error_type="orderUpdateError",
        error_level=ErrorLevel.WARNING,
        error_references=tuple(references),
        error_description=text,
    )


# Getting to know each other


def test_a_shuttle_joins_once_it_has_said_where_it_is_and_how_big() -> None:
    talk = Talk()
    assert talk.state(0) == []
    assert talk.sent == ["factsheetRequest"]
    assert talk.hear(talk.conversation.on_factsheet(a_factsheet(6, 1), T0 + 1)) == ["joined  0"]
    (joined,) = talk.output.events
    assert isinstance(joined, ShuttleJoined)
    assert (joined.capacity, joined.x_m, joined.battery_pct) == (Capacity(6, 1), 0.0, 90.0)
    assert talk.state(2) == []


def test_a_retained_factsheet_may_come_before_the_first_state() -> None:
    talk = Talk()
    assert talk.hear(talk.conversation.on_factsheet(a_factsheet(), T0)) == []
    assert talk.state(1) == ["joined  0"]
    assert talk.sent == []


def test_a_vehicle_without_a_factsheet_joins_with_the_configured_places() -> None:
    talk = Talk(ConversationRules(default_capacity=Capacity(4, 0)))
    assert talk.state(0) == []
    assert talk.tick(9) == []
    assert talk.conversation.next_due(T0 + 9) == T0 + 10
    assert talk.tick(10) == ["joined  0"]


def test_an_absurd_revision_leaves_room_for_ours() -> None:
    talk = Talk()
    talk.hear(talk.conversation.on_factsheet(a_factsheet(), T0))
    # The highest that the wire allows; one more would not go out any more.
    assert talk.state(1, order_id="alien", order_update_id=2**32 - 1) == [f"joined alien {2**30}"]
    talk.state(2)
    plan = a_plan("v1 B 10", released=1, revision=2**30 + 1)
    assert talk.publish(3, plan) == [f"order o1 {2**30 + 1} from 0"]


def test_without_configured_places_it_stays_a_stranger_and_is_asked_four_times_in_all() -> None:
    talk = Talk()
    asked = 0
    for at in range(60):
        talk.tick(at) if at else talk.state(at)
        asked += talk.sent.count("factsheetRequest")
    assert talk.output.events == ()
    assert asked == 4


def test_a_vehicle_that_does_not_know_where_it_is_has_not_joined() -> None:
    talk = Talk()
    talk.conversation.on_factsheet(a_factsheet(), T0)
    assert talk.state(0, agv_position=None) == []
    elsewhere = AgvPosition(x=1, y=1, theta=0, map_id="hall", position_initialized=True)
    assert talk.state(1, agv_position=elsewhere) == []
    assert talk.conversation.drops == {"other_map": 1}
    assert talk.state(2) == ["joined  0"]


def test_a_changed_factsheet_is_told() -> None:
    talk = Talk().joined()
    assert talk.hear(talk.conversation.on_factsheet(a_factsheet(6, 1), T0)) == []
    assert talk.hear(talk.conversation.on_factsheet(a_factsheet(4, 1), T0)) == ["joined  0"]


def test_a_vehicle_of_version_2_0_is_answered_in_its_own_version() -> None:
    talk = Talk().joined()
    talk.state(0, version="2.0.0")
    talk.publish(1, FIRST)
    order = json.loads(talk.output.messages[0].message.to_json())
    assert order["version"] == "2.0.0"
    assert order["nodes"][0]["nodePosition"]["allowedDeviationXy"] == 30.0
    talk.hear(talk.conversation.command(ShuttleCommand.PAUSE, 1, T0 + 1))
    assert json.loads(talk.output.messages[0].message.to_json())["version"] == "2.0.0"


# Plans on their way


def test_a_plan_is_sent_again_until_a_state_echoes_it() -> None:
    talk = Talk().joined()
    assert talk.publish(0, FIRST) == ["order o1 1 from 0"]
    first = talk.output.messages[0].message
    sent_at = []
    for at in range(1, 15):
        talk.tick(at)
        if talk.sent:
            sent_at.append(at)
            assert talk.output.messages[0].message == first
    assert sent_at == [2, 7, 12]
    assert talk.state(15, order_id="o1", order_update_id=1)[0] == "confirmed 1"
    assert talk.tick(30) == []
    assert talk.sent == []


def test_it_is_sent_at_once_when_the_vehicle_is_back() -> None:
    talk = Talk().joined()
    talk.publish(0, FIRST)
    talk.connection(1, ConnectionState.ONLINE)
    assert talk.sent == ["order o1 1 from 0"]


def test_one_update_at_a_time_and_the_newest_waiting_plan_wins() -> None:
    talk = Talk().joined()
    talk.publish(0, FIRST)
    third = a_plan("v1 B 10 +ana", "v2 C 60 -ana", released=2, revision=3)
    assert talk.publish(1, SECOND) == []
    assert talk.publish(1, third) == []
    # The base of revision 1 ends at the hold node of v1, and there revision 3 goes on.
    here = {"order_id": "o1", "node_states": ahead(2, 4, 6)}
    assert talk.state(1.5, order_update_id=1, **here) == ["confirmed 1"]
    assert talk.sent == ["order o1 3 from 6"]
    assert talk.publish(1.7, SECOND) == []
    assert talk.conversation.drops == {"old_plan": 1}
    assert talk.state(2, order_update_id=3, **here) == ["confirmed 3"]
    assert talk.sent == []


def test_an_order_goes_on_after_the_vehicle_has_done_all_of_it() -> None:
    talk = Talk().joined()
    talk.publish(0, FIRST)
    done = {
        "order_id": "o1",
        "order_update_id": 1,
        "last_node_sequence_id": 6,
        "loads": loads("ana"),
    }
    talk.state(20, action_states=actions("v1/board/ana FINISHED"), **done)
    after = a_plan("v2 C 60 -ana", start="B", sequence=6, released=1, revision=2)
    assert talk.publish(21, after) == ["order o1 2 from 6"]


def test_a_refusal_is_told_once_and_the_plan_is_not_sent_again() -> None:
    talk = Talk().joined()
    talk.publish(0, FIRST)
    # Who makes another plan must know where the shuttle is now.
    assert talk.state(1, errors=(refusal(1, text="too steep"),)) == ["reported", "refused 1"]
    refused = talk.output.events[-1]
    assert isinstance(refused, PlanRefused)
    assert refused.reason == "orderUpdateError: too steep"
    # The vehicle goes on reporting it, and it is about us, not a fault.
    assert talk.state(2, errors=(refusal(1),)) == []
    assert [at for at in range(3, 30) if talk.tick(at) or talk.sent] == []


def test_after_a_refusal_the_next_plan_waits_and_longer_each_time() -> None:
    talk = Talk().joined()
    sent_at = []
    now = 0.0
    for revision in range(1, 7):
        plan = a_plan("v1 B 10", released=1, revision=revision)
        talk.publish(now, plan)
        while not talk.sent:
            now += 1
            talk.state(now)
        sent_at.append(now)
        assert talk.state(now, errors=(refusal(revision),))[-1] == f"refused {revision}"
    assert [b - a for a, b in itertools.pairwise(sent_at)] == [5, 10, 20, 40, 60]


def test_errors_about_other_orders_or_older_updates_are_no_refusal() -> None:
    talk = Talk().joined()
    old = (refusal(1, order_id="o0"), refusal(None), refusal(99))
    talk.state(0, errors=old)
    talk.publish(1, FIRST)
    assert talk.state(2, errors=old) == []
    # An error that names only the order counts when it is new.
    assert talk.state(3, errors=(*old, refusal(None, text="new")))[-1] == "refused 1"


def test_an_error_about_instant_actions_is_no_refusal_of_the_order() -> None:
    talk = Talk().joined()
    talk.publish(0, FIRST)
    topic = Reference(reference_key="topic", reference_value="instantActions")
    error = VehicleError(
        error_type="validationError", error_level=ErrorLevel.WARNING, error_references=(topic,)
    )
    assert talk.state(1, errors=(error,)) == []


def test_the_last_node_of_the_old_order_means_nothing_in_the_new() -> None:
    talk = Talk().joined()
    talk.publish(0, a_plan("v1 B 10", released=1))
    # The vehicle has taken the order and still reports node 34 of another as its last.
    taken = {"order_id": "o1", "order_update_id": 1, "last_node_sequence_id": 34}
    assert talk.state(1, node_states=ahead(0, 2, 4, 6), **taken) == ["confirmed 1"]


def test_a_plan_that_does_not_fit_where_the_vehicles_base_ends_is_refused_here() -> None:
    talk = Talk().joined()
    talk.publish(0, FIRST)
    talk.state(1, order_id="o1", order_update_id=1, node_states=ahead(2, 4))
    talk.hear(talk.conversation.publish(SECOND, T0 + 2))
    assert [type(e) for e in talk.output.events] == [PlanRefused]
    assert talk.sent == []


def test_a_new_order_waits_until_the_vehicle_has_given_up_the_old_one() -> None:
    talk = Talk().joined()
    talk.publish(0, FIRST)
    driving = {"order_id": "o1", "order_update_id": 1}
    talk.state(1, node_states=ahead(2, 4, 6), **driving)
    other = a_plan("v3 D 35", released=1, revision=2, order_id="o2")
    assert talk.publish(2, other) == ["cancelOrder"]
    action = talk.output.messages[0].message.actions[0].action_id
    talk.state(3, node_states=ahead(2, 4, 6), action_states=actions(f"{action} RUNNING"), **driving)
    assert talk.sent == []
    # v1 was given up: that its boarding failed says nothing about ana.
    ends = actions(f"{action} FINISHED", "v1/board/ana FAILED")
    assert talk.state(4, action_states=ends, last_node_sequence_id=4, **driving) == ["arrived v1"]
    assert talk.sent == ["order o2 2 from 0"]
    assert talk.state(5, order_id="o2", order_update_id=2) == ["confirmed 2"]


def test_a_vehicle_on_the_charger_is_unplugged_before_it_is_sent_away() -> None:
    talk = Talk().joined()
    charging = BatteryState(battery_charge=90.0, charging=True)
    talk.state(0, battery_state=charging)
    assert talk.publish(1, FIRST) == ["stopCharging"]
    talk.state(2, battery_state=charging)
    assert talk.sent == []
    talk.state(3)
    assert talk.sent == ["order o1 1 from 0"]


def test_a_vehicle_that_will_not_be_unplugged_is_asked_all_the_same() -> None:
    talk = Talk().joined()
    charging = BatteryState(battery_charge=90.0, charging=True)
    talk.state(0, battery_state=charging)
    talk.publish(1, FIRST)
    orders = [at for at in range(2, 18) for line in (talk.tick(at) or talk.sent) if "order" in line]
    assert orders == [16]  # 15 s after the first try at 1


def test_a_vehicle_that_lost_its_order_joins_again_with_what_it_has() -> None:
    talk = Talk().joined()
    talk.publish(0, FIRST)
    talk.state(1, order_id="o1", order_update_id=1, node_states=ahead(2, 4, 6))
    talk.publish(2, SECOND)
    assert talk.state(3) == ["joined  0"]
    assert talk.state(4) == []
    assert talk.tick(20) == []
    assert talk.sent == []  # the update of the lost order is dropped
    assert talk.publish(21, a_plan("v1 B 30 +ana", released=1, revision=3, order_id="o2")) == [
        "order o2 3 from 0"
    ]


def test_a_vehicle_that_fell_back_to_an_older_update_has_lost_the_newer() -> None:
    talk = Talk().resumed(SECOND, confirmed=2)
    older = {"order_id": "o1", "order_update_id": 1}
    # It may be a state that the broker kept; the answer to a question is none.
    assert talk.state(0, **older) == ["reported"]
    assert talk.sent == ["stateRequest"]
    assert talk.state(1, action_states=ANSWERED, **older)[0] == "joined o1 1"


# Visits


def test_a_visit_is_told_step_by_step_and_each_step_once() -> None:
    talk = Talk().joined()
    talk.publish(0, FIRST)
    at = {"order_id": "o1", "order_update_id": 1}
    waiting = actions("v1/board/ana WAITING")
    assert talk.state(1, action_states=waiting, **at) == ["confirmed 1"]
    assert talk.state(5, action_states=waiting, last_node_sequence_id=2, **at) == []
    running = actions("v1/board/ana RUNNING")
    stop = at | {"last_node_sequence_id": 4, "agv_position": at_x(100)}
    assert talk.state(10, action_states=running, **stop) == ["arrived v1"]
    done = actions("v1/board/ana FINISHED")
    boarded = talk.state(20, action_states=done, loads=loads("ana"), **stop)
    assert boarded == ["boarded v1 ana", "reported"]
    hold = stop | {"last_node_sequence_id": 6, "loads": loads("ana")}
    assert talk.state(21, action_states=done, **hold) == ["completed v1"]
    assert talk.state(22, action_states=done, **hold) == []


def test_states_that_were_lost_lose_nothing() -> None:
    plan = a_plan("v1 B 10 +ana +bob", "v2 C 60 -ana", "v3 D 90 -bob", released=3)
    talk = Talk().joined()
    talk.publish(0, plan)
    ends = actions(
        "v1/board/ana FINISHED", "v1/board/bob FINISHED NO_SHOW", "v2/alight/ana FINISHED"
    )
    at = {"order_id": "o1", "order_update_id": 1, "last_node_sequence_id": 12}
    assert talk.state(60, action_states=ends, **at) == [
        "confirmed 1",
        "arrived v1",
        "boarded v1 ana",
        "not there v1 bob",
        "completed v1",
        "arrived v2",
        "alighted v2 ana",
        "completed v2",
        # Ten seconds of the drive to D (12 -> 16) remain; it was planned to end at 90.
        "reported",
    ]


def test_a_forgotten_action_is_judged_by_who_is_aboard() -> None:
    plan = a_plan("v1 B 10 +ana +bob +eve", "v2 C 60 -eve", "v3 D 90 -ana", released=3)
    talk = Talk().joined()
    talk.publish(0, plan)
    at = {"order_id": "o1", "order_update_id": 1, "last_node_sequence_id": 12}
    events = talk.state(80, loads=loads("ana"), **at)
    # ana is aboard; eve's drop-off lies behind, so she was; nothing speaks for bob.
    assert [line for line in events if "v1" in line] == [
        "arrived v1",
        "boarded v1 ana",
        "not there v1 bob",
        "boarded v1 eve",
        "completed v1",
    ]


def test_a_vehicle_that_cannot_tell_who_is_aboard_is_believed_to_do_as_told() -> None:
    talk = Talk().joined()
    talk.publish(0, SECOND)
    at = {"order_id": "o1", "order_update_id": 2, "loads": None}
    assert "boarded v1 ana" in talk.state(10, last_node_sequence_id=6, **at)
    latest = talk.conversation.latest()
    assert latest is not None
    assert latest.condition is not None
    assert latest.condition.aboard == ("ana",)


def test_who_is_gone_when_the_shuttle_comes_to_their_stop_is_said_to_have_got_out() -> None:
    """By a vehicle that counts heads; of others nobody knows where their riders got off."""
    for onboard in (Onboard(epoch=1, series="s"), None):
        talk = Talk().joined()
        talk.publish(0, SECOND)
        ends = actions("v1/board/ana FINISHED", "v2/alight/ana FINISHED NOT_ABOARD")
        at = {"order_id": "o1", "order_update_id": 2, "last_node_sequence_id": 12}
        told = talk.state(60, action_states=ends, onboard=onboard, **at)
        # With numbers, that she had boarded would have one.
        seen = [line for line in told if line.startswith(("not let in", "alighted", "completed"))]
        gone = ["not let in v2 ana"] if onboard else []
        assert seen == ["completed v1", *gone, "completed v2"]


def test_a_failed_boarding_is_no_no_show() -> None:
    talk = Talk().joined()
    talk.publish(0, FIRST)
    ends = actions("v1/board/ana FAILED PLAN_EXPIRED")
    at = {"order_id": "o1", "order_update_id": 1, "last_node_sequence_id": 4}
    assert talk.state(9, action_states=ends, **at)[:3] == [
        "confirmed 1",
        "arrived v1",
        "not let in v1 ana",
    ]
    (failed,) = (e for e in talk.output.events if isinstance(e, BoardingFailed))
    assert failed.reason == "PLAN_EXPIRED"


def test_a_boarding_given_up_on_the_way_is_told_at_once_and_once() -> None:
    talk = Talk().joined()
    talk.publish(0, FIRST)
    ends = actions("v1/board/ana FAILED PLAN_EXPIRED")
    at = {"order_id": "o1", "order_update_id": 1}
    assert talk.state(9, action_states=ends, last_node_sequence_id=2, **at) == [
        "confirmed 1",
        "not let in v1 ana",
    ]
    there = at | {"last_node_sequence_id": 6}
    assert talk.state(12, action_states=ends, **there) == ["arrived v1", "completed v1"]


def test_actions_that_fail_before_the_stop_is_reached_say_nothing() -> None:
    talk = Talk().joined()
    talk.publish(0, FIRST)
    ends = actions("v1/board/ana FAILED")
    at = {"order_id": "o1", "order_update_id": 1, "last_node_sequence_id": 2}
    assert talk.state(9, action_states=ends, **at) == ["confirmed 1"]


def test_a_failed_alighting_is_a_fault_while_the_rider_is_aboard() -> None:
    plan = a_plan("v1 B 10 -ana", released=1)
    talk = Talk().joined()
    talk.publish(0, plan)
    at = {"order_id": "o1", "order_update_id": 1, "last_node_sequence_id": 6}
    failed = actions("v1/alight/ana FAILED")
    events = talk.state(9, action_states=failed, loads=loads("ana"), **at)
    assert events == ["confirmed 1", "arrived v1", "completed v1", "reported"]
    (report,) = (e for e in talk.output.events if isinstance(e, ShuttleReported))
    assert report.faults == (Fault("alightFailed", FaultLevel.WARNING, "ana"),)


def test_after_a_restart_of_the_dispatcher_nothing_is_lost() -> None:
    talk = Talk().resumed(SECOND, confirmed=1)
    ends = actions("v1/board/ana FINISHED")
    at = {"order_id": "o1", "order_update_id": 1, "last_node_sequence_id": 6}
    assert talk.state(30, action_states=ends, loads=loads("ana"), **at) == [
        "confirmed 1",
        "arrived v1",
        "boarded v1 ana",
        "completed v1",
        "reported",
    ]
    assert talk.sent == ["stateRequest"]
    talk.state(31, action_states=ends + ANSWERED, loads=loads("ana"), **at)
    assert talk.sent == ["order o1 2 from 6"]


def test_a_vehicle_that_answers_no_questions_is_believed_after_ten_seconds() -> None:
    talk = Talk().resumed(SECOND, confirmed=1)
    at = {"order_id": "o1", "order_update_id": 1, "last_node_sequence_id": 6}
    sent = []
    for second in range(0, 15, 5):
        talk.state(second, **at)
        sent += [line for line in talk.sent if "order" in line]
    assert sent == ["order o1 2 from 6"]


def test_a_restarted_dispatcher_goes_on_with_a_new_order_that_was_not_taken_yet() -> None:
    plan = a_plan("v3 B 10", released=1, revision=3, order_id="o2")
    talk = Talk().resumed(plan, confirmed=2)
    before = {"order_id": "o1", "order_update_id": 2, "last_node_sequence_id": 6}
    assert talk.state(0, action_states=ANSWERED, **before) == ["reported"]
    assert talk.sent == ["order o2 3 from 0"]


def test_a_restarted_dispatcher_does_not_send_what_is_echoed_already() -> None:
    talk = Talk().resumed(SECOND)
    at = {"order_id": "o1", "node_states": ahead(2, 4, 6, 10, 12)}
    assert talk.state(0, order_update_id=2, **at)[0] == "confirmed 2"
    assert "order" not in " ".join(talk.sent)


def test_an_order_given_up_before_a_restart_is_followed_and_cancelled() -> None:
    plan = a_plan("v3 B 10", released=1, revision=3, order_id="o2")
    talk = Talk()
    talk.conversation.resume(T0 - 1, capacity=Capacity(6, 1), plan=plan, given_up=FIRST)
    at = {"order_id": "o1", "order_update_id": 1, "last_node_sequence_id": 4}
    ends = actions("v1/board/ana FINISHED")
    ahead_of_it = {"node_states": ahead(6), "loads": loads("ana")}
    events = talk.state(0, action_states=ends + ANSWERED, **at, **ahead_of_it)
    assert events == ["arrived v1", "boarded v1 ana", "reported"]
    assert talk.sent == ["cancelOrder"]
    (report,) = reports(talk)
    assert report.aboard == ("ana",)


def test_an_order_given_up_is_cancelled_though_no_other_follows() -> None:
    talk = Talk()
    talk.conversation.resume(T0 - 1, capacity=Capacity(6, 1), given_up=FIRST)
    at = {"order_id": "o1", "order_update_id": 1, "node_states": ahead(2, 4, 6)}
    sent = []
    for second in range(0, 15, 5):
        talk.state(second, **at)
        sent += talk.sent
    assert "cancelOrder" in sent


# Reports


def test_nothing_is_reported_while_nothing_changes() -> None:
    talk = Talk().joined()
    for at in range(60):
        assert talk.state(at, agv_position=at_x(at)) == []


def test_what_planning_needs_is_reported_when_it_changes() -> None:
    talk = Talk().joined()
    assert talk.state(0, operating_mode=OperatingMode.MANUAL) == ["reported"]
    assert reports(talk)[0].mode is DriveMode.MANUAL
    assert talk.state(1, operating_mode=OperatingMode.MANUAL) == []
    assert talk.state(2, paused=True) == ["reported"]
    battery = BatteryState(battery_charge=89.2, charging=False)
    assert talk.state(3, battery_state=battery, paused=True) == []
    battery = BatteryState(battery_charge=89.0, charging=False)
    assert talk.state(4, battery_state=battery, paused=True) == ["reported"]
    stopped = SafetyState(e_stop=EStop.MANUAL, field_violation=False)
    assert talk.state(5, battery_state=battery, paused=True, safety_state=stopped) == ["reported"]
    assert reports(talk)[0].faults == (Fault("eStop", FaultLevel.FATAL, "MANUAL"),)


def test_a_battery_that_flickers_about_a_step_is_not_reported_each_time() -> None:
    talk = Talk().joined()
    levels = [90.0, 89.0, 89.1, 88.95, 89.05, 88.0]
    told = [
        at
        for at, level in enumerate(levels)
        if talk.state(at, battery_state=BatteryState(battery_charge=level, charging=False))
    ]
    assert told == [1, 5]


def test_a_delay_on_the_road_is_reported_at_most_every_ten_seconds() -> None:
    # The leg of 100 m takes 10 s, so the plan's arrival at 10 means a start at 0.
    talk = Talk().joined()
    talk.publish(0, FIRST)
    told = []
    for at in range(1, 45):
        # The vehicle does not move from x = 0 and has 10 s to drive all the time: the delay
        # is as long as the time passed, and over 10 s first at 11, then 11 s after each report.
        if "reported" in talk.state(
            at, order_id="o1", order_update_id=1, node_states=ahead(2, 4, 6)
        ):
            told.append(at)
            assert reports(talk)[0].left_m == 100.0
    assert told == [11, 22, 33, 44]


def test_a_report_says_how_much_road_is_left() -> None:
    talk = Talk().joined()
    talk.publish(0, SECOND)
    at = {"order_id": "o1", "order_update_id": 2, "agv_position": at_x(60)}
    # 10 m past the node half way to B: 40 m to B, and 100 m on to C.
    talk.state(1, last_node_sequence_id=2, node_states=ahead(4, 6, 8, 10, 12), paused=True, **at)
    assert reports(talk)[0].left_m == pytest.approx(140.0)
    ends = at | {"last_node_sequence_id": 12, "action_states": actions("v2/alight/ana FINISHED")}
    talk.state(2, **ends)
    assert reports(talk)[0].left_m is None


# Silence and time


def test_silence_is_told_once_and_ended_by_a_report() -> None:
    talk = Talk().joined()
    talk.state(0)
    assert talk.conversation.next_due(T0) == pytest.approx(T0 + 45)
    assert talk.tick(45) == []
    assert talk.tick(45.1) == ["silent"]
    assert talk.tick(100) == []
    assert talk.state(101) == ["reported"]


def test_a_broken_connection_alone_is_no_silence_but_asks_for_a_state() -> None:
    talk = Talk().joined()
    assert talk.connection(0, ConnectionState.CONNECTIONBROKEN) == []
    assert talk.sent == ["stateRequest"]
    talk.connection(5, ConnectionState.OFFLINE)
    talk.state(6, action_states=actions(f"{SHUTTLE}/stateRequest/{T0 * 1000} FINISHED"))
    talk.tick(20)
    assert talk.sent == []


def test_repeated_late_and_retained_states_are_dropped_and_counted() -> None:
    conversation = Talk().joined().conversation
    newer, older = a_state(T0 + 2, 12), a_state(T0 + 1, 11)
    for state in (newer, newer, older):
        assert conversation.on_state(state, T0 + 3).events == ()
    conversation.on_state(a_state(T0 + 4, 13), T0 + 4, retained=True)
    assert conversation.drops == {"repeated_state": 1, "late_state": 1, "retained_state": 1}


def test_a_state_kept_back_for_long_is_no_sign_of_life() -> None:
    talk = Talk().joined()
    old = a_state(T0 - 601, 50)
    assert talk.conversation.on_state(old, T0).events == ()
    assert talk.conversation.drops == {"clock_off_state": 1}


def test_a_vehicle_that_restarts_counts_from_one_again() -> None:
    conversation = Talk().joined().conversation
    conversation.on_state(a_state(T0 + 10, 5000), T0 + 10)
    conversation.on_state(a_state(T0 + 60, 1), T0 + 60)
    conversation.on_state(a_state(T0 + 61, 2), T0 + 61)
    # One from before the restart, kept on the way.
    conversation.on_state(a_state(T0 + 11, 5001), T0 + 62)
    assert conversation.drops == {"late_state": 1}


def test_a_clock_set_back_costs_two_states() -> None:
    conversation = Talk().joined().conversation
    conversation.on_state(a_state(T0 + 100, 10), T0)
    for n in range(4):
        conversation.on_state(a_state(T0 + 1 + n, 11 + n), T0 + 1 + n)
    assert conversation.drops == {"late_state": 2}


def test_a_restart_with_the_clock_set_back_costs_half_a_minute() -> None:
    conversation = Talk().joined().conversation
    conversation.on_state(a_state(T0 + 10, 5000), T0 + 10)
    # It was off for 20 s and thinks that it is five minutes earlier; header ids begin anew.
    for n in range(6):
        at = 30 + 10 * n
        conversation.on_state(a_state(T0 + at - 300, 1 + n), T0 + at)
    assert conversation.drops == {"late_state": 2}
    assert conversation.tick(T0 + 100).events == ()  # heard at 80, so it is not silent


def test_states_kept_on_the_way_are_no_restart_however_many_come() -> None:
    conversation = Talk().joined().conversation
    conversation.on_state(a_state(T0 + 400, 5000), T0 + 400)
    for n in range(30):  # ten seconds apart when they were sent, and all at once now
        conversation.on_state(a_state(T0 + 10 * n, 1 + n), T0 + 401 + n / 10)
    assert conversation.drops == {"late_state": 30}


def resumed_at(now: float, last_heard: float) -> Talk:
    talk = Talk()
    talk.conversation.resume(T0 + now, capacity=Capacity(6, 1), last_heard_s=T0 + last_heard)
    return talk


def test_a_silence_is_counted_over_restarts() -> None:
    # Heard last at 0, by what is written down, and the dispatcher starts anew every 40 s.
    assert resumed_at(40, 0).tick(54) == []
    talk = resumed_at(80, 0)
    assert talk.tick(94) == []  # it was asked for its state, and has time to answer
    assert talk.tick(95.5) == ["silent"]
    (silent,) = talk.output.events
    assert isinstance(silent, ShuttleFellSilent)
    # It may have been heard, and answered, until the restart.
    assert silent.last_heard_s == T0 + 80


def test_a_shuttle_that_answers_after_a_restart_has_its_usual_time_again() -> None:
    talk = resumed_at(80, 0)
    talk.state(85)
    assert talk.tick(129) == []
    assert talk.tick(131) == ["silent"]


# Commands


def test_a_pause_is_sent_until_it_shows_and_its_end_replaces_it() -> None:
    talk = Talk().joined()
    command = talk.conversation.command
    talk.hear(command(ShuttleCommand.PAUSE, 17, T0, "crowd"))
    (message,) = (outgoing.message for outgoing in talk.output.messages)
    action = message.actions[0]
    assert action.action_id == f"{SHUTTLE}/startPause/17"
    talk.tick(2)
    assert talk.sent == ["startPause"]
    talk.hear(command(ShuttleCommand.RESUME, 18, T0 + 3))
    assert talk.sent == ["stopPause"]
    talk.tick(5)
    assert talk.sent == ["stopPause"]
    talk.state(6, paused=False)
    talk.tick(20)
    assert talk.sent == []


def test_nothing_is_cancelled_where_nothing_is_under_way() -> None:
    talk = Talk().joined()
    assert talk.hear(talk.conversation.command(ShuttleCommand.CANCEL_ORDER, 1, T0)) == []
    assert talk.sent == []


def test_an_order_waits_while_a_cancellation_is_on_its_way() -> None:
    talk = Talk().joined()
    driving = {"order_id": "theirs", "order_update_id": 7, "node_states": ahead(2, 4)}
    talk.state(0, **driving)
    talk.hear(talk.conversation.command(ShuttleCommand.CANCEL_ORDER, 1, T0))
    assert talk.sent == ["cancelOrder"]
    assert talk.publish(1, FIRST) == []
    talk.state(3, order_id="theirs", order_update_id=7)
    assert talk.sent == ["order o1 1 from 0"]


def test_a_visit_whose_times_were_corrected_is_not_told_again() -> None:
    talk = Talk().joined()
    talk.publish(0, FIRST)
    at = {"order_id": "o1", "last_node_sequence_id": 4}
    done = actions("v1/board/ana FINISHED")
    talk.state(10, order_update_id=1, action_states=done, loads=loads("ana"), **at)
    talk.publish(11, a_plan("v1 B 12 +ana", "v2 C 60 -ana", released=1, revision=2))
    again = talk.state(12, order_update_id=2, action_states=done, loads=loads("ana"), **at)
    assert again == ["confirmed 2"]


def test_latest_is_for_display() -> None:
    talk = Talk()
    assert talk.conversation.latest() is None
    talk.state(0, agv_position=at_x(7))
    latest = talk.conversation.latest()
    assert latest is not None
    assert (latest.x_m, latest.silent, latest.in_flight) == (7.0, False, None)


def test_a_long_shift_leaves_nothing_behind() -> None:
    talk = Talk().joined()
    sequence = 0
    for n in range(200):
        plan = a_plan(
            f"v{n} {'AB'[n % 2 == 0]} 10",
            start="BA"[n % 2 == 0],
            sequence=sequence,
            released=1,
            revision=n + 1,
        )
        talk.publish(10 * n, plan)
        sequence += 6
        at = {"order_id": "o1", "order_update_id": n + 1, "last_node_sequence_id": sequence}
        assert f"completed v{n}" in talk.state(10 * n + 5, **at)
    (progress,) = talk.conversation._progress.values()
    assert len(progress._visits) == 0
    assert len(progress.road) <= 8


def test_an_update_that_arrives_after_its_order_was_given_up_is_called_off() -> None:
    talk = Talk().joined()
    talk.hear(talk.conversation.publish(FIRST, T0, 5))
    assert talk.sent == ["order o1 1 from 0"]
    # The vehicle stands idle: there is nothing to cancel, and nothing more is sent.
    assert talk.hear(talk.conversation.command(ShuttleCommand.CANCEL_ORDER, 6, T0 + 1)) == []
    talk.tick(30)
    assert "order o1 1 from 0" not in talk.sent
    talk.state(31, order_id="o1", order_update_id=1, node_states=ahead(2, 4, 6))
    assert talk.sent == ["cancelOrder"]


def test_a_cancellation_of_the_order_before_leaves_the_new_one_alone() -> None:
    for number in (4, 5):  # said again after a restart, or of the event that began the order
        talk = Talk().joined()
        talk.hear(talk.conversation.publish(FIRST, T0, 5))
        talk.hear(talk.conversation.command(ShuttleCommand.CANCEL_ORDER, number, T0 + 1))
        talk.tick(30)
        assert talk.sent == ["order o1 1 from 0"]
