"""A shuttle that knows its dispatcher's keys obeys nobody else, and nothing kept from before."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from shared_files import shared
from vehicle_cases import SHUTTLE, T0, VEHICLE, a_plan, schema_problems
from vehicle_hardware import PlainChassis, TimetableCabin
from vehicle_talk import a_factsheet, a_state

from dispatcher.authority import PLAN_KEY_FILE, PLAN_KEYS_DIR, create_plan_key
from dispatcher.domain.decisions import ShuttleCommand
from dispatcher.domain.events import PlanRefused, ShuttleReported
from dispatcher.domain.plans import ShuttlePlan
from dispatcher.domain.shuttles import Capacity, FaultLevel
from vehicles.agent import OnboardAgent
from vehicles.agent_ear import AgentEar
from vehicles.agent_memory import MOST_INSTANTS, AgentMemory
from vehicles.agent_replays import MOST_AGE_S
from vehicles.agent_voice import AgentSettings
from vehicles.fleet import Fleet, FleetRules
from vehicles.instant import STAMP_AGAIN_S, Instant, InstantQueue
from vehicles.mapping import OrderStyle, order_of
from vehicles.messages import Action, BlockingType, InstantActions, Onboard, State, moment_of
from vehicles.signing import PlanKeys, PlanSigner, SigningKeyError, Untrusted, UntrustedError
from vehicles.topics import Topic, VehicleName, topic_of

OURS, NEXT, THIEFS = (Ed25519PrivateKey.generate() for _ in range(3))
SIGNER = PlanSigner(OURS)
KEYS = PlanKeys([OURS.public_key()])
OTHER = VehicleName("ringmaster", "s02")
ONE = a_plan("v1 B 10", "v2 C 60", released=2)


def topic(
    kind: Topic = Topic.ORDER, vehicle: VehicleName = VEHICLE, interface: str = "uagv"
) -> str:
    return topic_of(interface, vehicle, kind)


def an_order(
    plan: ShuttlePlan = ONE, *, at: float = 0, vehicle: VehicleName = VEHICLE, **changes: Any
) -> bytes:
    order = order_of(plan, 0, vehicle=vehicle, header_id=1, now=T0 + at, style=OrderStyle())
    return order.model_copy(update=changes).to_json()


def an_action(kind: Instant, *, sent: float = 0, action_id: str = "i1", epoch: int = 1) -> bytes:
    return InstantActions(
        header_id=1,
        timestamp=moment_of(T0 + sent),
        manufacturer=VEHICLE.manufacturer,
        serial_number=VEHICLE.serial_number,
        actions=(Action(action_type=kind, action_id=action_id, blocking_type=BlockingType.HARD),),
        epoch=epoch,
    ).to_json()


def signed(body: bytes, kind: Topic = Topic.ORDER, signer: PlanSigner = SIGNER) -> bytes:
    return signer.sign(topic(kind), body)


class Shuttle:
    """An agent and what it hears; times count from T0."""

    def __init__(self, keys: PlanKeys | None = KEYS, memory: AgentMemory | None = None) -> None:
        self.chassis = PlainChassis()
        settings = AgentSettings(VEHICLE, Capacity(6, 1))
        self.agent = OnboardAgent(settings, self.chassis, TimetableCabin({}), memory=memory)
        self.ear = AgentEar(self.agent, "uagv", keys=keys)
        self.agent.connected(T0)

    def hear(self, body: bytes, at: float = 0, kind: Topic = Topic.ORDER) -> list[str]:
        """The errors in the state that follows, if one does."""
        said = self.ear.hear(kind, body, T0 + at)
        states = [out.message for out in said if isinstance(out.message, State)]
        return [f"{e.error_type}: {e.error_description}" for s in states for e in s.errors]

    @property
    def does(self) -> tuple[object, ...]:
        """What it would have to change to move, to stop, or to let somebody in."""
        memory = self.agent.memory
        order = (memory.order_id, memory.order_update_id, memory.nodes, memory.action_states)
        return (*order, memory.paused, memory.epoch, memory.cancelling)


def test_a_signed_order_is_obeyed() -> None:
    shuttle = Shuttle()
    assert shuttle.hear(signed(an_order())) == []
    assert shuttle.agent.memory.order_id == ONE.order_id
    assert shuttle.agent.refused == {}


def test_a_signed_order_is_a_valid_one_for_everybody_else() -> None:
    body = signed(an_order())
    action = signed(an_action(Instant.START_PAUSE), Topic.INSTANT_ACTIONS)
    for sent, name in ((body, "order"), (action, "instantActions")):
        schema = json.loads(shared(f"vda5050/2.1.0/{name}.schema").read_text("utf-8"))
        assert schema_problems(schema, json.loads(sent)) == []
    assert Shuttle(keys=None).hear(body) == []


def test_without_keys_everything_is_obeyed_as_before() -> None:
    shuttle = Shuttle(keys=None)
    assert shuttle.hear(an_order()) == []
    assert shuttle.hear(an_action(Instant.START_PAUSE), kind=Topic.INSTANT_ACTIONS) == []
    assert shuttle.agent.memory.paused


BODY = an_order()
FORGED: dict[str, tuple[Callable[[], bytes], Untrusted]] = {
    "unsigned": (lambda: BODY, Untrusted.UNSIGNED),
    "signature first": (
        lambda: (
            b'{"signature":"%b",%b' % (json.loads(signed(BODY))["signature"].encode(), BODY[1:])
        ),
        Untrusted.UNSIGNED,
    ),
    "more behind it": (lambda: signed(BODY)[:-1] + b',"nodes":[]}', Untrusted.UNSIGNED),
    "no JSON": (lambda: b"\x00\xff" * 100, Untrusted.UNSIGNED),
    "empty": (lambda: b"", Untrusted.UNSIGNED),
    "another's key": (lambda: signed(BODY, signer=PlanSigner(THIEFS)), Untrusted.UNKNOWN_KEY),
    "another's key under our name": (
        lambda: signed(BODY, signer=PlanSigner(THIEFS)).replace(
            PlanSigner(THIEFS).key_id.encode(), SIGNER.key_id.encode()
        ),
        Untrusted.ALTERED,
    ),
    "altered": (
        lambda: signed(BODY).replace(b'"released":true', b'"released":false'),
        Untrusted.ALTERED,
    ),
    "one space more": (lambda: signed(BODY).replace(b"{", b"{ ", 1), Untrusted.ALTERED),
    "a higher epoch": (lambda: signed(BODY).replace(b'"epoch":1', b'"epoch":9'), Untrusted.ALTERED),
    "for another shuttle": (
        lambda: SIGNER.sign(topic(vehicle=OTHER), an_order(vehicle=OTHER)),
        Untrusted.FOREIGN,
    ),
    "for another, renamed": (
        lambda: SIGNER.sign(topic(vehicle=OTHER), an_order(vehicle=OTHER)).replace(
            b'"serialNumber":"s02"', b'"serialNumber":"s01"'
        ),
        Untrusted.ALTERED,
    ),
    "for another fleet": (lambda: SIGNER.sign(topic(interface="other"), BODY), Untrusted.ALTERED),
    "an action's": (lambda: signed(BODY, Topic.INSTANT_ACTIONS), Untrusted.ALTERED),
}


@pytest.mark.parametrize("how", FORGED)
@pytest.mark.parametrize("busy", [False, True], ids=["idle", "busy"])
def test_a_forged_order_moves_nothing_and_is_told(how: str, busy: bool) -> None:
    forge, cause = FORGED[how]
    shuttle = Shuttle()
    if busy:
        shuttle.hear(signed(an_order(a_plan("v8 B 10", released=1, order_id="o8"))))
    before = shuttle.does
    errors = shuttle.hear(forge())
    assert shuttle.does == before
    assert errors == [f"signatureError: {UntrustedError(cause)}"]
    assert shuttle.agent.refused == {cause: 1}
    # Nothing of it is repeated: the dispatcher must not take its own plan for refused.
    assert all(error.error_references is None for error in shuttle.agent.memory.refusals)
    # Heard a hundred times it is written down and told once.
    for _ in range(100):
        assert shuttle.hear(forge()) == []
    assert shuttle.agent.refused == {cause: 101}


def test_forged_actions_do_nothing_not_even_stop() -> None:
    shuttle = Shuttle()
    shuttle.hear(signed(an_order()))
    before = shuttle.does
    for kind in Instant:
        for body in (
            an_action(kind, action_id=kind),
            signed(an_action(kind, action_id=kind), Topic.ORDER),
            signed(an_action(kind, action_id=kind), signer=PlanSigner(THIEFS)),
        ):
            shuttle.hear(body, kind=Topic.INSTANT_ACTIONS)
    assert shuttle.does == before
    assert shuttle.agent.memory.instant_states == ()
    count = len(Instant)
    assert shuttle.agent.refused == {
        Untrusted.UNSIGNED: count,
        Untrusted.ALTERED: count,
        Untrusted.UNKNOWN_KEY: count,
    }


def replayed(plan: ShuttlePlan, then: ShuttlePlan, then_at: float = 5) -> tuple[Shuttle, list[str]]:
    """A shuttle that took one order and then another, and hears the first again."""
    shuttle = Shuttle()
    old = signed(an_order(plan))
    assert shuttle.hear(old) == []
    assert shuttle.hear(signed(an_order(then, at=then_at)), then_at) == []
    before = shuttle.does
    errors = shuttle.hear(old, then_at + 1)
    assert shuttle.does == before
    return shuttle, errors


def test_an_order_of_an_older_epoch_is_refused() -> None:
    shuttle, errors = replayed(a_plan(released=0), a_plan(released=0, epoch=2, order_id="o2"))
    assert errors == ["orderUpdateError: epoch 1 is over"]
    assert shuttle.agent.refused == {"orderUpdateError": 1}


def test_an_older_update_is_refused() -> None:
    _, errors = replayed(a_plan("v1 B 0", released=0), a_plan("v1 B 0", released=0, revision=2))
    assert errors == ["orderUpdateError: older than the update at work"]


def test_an_order_before_the_one_at_work_is_refused() -> None:
    _, errors = replayed(a_plan(released=0), a_plan(released=0, order_id="o2"))
    assert errors == ["orderUpdateError: older than the order at work"]


def test_a_shuttle_that_remembers_nothing_takes_no_order_from_long_ago() -> None:
    shuttle = Shuttle()
    errors = shuttle.hear(signed(an_order(at=-MOST_AGE_S - 1)))
    assert errors == ["orderUpdateError: it was sent long before this shuttle was switched on"]
    assert shuttle.agent.memory.order_id == ""
    assert shuttle.hear(signed(an_order(at=-MOST_AGE_S + 1))) == []


def act(shuttle: Shuttle, kind: Instant, at: float, *, sent: float, action_id: str) -> list[str]:
    body = signed(an_action(kind, sent=sent, action_id=action_id), Topic.INSTANT_ACTIONS)
    return shuttle.hear(body, at, Topic.INSTANT_ACTIONS)


def test_an_action_heard_again_is_not_done_again() -> None:
    shuttle = Shuttle()
    act(shuttle, Instant.START_PAUSE, 0, sent=0, action_id="p1")
    act(shuttle, Instant.STOP_PAUSE, 1, sent=1, action_id="r1")
    act(shuttle, Instant.START_PAUSE, 2, sent=0, action_id="p1")
    assert not shuttle.agent.memory.paused


def test_an_action_is_not_done_again_when_its_id_is_forgotten() -> None:
    shuttle = Shuttle()
    act(shuttle, Instant.START_PAUSE, 0, sent=0, action_id="p1")
    act(shuttle, Instant.STOP_PAUSE, 1, sent=1, action_id="r1")
    for number in range(MOST_INSTANTS):
        act(shuttle, Instant.STATE_REQUEST, 2, sent=2, action_id=f"s{number}")
    errors = act(shuttle, Instant.START_PAUSE, 3, sent=0, action_id="p1")
    assert errors == ["instantActionError: it was sent before actions that are forgotten"]
    assert not shuttle.agent.memory.paused
    assert shuttle.agent.refused == {"replayed": 1}
    # What is remembered survives a reboot.
    kept = AgentMemory.model_validate_json(shuttle.agent.memory.model_dump_json())
    again = Shuttle(memory=kept)
    act(again, Instant.START_PAUSE, 4, sent=0, action_id="p1")
    assert not again.agent.memory.paused


def test_an_action_from_long_ago_is_refused() -> None:
    shuttle = Shuttle()
    errors = act(shuttle, Instant.START_PAUSE, MOST_AGE_S + 1, sent=0, action_id="p1")
    assert errors == ["instantActionError: it was sent more than 600 s ago"]
    assert not shuttle.agent.memory.paused


def test_a_pause_for_a_shuttle_that_is_away_stays_news() -> None:
    queue = InstantQueue(VEHICLE, epoch=1)
    queue.ask(Instant.START_PAUSE, 1, T0)
    (first,) = queue.due(T0)
    assert queue.due(T0 + STAMP_AGAIN_S - 1) == [first]
    queue.epoch = 2
    away_s = 10 * MOST_AGE_S
    (late,) = queue.due(T0 + away_s)
    assert late.actions == first.actions
    shuttle = Shuttle()
    shuttle.hear(signed(late.to_json(), Topic.INSTANT_ACTIONS), away_s, Topic.INSTANT_ACTIONS)
    assert shuttle.agent.memory.paused
    assert shuttle.agent.memory.epoch == 2


def test_two_keys_are_trusted_while_one_follows_the_other() -> None:
    both = PlanKeys([OURS.public_key(), NEXT.public_key()])
    for signer in (SIGNER, PlanSigner(NEXT)):
        assert Shuttle(both).hear(signed(an_order(), signer=signer)) == []


def test_the_files_of_the_authority_belong_together(tmp_path: Path) -> None:
    create_plan_key(tmp_path)
    signer, keys = (
        PlanSigner.load(tmp_path / PLAN_KEY_FILE),
        PlanKeys.load(tmp_path / PLAN_KEYS_DIR),
    )
    keys.check(topic(), signed(BODY, signer=signer))
    assert (tmp_path / PLAN_KEY_FILE).stat().st_mode & 0o777 == 0o600


def test_keys_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    create_plan_key(tmp_path)
    with pytest.raises(SigningKeyError, match=r"none\.key: No such file"):
        PlanSigner.load(tmp_path / "none.key")
    (public,) = (tmp_path / PLAN_KEYS_DIR).glob("*.pub")
    with pytest.raises(SigningKeyError, match=r"\.pub: no private key in PEM"):
        PlanSigner.load(public)
    with pytest.raises(SigningKeyError, match=r"no public key \(\*\.pub\)"):
        PlanKeys.load(tmp_path)
    (tmp_path / PLAN_KEYS_DIR / "x.pub").write_bytes((tmp_path / PLAN_KEY_FILE).read_bytes())
    with pytest.raises(SigningKeyError, match=r"x\.pub: no public key in PEM"):
        PlanKeys.load(tmp_path / PLAN_KEYS_DIR)


def a_signing_fleet() -> Fleet:
    fleet = Fleet(FleetRules(), signer=SIGNER)
    fleet.begin_epoch(1)
    fleet.on_message(topic(Topic.FACTSHEET), a_factsheet().to_json(), T0, retained=True)
    state = a_state(T0, 1, onboard=Onboard(series="a"))
    output = fleet.on_message(topic(Topic.STATE), state.to_json(), T0, retained=False)
    # Its epoch is behind, so the dispatcher says a word.
    assert [sending.outgoing.topic for sending in output.sendings] == [Topic.INSTANT_ACTIONS]
    KEYS.check(output.sendings[0].topic, output.sendings[0].body())
    return fleet


def test_all_that_a_dispatcher_with_a_key_sends_is_signed() -> None:
    fleet = a_signing_fleet()
    plan = fleet.publish(a_plan("v1 B 10", released=1), T0 + 1)
    pause = fleet.command(SHUTTLE, ShuttleCommand.PAUSE, 1, T0 + 1)
    again = fleet.tick(T0 + 60)
    sendings = (*plan.sendings, *pause.sendings, *again.sendings)
    kinds = {sending.outgoing.topic for sending in sendings}
    assert kinds == {Topic.ORDER, Topic.INSTANT_ACTIONS}
    assert len(sendings) >= 4
    for sending in sendings:
        KEYS.check(sending.topic, sending.body())


def test_a_forger_cannot_have_a_plan_taken_for_refused() -> None:
    fleet, shuttle = a_signing_fleet(), Shuttle()
    (sending,) = fleet.publish(a_plan("v1 B 10", released=1), T0 + 1).sendings
    shuttle.hear(sending.body().replace(b"true", b"false"), 1)
    assert shuttle.agent.refused == {Untrusted.ALTERED: 1}
    (state,) = (
        out.message for out in shuttle.agent.advance(T0 + 11) if isinstance(out.message, State)
    )
    state = state.model_copy(update={"header_id": 2})
    output = fleet.on_message(topic(Topic.STATE), state.to_json(), T0 + 11, retained=False)
    (report,) = (event for event in output.events if isinstance(event, ShuttleReported))
    assert [(fault.kind, fault.level) for fault in report.faults] == [
        ("signatureError", FaultLevel.WARNING)
    ]
    assert not [event for event in output.events if isinstance(event, PlanRefused)]
    # The plan itself comes again, and is taken.
    (again,) = (s for s in output.sendings if s.outgoing.topic is Topic.ORDER)
    shuttle.hear(again.body(), 12)
    assert shuttle.agent.memory.order_id == "o1"
