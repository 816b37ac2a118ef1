"""The reference agent boards nobody without the dispatcher's word, and obeys no replaced one."""

from datetime import datetime

import pytest
from test_agent import TWO, Ride, aboard, ends, refusals
from vehicle_cases import T0, VEHICLE, a_plan

from vehicles.agent_memory import AgentMemory
from vehicles.messages import (
    Acknowledged,
    InstantActions,
    Onboard,
    State,
    moment_of,
)

# Ana boards at A, where the shuttle stands, and is there at the time given.
AT_A = a_plan("v1 A 0 +ana @0", "v2 C 60 -ana", released=1)


class Spoken(Ride):
    """A ride with a dispatcher that says words; it is never told of the broker again."""

    def word(
        self,
        at: float,
        heard: float,
        *,
        order_id: str = "o1",
        sent: float | None = None,
        epoch: int = 1,
        acknowledged: Acknowledged | None = None,
    ) -> State:
        message = InstantActions(
            header_id=1,
            timestamp=moment_of(T0 + (at if sent is None else sent)),
            manufacturer=VEHICLE.manufacturer,
            serial_number=VEHICLE.serial_number,
            actions=(),
            epoch=epoch,
            order_id=order_id,
            heard=moment_of(T0 + heard),
            acknowledged=acknowledged,
        )
        return self.hear(self.agent.on_instant_actions(message, T0 + at))

    def ordered(self, at: float = 0, heard: float = 0) -> State:
        return self.order(at, AT_A, heard=moment_of(T0 + heard))

    def reboot_at(self, at: float, clock_back_s: float = 0.0) -> None:
        """The computer starts again; its clock may show an earlier time. It stays offline."""
        kept = AgentMemory.model_validate_json(self.kept[-1].model_dump_json())
        self.agent = self.new_agent(kept)
        self.hear(self.agent.advance(T0 + at - clock_back_s))

    @property
    def onboard(self) -> Onboard:
        assert self.state.onboard is not None
        return self.state.onboard


def open_end(ride: Ride) -> str:
    """How ana's boarding stands in the agent's memory."""
    state = ride.agent.memory.status_of("v1/board/ana")
    assert state is not None
    return f"{state.action_status} {state.result_description or ''}".strip()


def valid_from(ride: Spoken) -> float | None:
    moment: datetime | None = ride.onboard.valid_from
    return None if moment is None else moment.timestamp() - T0


def test_the_broker_alone_keeps_no_plan_valid() -> None:
    ride = Spoken({"ana": 61})
    # The order answers a state of the moment 0, and nothing more is heard of the dispatcher.
    ride.ordered()
    assert ends(ride.run(0, 59))["v1/board/ana"] == "RUNNING"
    state = ride.run(59, 61)
    assert ends(state)["v1/board/ana"] == "FAILED PLAN_EXPIRED"
    # For good: whoever comes later, and whatever is said later.
    ride.word(62, heard=61)
    assert aboard(ride.run(62, 200)) == []


def test_a_word_renews_from_when_the_state_it_answers_was_sent() -> None:
    ride = Spoken({"ana": 200})
    ride.order(0, a_plan("v1 A 0 +ana @100", "v2 C 60 -ana", released=1), heard=moment_of(T0))
    ride.run(0, 50)
    ride.word(55, heard=30)  # on its way for long
    assert valid_from(ride) == 30
    state = ride.run(55, 89)
    assert ends(state)["v1/board/ana"] == "INITIALIZING"
    assert ends(ride.run(89, 91))["v1/board/ana"] == "FAILED PLAN_EXPIRED"


@pytest.mark.parametrize(
    ("word", "why"),
    [
        ({"heard": 30, "order_id": "o2"}, "another order"),
        ({"heard": 30, "epoch": 0}, "a dispatcher that was replaced"),
        ({"heard": 56}, "a state that was not sent yet"),
    ],
)
def test_what_is_no_word_on_this_order_renews_nothing(word: dict[str, object], why: str) -> None:
    ride = Spoken({"ana": 65})
    ride.ordered()
    ride.run(0, 55)
    ride.word(55, **word)  # type: ignore[arg-type]
    assert aboard(ride.run(55, 80)) == [], why
    assert open_end(ride) == "FAILED PLAN_EXPIRED"


def test_what_is_released_while_no_word_is_valid_waits_for_one() -> None:
    ride = Spoken({"ana": 0})
    plan = a_plan("v1 A 0", "v2 A 300 +ana @300", "v3 C 400 -ana", released=1)
    ride.order(0, plan, heard=moment_of(T0))
    # Nobody is to board for minutes, so no word is said; the update was on its way for 70 s.
    ride.run(0, 300)
    plan = a_plan("v2 A 300 +ana @300", "v3 C 400 -ana", sequence=4, released=1, revision=2)
    ride.order(300, plan, 4, heard=moment_of(T0 + 230))
    state = ride.run(300, 310)
    assert refusals(state) == []
    assert ends(state)["v2/board/ana"] == "INITIALIZING"
    assert valid_from(ride) is None
    ride.word(311, heard=305)
    assert aboard(ride.run(311, 320)) == ["ana"]


def test_a_plan_that_expires_on_the_way_lets_nobody_in_at_its_stop() -> None:
    ride = Spoken({"ana": 0})
    ride.order(0, a_plan("v1 I 80 +ana", "v2 A 200 -ana", released=1), heard=moment_of(T0))
    # 800 m at 10 m/s: it is on its way at 60, and there at 80 with word again.
    state = ride.run(0, 61)
    assert ends(state)["v1/board/ana"] == "FAILED PLAN_EXPIRED"
    assert state.driving
    ride.word(62, heard=61)
    state = ride.run(62, 90)
    assert (aboard(state), state.last_node_id) == ([], "I.hold")


def test_without_word_riders_still_get_off_and_whoever_steps_in_gets_in() -> None:
    ride = Spoken({"ana": 0, "bob": 58})
    plan = a_plan("v1 A 0 +ana +bob @0", "v2 C 60 -ana -bob", released=2)
    ride.order(0, plan, heard=moment_of(T0))
    # Bob is on the step at 58 and seated at 63; both are at C 20 s later, and out at 88.
    assert aboard(ride.run(0, 64)) == ["ana", "bob"]
    state = ride.run(64, 90)
    assert (aboard(state), state.last_node_id) == ([], "C.hold")


def test_a_reboot_ends_no_boarding_but_lets_nobody_in_before_a_word() -> None:
    ride = Spoken({"ana": 25})
    ride.ordered()
    ride.run(0, 20)
    ride.reboot_at(20)
    ride.run(20, 30)
    assert open_end(ride) == "INITIALIZING"  # ana is there, and waits
    ride.hear(ride.agent.connected(T0 + 30))
    assert ride.onboard.valid_from is None
    ride.word(31, heard=15, sent=16)  # from before: how long ago, no clock can tell
    assert aboard(ride.run(31, 40)) == []
    ride.word(40, heard=30)
    assert aboard(ride.run(40, 46)) == ["ana"]


def test_a_reboot_does_not_make_a_plan_valid_for_longer() -> None:
    ride = Spoken({"ana": 65})
    ride.ordered()
    ride.run(0, 16)
    ride.reboot_at(16)
    ride.run(16, 59)
    assert open_end(ride) == "INITIALIZING"
    ride.run(59, 61)
    assert open_end(ride) == "FAILED PLAN_EXPIRED"


def test_a_clock_set_back_while_it_was_off_does_not_either() -> None:
    ride = Spoken({"ana": 0})
    ride.order(0, a_plan("v1 A 0 +ana @50", "v2 C 60 -ana", released=1), heard=moment_of(T0))
    ride.run(0, 20)
    # Off from 20 to 320, when its clock shows 25 again: the validity seems to last till 60.
    ride.reboot_at(320, clock_back_s=295)
    ride.hear(ride.agent.connected(T0 + 26))
    assert open_end(ride) == "INITIALIZING"
    # By the dispatcher's clock it was out of contact for 321 s. Ana has another shuttle.
    ride.word(27, heard=26, sent=321)
    assert open_end(ride) == "FAILED PLAN_EXPIRED"


def test_out_of_contact_is_not_forgotten_over_a_reboot() -> None:
    """Also where the dispatcher says no words, as an older one."""
    ride = Ride({"ana": 200})
    ride.order(0, a_plan("v1 A 0 +ana @190", "v2 C 60 -ana", released=1))
    ride.agent.disconnected(T0 + 1)
    kept = AgentMemory.model_validate_json(ride.kept[-1].model_dump_json())
    ride.agent = ride.new_agent(kept)
    ride.run(16, 200)
    assert open_end(ride) == "FAILED PLAN_EXPIRED"


def test_one_that_was_cut_off_by_its_own_failure_is_out_of_contact_when_it_is_back() -> None:
    ride = Ride({"ana": 200})
    ride.order(0, a_plan("v1 A 0 +ana @190", "v2 C 60 -ana", released=1))
    kept = AgentMemory.model_validate_json(ride.kept[-1].model_dump_json())
    ride.agent = ride.new_agent(kept)  # connected until the power failed
    ride.run(16, 200)
    assert open_end(ride) == "FAILED PLAN_EXPIRED"


def test_it_asks_for_a_word_from_half_the_validity_on() -> None:
    ride = Spoken({"ana": 500}, state_interval_s=30.0)
    ride.order(0, a_plan("v1 A 0 +ana @400", "v2 C 60 -ana", released=1), heard=moment_of(T0))
    ride.said.clear()
    ride.run(0, 59)
    times = [
        o.message.timestamp.timestamp() - T0 for o in ride.said if isinstance(o.message, State)
    ]
    assert times == [30, 35, 40, 45, 50, 55]


# Dispatchers that were replaced


def test_instant_actions_of_a_replaced_dispatcher_are_not_done() -> None:
    ride = Ride()
    ride.order(0, TWO)
    ride.instantly(1, "startPause", "p1", epoch=3)
    # The old one was paused itself, with the end of an earlier pause on its lips.
    state = ride.instantly(2, "stopPause", "p2", epoch=2)
    assert state.paused is True
    assert refusals(state) == ["instantActionError: epoch 2 is over"]
    assert state.onboard is not None
    assert state.onboard.epoch == 3
    # And its orders are over as well, by what the instant action said.
    assert "epoch 2 is over" in refusals(ride.order(3, a_plan("v1 B 9", released=1, epoch=2)))[-1]


def test_what_names_no_epoch_is_not_obeyed_once_one_was_heard_of() -> None:
    ride = Ride()
    ride.order(0, TWO)
    state = ride.instantly(1, "cancelOrder", "c1", epoch=None)
    assert state.node_states != ()
    assert refusals(state) == ["instantActionError: it names no epoch, and epoch 1 was heard of"]
    # Anybody may stop a shuttle.
    assert ride.instantly(2, "startPause", "p1", epoch=None).paused is True
    assert ride.instantly(3, "stopPause", "p2", epoch=None).paused is True
    update = a_plan("v1 B 10 +ana", "v2 C 60 -ana", released=2, revision=2)
    assert "it names no epoch" in refusals(ride.order(4, update, 12, epoch=None))[-1]


# Numbered events


def numbers(ride: Spoken) -> list[str]:
    return [f"{e.number} {e.kind} {e.action_id}" for e in ride.onboard.events]


def test_events_are_kept_until_they_are_acknowledged() -> None:
    ride = Spoken({"ana": 0})
    plan = a_plan("v1 B 10 +ana +bob @10", "v2 C 60 -ana -bob", released=2)
    ride.order(0, plan, heard=moment_of(T0))
    ride.word(20, heard=20)
    ride.word(70, heard=70)
    ride.run(70, 100)
    # Nobody saw bob get off, who never was aboard.
    assert numbers(ride) == [
        "1 boarded v1/board/ana",
        "2 notThere v1/board/bob",
        "3 alighted v2/alight/ana",
    ]
    series = ride.onboard.series
    assert series
    ride.word(101, heard=100, acknowledged=Acknowledged(series="other", number=4))
    assert len(ride.agent.memory.events) == 3
    ride.word(102, heard=100, acknowledged=Acknowledged(series=series, number=2))
    assert [e.number for e in ride.agent.memory.events] == [3]
    # A new order, in which the actions are forgotten, and a reboot: the events are there.
    ride.order(103, a_plan("v9 C 200", start="C", released=1, revision=2, order_id="o2"))
    ride.reboot_at(104)
    ride.hear(ride.agent.connected(T0 + 104))
    assert ride.state.order_id == "o2"
    assert [e.number for e in ride.onboard.events] == [3]
    assert ride.onboard.series == series


def test_a_boarding_that_was_barred_is_an_event_with_its_reason() -> None:
    ride = Spoken()
    ride.ordered()
    ride.run(0, 61)
    (event,) = ride.onboard.events
    assert (event.kind, event.trip_id, event.reason) == ("notLetIn", "ana", "PLAN_EXPIRED")
