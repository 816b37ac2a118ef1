"""What the dispatcher says between orders, and what it makes of a vehicle's numbered events."""

from typing import Any

from vehicle_cases import T0, a_plan
from vehicle_talk import Talk, a_factsheet, actions, ahead, loads

from dispatcher.domain.decisions import ShuttleCommand
from dispatcher.domain.events import (
    BoardingFailed,
    EventNumber,
    NewerEpochSeen,
    RiderBoarded,
    ShuttleJoined,
)
from dispatcher.domain.shuttles import Capacity
from vehicles.messages import (
    InstantActions,
    Onboard,
    Order,
    RiderEvent,
    RiderEventKind,
    moment_of,
)

FIRST = a_plan("v1 B 10 +ana +bob", "v2 C 60 -ana -bob", released=1)
ON_IT: dict[str, Any] = {"order_id": "o1", "order_update_id": 1, "node_states": ahead(2, 4, 6)}


def onboard(
    *events: str, valid_from: float | None = None, epoch: int = 1, series: str = "a"
) -> Onboard:
    """``"3 boarded v1/board/ana"``; a reason may follow."""
    read = []
    for line in events:
        number, kind, action_id, *reason = line.split()
        read.append(
            RiderEvent(
                number=int(number),
                kind=RiderEventKind(kind),
                action_id=action_id,
                trip_id=action_id.rpartition("/")[2],
                timestamp=moment_of(T0),
                reason=" ".join(reason) or None,
            )
        )
    moment = None if valid_from is None else moment_of(T0 + valid_from)
    return Onboard(epoch=epoch, valid_from=moment, series=series, events=tuple(read))


def joined() -> Talk:
    talk = Talk().joined()
    talk.conversation.begin_epoch(1)
    talk.state(-0.5, onboard=onboard())
    return talk


def words(talk: Talk) -> list[str]:
    """``"renews o1 from 5"`` and ``"has a 3"``."""
    lines = []
    for outgoing in talk.output.messages:
        match outgoing.message:
            case InstantActions(actions=()) as word:
                parts = []
                if word.heard is not None:
                    parts.append(f"renews {word.order_id} from {word.heard.timestamp() - T0:g}")
                if word.acknowledged is not None:
                    parts.append(f"has {word.acknowledged.series} {word.acknowledged.number}")
                lines.append(", ".join(parts) or f"epoch {word.epoch}")
            case _:
                pass
    return lines


# The validity of a plan


def test_who_needs_our_word_is_told_to_the_engine() -> None:
    talk = Talk()
    talk.conversation.begin_epoch(1)
    talk.conversation.on_factsheet(a_factsheet(), T0)
    talk.state(0, onboard=onboard())
    (event,) = talk.output.events
    assert isinstance(event, ShuttleJoined)
    assert event.needs_word


def test_a_word_answers_a_state_while_somebody_is_to_board() -> None:
    talk = joined()
    talk.publish(0, FIRST)
    heard = []
    for at in range(1, 40):
        valid_from = heard[-1] if heard else None
        talk.state(at, onboard=onboard(valid_from=valid_from), **ON_IT)
        for line in words(talk):
            assert line == f"renews o1 from {at}"
            heard.append(at)
    # The first as soon as it shows the order, then one every ten seconds.
    assert heard == [1, 11, 21, 31]


def test_a_word_that_is_lost_is_said_again_two_seconds_later() -> None:
    talk = joined()
    talk.publish(0, FIRST)
    said = []
    for at in range(1, 8):
        talk.state(at, onboard=onboard(), **ON_IT)
        said += [at for _ in words(talk)]
    assert said == [1, 3, 5, 7]


def test_nothing_is_said_when_nobody_is_to_board_or_to_a_plain_vehicle() -> None:
    talk = joined()
    talk.publish(0, a_plan("v1 B 10 -ana", released=1))
    for at in range(1, 60):
        talk.state(at, onboard=onboard(), **ON_IT)
        assert words(talk) == []
    plain = Talk().joined()
    plain.publish(0, FIRST)
    (order,) = (outgoing.message for outgoing in plain.output.messages)
    assert isinstance(order, Order)
    assert order.heard is None
    for at in range(1, 60):
        plain.state(at, **ON_IT)
        assert words(plain) == []


def test_silence_is_not_answered() -> None:
    talk = joined()
    talk.publish(0, FIRST)
    talk.state(1, onboard=onboard(), **ON_IT)
    for at in range(2, 100):
        talk.tick(at)
        assert words(talk) == []


def test_a_new_order_names_no_state_of_before() -> None:
    talk = joined()
    talk.publish(0, FIRST)
    (order,) = (outgoing.message for outgoing in talk.output.messages)
    assert isinstance(order, Order)
    assert order.heard is not None
    assert order.heard.timestamp() == 0.0
    talk.state(1, onboard=onboard(), **ON_IT)
    more = a_plan("v1 B 10 +ana +bob", "v2 C 60 -ana -bob", released=2, revision=2)
    talk.publish(2, more)
    (order,) = (outgoing.message for outgoing in talk.output.messages)
    assert isinstance(order, Order)
    assert order.heard == moment_of(T0 + 1)


def test_an_order_that_was_given_up_is_not_renewed() -> None:
    talk = joined()
    talk.publish(0, FIRST)
    talk.state(1, onboard=onboard(), **ON_IT)
    assert words(talk) != []
    talk.hear(talk.conversation.command(ShuttleCommand.CANCEL_ORDER, 5, T0 + 2))
    for at in range(4, 60):
        talk.state(at, onboard=onboard(valid_from=1), **ON_IT)
        assert words(talk) == []


def test_nor_is_one_that_another_has_followed() -> None:
    talk = joined()
    talk.publish(0, FIRST)
    talk.state(1, onboard=onboard(), **ON_IT)
    talk.publish(2, a_plan("v3 B 10 +eve", released=1, revision=3, order_id="o2"))
    for at in range(4, 60):
        talk.state(at, onboard=onboard(valid_from=1), **ON_IT)
        assert words(talk) == []


def test_after_a_silence_the_engine_has_the_first_word() -> None:
    talk = joined()
    talk.publish(0, FIRST)
    talk.state(1, onboard=onboard(), **ON_IT)
    assert talk.tick(47) == ["silent"]
    said = []
    for at in range(50, 60):
        talk.state(at, onboard=onboard(valid_from=1), **ON_IT)
        said += [at for _ in words(talk)]
    assert said[0] == 55


def test_a_silence_of_before_a_restart_is_one_as_well() -> None:
    talk = Talk()
    talk.conversation.begin_epoch(2)
    talk.conversation.resume(
        T0, capacity=Capacity(6, 1), plan=FIRST, confirmed=1, last_heard_s=T0 - 100, silent=True
    )
    assert talk.tick(100) == []  # told before the restart
    said = []
    for at in range(101, 115):
        talk.state(at, onboard=onboard(epoch=2), **ON_IT)
        said += [at for _ in words(talk)]
    assert said[0] == 106


# Epochs


def test_a_vehicle_with_an_old_epoch_is_told_ours() -> None:
    talk = joined()
    talk.conversation.begin_epoch(2)
    talk.state(3, onboard=onboard(epoch=1))
    assert words(talk) == ["epoch 2"]
    talk.state(4, onboard=onboard(epoch=2))
    assert words(talk) == []
    talk.hear(talk.conversation.command(ShuttleCommand.PAUSE, 5, T0 + 5))
    assert [outgoing.message.epoch for outgoing in talk.output.messages] == [2]


def test_a_higher_epoch_than_ours_is_told_once() -> None:
    talk = joined()
    assert talk.state(1, onboard=onboard(epoch=9)) == ["NewerEpochSeen"]
    (event,) = talk.output.events
    assert event == NewerEpochSeen(T0 + 1, talk.conversation.vehicle.shuttle_id, 9)
    assert talk.state(2, onboard=onboard(epoch=9)) == []
    assert talk.state(3, onboard=onboard(epoch=10)) == ["NewerEpochSeen"]


# Numbered events


def test_events_are_told_once_with_their_numbers_and_acknowledged() -> None:
    talk = joined()
    talk.publish(0, FIRST)
    at_stop = ON_IT | {"node_states": ahead(6), "last_node_sequence_id": 4}
    told = onboard("1 boarded v1/board/bob", valid_from=9)
    ends = actions("v1/board/bob FINISHED", "v1/board/ana RUNNING")
    events = talk.state(10, onboard=told, action_states=ends, loads=loads("bob"), **at_stop)
    assert events == ["confirmed 1", "arrived v1", "boarded v1 bob", "reported"]
    assert [e.number for e in talk.output.events if isinstance(e, RiderBoarded)] == [
        EventNumber("a", 1)
    ]
    assert words(talk) == ["renews o1 from 10, has a 1"]
    assert talk.state(13, onboard=told, action_states=ends, loads=loads("bob"), **at_stop) == []
    assert words(talk) == ["renews o1 from 13, has a 1"]  # it shows that it had not heard
    more = onboard("1 boarded v1/board/bob", "2 notThere v1/board/ana", valid_from=13)
    ends = actions("v1/board/bob FINISHED", "v1/board/ana FINISHED NO_SHOW")
    at_hold = ON_IT | {"node_states": (), "last_node_sequence_id": 6}
    events = talk.state(14, onboard=more, action_states=ends, loads=loads("bob"), **at_hold)
    assert events == ["not there v1 ana", "completed v1"]
    # Something new is acknowledged at once, however short ago the last word was.
    assert words(talk) == ["renews o1 from 14, has a 2"]


def test_after_a_restart_only_what_was_not_told_is_told() -> None:
    talk = Talk()
    talk.conversation.begin_epoch(2)
    talk.conversation.resume(
        T0,
        capacity=Capacity(6, 1),
        plan=FIRST,
        confirmed=1,
        aboard=(),
        last_event=EventNumber("a", 1),
    )
    at_hold = ON_IT | {"node_states": (), "last_node_sequence_id": 6}
    told = onboard("1 boarded v1/board/bob", "2 boarded v1/board/ana", epoch=2)
    ends = actions("v1/board/bob FINISHED", "v1/board/ana FINISHED")
    events = talk.state(1, onboard=told, action_states=ends, loads=loads("ana", "bob"), **at_hold)
    assert events == ["arrived v1", "boarded v1 ana", "completed v1", "reported"]


def test_events_of_an_order_that_nobody_follows_are_told() -> None:
    talk = joined()
    told = onboard("4 boarded v7/board/eve", "5 notLetIn v7/board/bob PLAN_EXPIRED")
    assert talk.state(1, onboard=told, order_id="o0", loads=loads("eve")) == [
        "boarded v7 eve",
        "not let in v7 bob",
        "reported",
    ]
    (failed,) = (e for e in talk.output.events if isinstance(e, BoardingFailed))
    assert (failed.reason, failed.number) == ("PLAN_EXPIRED", EventNumber("a", 5))


def test_another_series_begins_anew() -> None:
    talk = joined()
    assert talk.state(1, onboard=onboard("1 alighted v7/alight/eve")) == ["alighted v7 eve"]
    assert talk.state(2, onboard=onboard("1 alighted v7/alight/eve")) == []
    again = onboard("1 alighted v8/alight/eve", series="b")
    assert talk.state(3, onboard=again) == ["alighted v8 eve"]


def test_where_numbers_are_missing_the_state_itself_is_read() -> None:
    talk = joined()
    talk.publish(0, FIRST)
    at_hold = ON_IT | {"node_states": (), "last_node_sequence_id": 6}
    ends = actions("v1/board/bob FINISHED", "v1/board/ana FINISHED NO_SHOW")
    told = onboard("2 notThere v1/board/ana", valid_from=9)
    events = talk.state(10, onboard=told, action_states=ends, loads=loads("bob"), **at_hold)
    assert sorted(events) == sorted(
        [
            "confirmed 1",
            "boarded v1 bob",
            "arrived v1",
            "not there v1 ana",
            "completed v1",
            "reported",
        ]
    )
    assert events.index("boarded v1 bob") < events.index("completed v1")
