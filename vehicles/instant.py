"""Instant actions on their way to one vehicle: sent again until it shows that it knows. Pure."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from dispatcher.domain.decisions import ShuttleCommand
from vehicles.delivery import is_active
from vehicles.messages import (
    VERSION,
    VERSION_2_0,
    Action,
    BlockingType,
    InstantActions,
    State,
    moment_of,
)
from vehicles.topics import VehicleName

FIRST_RESEND_S = 2.0
RESEND_S = 5.0
# A vehicle that was away may take what was stamped long ago for a replay.
STAMP_AGAIN_S = 60.0
# How often an action is sent; the vehicle may not know it. A pause is sent until it shows.
MOST_QUESTIONS = 4
MOST_CANCELS = 12


class Instant(StrEnum):
    START_PAUSE = "startPause"
    STOP_PAUSE = "stopPause"
    CANCEL_ORDER = "cancelOrder"
    STATE_REQUEST = "stateRequest"
    FACTSHEET_REQUEST = "factsheetRequest"
    STOP_CHARGING = "stopCharging"


OF_COMMAND = {
    ShuttleCommand.PAUSE: Instant.START_PAUSE,
    ShuttleCommand.RESUME: Instant.STOP_PAUSE,
    ShuttleCommand.CANCEL_ORDER: Instant.CANCEL_ORDER,
    ShuttleCommand.STATE_REQUEST: Instant.STATE_REQUEST,
    ShuttleCommand.FACTSHEET_REQUEST: Instant.FACTSHEET_REQUEST,
}

_OPPOSITE = {
    Instant.START_PAUSE: Instant.STOP_PAUSE,
    Instant.STOP_PAUSE: Instant.START_PAUSE,
}

_QUESTIONS = frozenset({Instant.STATE_REQUEST, Instant.FACTSHEET_REQUEST})

_MOST = dict.fromkeys(_QUESTIONS, MOST_QUESTIONS) | {
    Instant.CANCEL_ORDER: MOST_CANCELS,
    Instant.STOP_CHARGING: MOST_CANCELS,
}

# What shows that the action took effect, for vehicles that forget its state quickly.
_EFFECT: dict[Instant, Callable[[State], bool]] = {
    Instant.START_PAUSE: lambda state: state.paused is True,
    Instant.STOP_PAUSE: lambda state: state.paused is False,
    Instant.CANCEL_ORDER: lambda state: not is_active(state),
    Instant.STOP_CHARGING: lambda state: not state.battery_state.charging,
}


@dataclass(slots=True)
class _Pending:
    kind: Instant
    message: InstantActions
    next_s: float
    sent: int = 0


@dataclass(slots=True)
class InstantQueue:
    """At most one action of each kind is on its way; a pause and its end replace each other."""

    vehicle: VehicleName
    version: str = VERSION  # that the vehicle understands
    epoch: int | None = None  # of the dispatcher; a vehicle refuses a lower one
    _pending: dict[Instant, _Pending] = field(default_factory=dict)
    _header_id: int = 0

    def ask(self, kind: Instant, number: int, now: float, reason: str = "") -> str:
        """Have the action sent unless one of its kind is on its way; returns its id.

        ``number`` makes the id unique for this vehicle: the number of the event that led
        to the action, or the time.
        """
        opposite = _OPPOSITE.get(kind)
        if opposite is not None:
            self._pending.pop(opposite, None)
        if kind in self._pending:
            return self._pending[kind].message.actions[0].action_id
        action = Action(
            action_type=kind,
            action_id=f"{self.vehicle.shuttle_id}/{kind}/{number}",
            # The standard wants HARD for what changes how the vehicle moves.
            blocking_type=BlockingType.NONE if kind in _QUESTIONS else BlockingType.HARD,
            action_description=reason or None,
        )
        message = InstantActions(
            header_id=self.next_header_id(),
            timestamp=moment_of(now),
            version=self.version,
            manufacturer=self.vehicle.manufacturer,
            serial_number=self.vehicle.serial_number,
            actions=(action,),
            instant_actions=(action,) if self.version == VERSION_2_0 else None,
            epoch=self.epoch,
        )
        self._pending[kind] = _Pending(kind, message, now)
        return action.action_id

    def next_header_id(self) -> int:
        self._header_id += 1
        return self._header_id - 1

    def is_pending(self, kind: Instant) -> bool:
        return kind in self._pending

    def drop(self, kind: Instant) -> None:
        self._pending.pop(kind, None)

    def read(self, state: State) -> None:
        """Forget what this state shows to have arrived."""
        reported = {action.action_id for action in state.action_states}
        for pending in list(self._pending.values()):
            effect = _EFFECT.get(pending.kind)
            shown = pending.sent > 0 and effect is not None and effect(state)
            if shown or pending.message.actions[0].action_id in reported:
                del self._pending[pending.kind]

    def due(self, now: float) -> list[InstantActions]:
        messages = []
        for pending in list(self._pending.values()):
            if now < pending.next_s:
                continue
            most = _MOST.get(pending.kind)
            if most is not None and pending.sent >= most:
                del self._pending[pending.kind]
                continue
            if most is None:
                pending.message = self._stamped_again(pending.message, now)
            pending.next_s = now + (RESEND_S if pending.sent else FIRST_RESEND_S)
            pending.sent += 1
            messages.append(pending.message)
        return messages

    def _stamped_again(self, message: InstantActions, now: float) -> InstantActions:
        """A pause or its end that nobody has heard for long, as if it were said now."""
        if now - message.timestamp.timestamp() < STAMP_AGAIN_S:
            return message
        news = {"timestamp": moment_of(now), "header_id": self.next_header_id()}
        return message.model_copy(update={**news, "epoch": self.epoch})

    def hurry(self, now: float) -> None:
        """Send again at once: the vehicle is back."""
        for pending in self._pending.values():
            pending.next_s = min(pending.next_s, now)

    def next_due(self, now: float) -> float | None:
        times = (pending.next_s for pending in self._pending.values())
        return min((time for time in times if time > now), default=None)
