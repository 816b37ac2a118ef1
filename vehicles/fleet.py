"""All conversations of a fleet behind one door: bodies by topic in, events and bodies out.

Still no I/O: the link moves the bodies over MQTT, a simulation hands them over directly.
Nonsense stops here, counted by cause and sender; a conversation sees valid messages only.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pydantic import ValidationError

from dispatcher.domain.decisions import ShuttleCommand
from dispatcher.domain.events import Event, EventNumber
from dispatcher.domain.ids import ShuttleId, TripId
from dispatcher.domain.plans import ShuttlePlan
from dispatcher.domain.shuttles import Capacity
from vehicles.exchange import ConversationRules, Latest, Outgoing, Output
from vehicles.hearing import Hearing
from vehicles.messages import (
    Connection,
    Factsheet,
    Header,
    State,
    Visualization,
    WireModel,
    parse,
)
from vehicles.protocol import ShuttleConversation
from vehicles.same_state import StateReader
from vehicles.signing import PlanSigner
from vehicles.topics import (
    DEFAULT_INTERFACE,
    Topic,
    VehicleName,
    parse_topic,
    topic_of,
    vehicle_name,
)


@dataclass(frozen=True, slots=True)
class FleetRules:
    """``allowed`` None lets every vehicle in, up to ``most_shuttles``.

    One more takes the place of whoever has waited longest without joining: names that
    somebody made up, or that the broker remembers, do not keep shuttles out.
    """

    conversation: ConversationRules = field(default_factory=ConversationRules)
    interface: str = DEFAULT_INTERFACE
    allowed: frozenset[ShuttleId] | None = None
    most_shuttles: int = 500


@dataclass(frozen=True, slots=True)
class Sending:
    """A message and where it goes."""

    topic: str
    outgoing: Outgoing
    signer: PlanSigner | None = None

    def body(self) -> bytes:
        """As it goes over the wire; nothing leaves unsigned where there is a key."""
        body = self.outgoing.message.to_json()
        return body if self.signer is None else self.signer.sign(self.topic, body)


@dataclass(frozen=True, slots=True)
class FleetOutput:
    events: tuple[Event, ...] = ()
    sendings: tuple[Sending, ...] = ()


@dataclass(slots=True)
class Fleet:
    """``drops`` counts refused messages by cause; ``report_drop`` hears of each.

    ``report_drop(topic, cause, detail)`` is for the log. ``signer`` signs all that is sent.
    ``hearing`` is kept by whoever carries the messages, where a connection can be lost.
    """

    rules: FleetRules
    report_drop: Callable[[str, str, str], None] = lambda topic, cause, detail: None
    drops: Counter[str] = field(default_factory=Counter)
    epoch: int | None = None  # of the dispatcher that speaks here
    signer: PlanSigner | None = None
    hearing: Hearing = field(default_factory=Hearing)
    _conversations: dict[ShuttleId, ShuttleConversation] = field(default_factory=dict)
    _readers: dict[ShuttleId, StateReader] = field(default_factory=dict)  # of those who speak

    def on_message(self, topic: str, body: bytes, now: float, *, retained: bool) -> FleetOutput:
        """Take up one message from a vehicle."""
        found = parse_topic(self.rules.interface, topic)
        if found is None:
            return self._drop(topic, "unknown_topic")
        vehicle, kind = found
        if not self._is_allowed(vehicle):
            return self._drop(topic, "not_allowed")
        model = _MODELS.get(kind)
        if model is None:
            return self._drop(topic, "not_from_a_vehicle")
        try:
            message = self._read(vehicle, model, body)
        except ValidationError as problem:
            first = problem.errors(include_url=False, include_input=False)[0]
            field_name = ".".join(str(part) for part in first["loc"])
            return self._drop(topic, "invalid", f"{field_name}: {first['msg']}"[:200])
        return self.on_model(vehicle, message, now, retained=retained, topic=topic)

    def _read(self, vehicle: VehicleName, model: type[WireModel], body: bytes) -> WireModel:
        if model is not State or vehicle.shuttle_id not in self._conversations:
            return parse(model, body)
        return self._readers.setdefault(vehicle.shuttle_id, StateReader()).read(body)

    def on_model(
        self,
        vehicle: VehicleName,
        message: WireModel,
        now: float,
        *,
        retained: bool = False,
        topic: str = "",
    ) -> FleetOutput:
        """Take up a message that is read already."""
        if not _agrees(message, vehicle):
            return self._drop(topic, "header_differs_from_topic")
        if isinstance(message, Visualization) and vehicle.shuttle_id not in self._conversations:
            return FleetOutput()  # nothing that a conversation could begin with
        conversation = self._conversation(vehicle)
        if conversation is None:
            return self._drop(topic, "too_many_shuttles")
        before = conversation.drops.total()
        match message:
            case State():
                output = conversation.on_state(message, now, retained=retained)
            case Connection():
                output = conversation.on_connection(message, now)
            case Factsheet():
                output = conversation.on_factsheet(message, now)
            case Visualization():
                conversation.on_visualization(message)
                output = Output()
            case _:
                return self._drop(topic, "not_from_a_vehicle")
        if conversation.drops.total() > before:
            self.drops.update(conversation.drops)
            for cause in conversation.drops:
                self.report_drop(topic, cause, _stamped(message, now))
            conversation.drops.clear()
        return self._addressed(conversation, output)

    def begin_epoch(self, epoch: int) -> None:
        """This dispatcher took over: what it says from now on carries this epoch."""
        self.epoch = epoch
        for conversation in self._conversations.values():
            conversation.begin_epoch(epoch)

    def refuse(self, topic: str, cause: str, detail: str) -> None:
        """Count a message that the link could not hand over."""
        self._drop(topic, cause, detail)

    def resume(
        self,
        shuttle_id: ShuttleId,
        now: float,
        *,
        capacity: Capacity,
        plan: ShuttlePlan | None = None,
        given_up: ShuttlePlan | None = None,
        confirmed: int | None = None,
        aboard: tuple[TripId, ...] = (),
        last_heard_s: float | None = None,
        silent: bool = False,
        last_event: EventNumber | None = None,
        number: int = 0,
    ) -> None:
        """Take up a shuttle's conversation after a restart; before any of its messages."""
        # The dispatcher serves it already, so the bound on strangers does not apply.
        vehicle = vehicle_name(shuttle_id)
        conversation = self._begin(vehicle)
        conversation.resume(
            now,
            capacity=capacity,
            plan=plan,
            given_up=given_up,
            confirmed=confirmed,
            aboard=aboard,
            last_heard_s=last_heard_s,
            silent=silent,
            last_event=last_event,
            number=number,
        )

    def publish(self, plan: ShuttlePlan, now: float, number: int = 0) -> FleetOutput:
        conversation = self._conversations.get(plan.shuttle_id)
        if conversation is None:
            return self._drop(plan.shuttle_id, "plan_for_unknown_shuttle")
        return self._addressed(conversation, conversation.publish(plan, now, number))

    def command(
        self,
        shuttle_id: ShuttleId,
        command: ShuttleCommand,
        number: int,
        now: float,
        reason: str = "",
    ) -> FleetOutput:
        """Send an instant action; ``number`` is of the event that it follows from."""
        conversation = self._conversations.get(shuttle_id)
        if conversation is None:
            return self._drop(shuttle_id, "command_for_unknown_shuttle")
        return self._addressed(conversation, conversation.command(command, number, now, reason))

    def tick(self, now: float) -> FleetOutput:
        """Let time pass for every shuttle."""
        outputs = [
            self._addressed(conversation, conversation.tick(now))
            for conversation in self._conversations.values()
        ]
        return FleetOutput(
            tuple(event for output in outputs for event in output.events),
            tuple(sending for output in outputs for sending in output.sendings),
        )

    def hurry(self, now: float) -> None:
        """Our connection is back: send again at once what no shuttle has shown to have."""
        for conversation in self._conversations.values():
            conversation.hurry(now)

    def excuse_silence(self, now: float) -> None:
        """Our own connection is or was down: no shuttle can be called silent for that."""
        for conversation in self._conversations.values():
            conversation.excuse_silence(now)

    def next_due(self, now: float) -> float | None:
        """When ``tick`` is worth calling next, if nothing else happens."""
        times = (conversation.next_due(now) for conversation in self._conversations.values())
        return min((time for time in times if time is not None), default=None)

    def latest(self) -> Mapping[ShuttleId, Latest]:
        """The newest known about every shuttle heard, for display."""
        found = {
            shuttle_id: conversation.latest()
            for shuttle_id, conversation in self._conversations.items()
        }
        return {shuttle_id: latest for shuttle_id, latest in found.items() if latest is not None}

    def latest_of(self, shuttle_id: ShuttleId) -> Latest | None:
        """The same for one; None where it has not been heard."""
        conversation = self._conversations.get(shuttle_id)
        return None if conversation is None else conversation.latest()

    def _is_allowed(self, vehicle: VehicleName) -> bool:
        return self.rules.allowed is None or vehicle.shuttle_id in self.rules.allowed

    def _conversation(self, vehicle: VehicleName) -> ShuttleConversation | None:
        shuttle_id = vehicle.shuttle_id
        if shuttle_id not in self._conversations and self._has_room():
            self._begin(vehicle)
        return self._conversations.get(shuttle_id)

    def _begin(self, vehicle: VehicleName) -> ShuttleConversation:
        conversation = ShuttleConversation(vehicle, self.rules.conversation)
        if self.epoch is not None:
            conversation.begin_epoch(self.epoch)
        self._conversations[vehicle.shuttle_id] = conversation
        return conversation

    def _has_room(self) -> bool:
        if len(self._conversations) < self.rules.most_shuttles:
            return True
        strangers = (
            shuttle_id
            for shuttle_id, conversation in self._conversations.items()
            if conversation.is_stranger
        )
        oldest = next(strangers, None)
        if oldest is not None:
            del self._conversations[oldest]
            self._readers.pop(oldest, None)
        return oldest is not None

    def _addressed(self, conversation: ShuttleConversation, output: Output) -> FleetOutput:
        return FleetOutput(
            output.events,
            tuple(
                Sending(
                    topic_of(self.rules.interface, conversation.vehicle, out.topic),
                    out,
                    self.signer,
                )
                for out in output.messages
            ),
        )

    def _drop(self, topic: str, cause: str, detail: str = "") -> FleetOutput:
        self.drops[cause] += 1
        self.report_drop(topic, cause, detail)
        return FleetOutput()


_MODELS: Mapping[Topic, type[WireModel]] = {
    Topic.STATE: State,
    Topic.CONNECTION: Connection,
    Topic.FACTSHEET: Factsheet,
    Topic.VISUALIZATION: Visualization,
}


def _stamped(message: WireModel, now: float) -> str:
    """How far the vehicle's clock is from ours, which explains most messages that are no news."""
    if not isinstance(message, Header):
        return ""
    sent_after_s = message.timestamp.timestamp() - now
    return f"header {message.header_id}, stamped {sent_after_s:+.0f} s from our time"


def _agrees(message: WireModel, vehicle: VehicleName) -> bool:
    """Whether the header names the vehicle that the topic does; a missing name agrees."""
    manufacturer = getattr(message, "manufacturer", None)
    serial_number = getattr(message, "serial_number", None)
    return manufacturer in (None, vehicle.manufacturer) and serial_number in (
        None,
        vehicle.serial_number,
    )
