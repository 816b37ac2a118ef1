"""Operators' commands and what they cost, as documents."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from pydantic import Field

from dispatcher.domain.commands import CommandOutcome, CommandRefusal
from dispatcher.domain.events import (
    OperatorEvent,
    ShuttleHeld,
    ShuttleReleased,
    ShuttleReturned,
    ShuttleSent,
    ShuttleWithdrawn,
    StreetsClosed,
    StreetsOpened,
    TripCancelled,
    TripMoved,
)
from dispatcher.domain.trips import BreachCause, Promise, TripState
from dispatcher.explaining.explanation import TripView
from dispatcher.operators.audit import AuditEntry, AuditPage
from dispatcher.operators.cost import CommandCost, Expected, Harm, TripCost
from dispatcher.riders.messages import Id, Message
from dispatcher.riders.status import Document, PartyPlaces, Window, instant

MOST_HARMED: Final = 2_000
KINDS: Final[dict[type[Any], str]] = {
    ShuttleHeld: "hold_shuttle",
    ShuttleReleased: "release_shuttle",
    ShuttleWithdrawn: "withdraw_shuttle",
    ShuttleReturned: "return_shuttle",
    TripCancelled: "cancel_trip",
    TripMoved: "move_trip",
    StreetsClosed: "close_streets",
    StreetsOpened: "open_streets",
    ShuttleSent: "send_shuttle",
}


class HarmedTrips(Message):
    """Trips by what is done to them."""

    new_promise: list[Id] = Field(default=[], max_length=MOST_HARMED)
    without_shuttle: list[Id] = Field(default=[], max_length=MOST_HARMED)
    ended: list[Id] = Field(default=[], max_length=MOST_HARMED)


class ExpectedCost(Message):
    """What was shown and is agreed to: a preview's `expected`, given back unchanged."""

    position: int = Field(ge=0, le=2**53, description="The journal's last event at that time.")
    harmed: HarmedTrips = HarmedTrips()

    @classmethod
    def of(cls, expected: Expected) -> "ExpectedCost":
        by_harm: dict[str, list[str]] = {harm.value: [] for harm in Harm}
        for trip, harm in sorted(expected.harmed):
            by_harm[harm.value].append(trip)
        return cls(
            position=expected.position,
            harmed=HarmedTrips(**by_harm),
        )

    def as_expected(self) -> Expected:
        harmed = ((trip, harm) for harm in Harm for trip in getattr(self.harmed, harm.value))
        return Expected(self.position, frozenset(harmed))


class CommandRefusalView(Document):
    """Why nothing was, or would be, done."""

    code: str
    text: str
    remedy: str

    @classmethod
    def of(cls, refusal: CommandRefusal) -> "CommandRefusalView":
        return cls(code=refusal.problem.value, text=refusal.text, remedy=refusal.remedy)


class PromiseStand(Document):
    """A promise, with stops by their ids."""

    pickup: str
    dropoff: str
    window: Window
    dropoff_latest: datetime
    party: PartyPlaces

    @classmethod
    def of(cls, promise: Promise) -> "PromiseStand":
        return cls(
            pickup=promise.pickup_stop,
            dropoff=promise.dropoff_stop,
            window=Window(
                opens=instant(promise.pickup_earliest_s), closes=instant(promise.pickup_latest_s)
            ),
            dropoff_latest=instant(promise.dropoff_latest_s),
            party=PartyPlaces(seats=promise.party.seats, wheelchairs=promise.party.wheelchairs),
        )


class TripStand(Document):
    """How a trip stands, before a command or after it. Times are the plan's."""

    state: TripState
    shuttle: str | None = None
    pickup: datetime | None = None
    dropoff: datetime | None = None
    promise: PromiseStand | None = None

    @classmethod
    def of(cls, view: TripView) -> "TripStand":
        return cls(
            state=view.state,
            shuttle=view.shuttle_id,
            pickup=_maybe(view.pickup_s),
            dropoff=_maybe(view.dropoff_s),
            promise=None if view.promise is None else PromiseStand.of(view.promise),
        )


class TripCostView(Document):
    """One trip that the command changes."""

    trip: str
    harm: Harm | None = None
    cause: BreachCause | None = Field(default=None, description="Recorded with a broken promise.")
    told: str | None = Field(default=None, description="What the rider would be told.")
    moves: bool = Field(description="Another shuttle would take its riders.")
    pickup_later_s: int | None = None
    dropoff_later_s: int | None = None
    before: TripStand
    after: TripStand

    @classmethod
    def of(cls, cost: TripCost) -> "TripCostView":
        return cls(
            trip=cost.trip_id,
            harm=cost.harm,
            cause=cost.cause,
            told=cost.told,
            moves=cost.moves,
            pickup_later_s=cost.pickup_later_s,
            dropoff_later_s=cost.dropoff_later_s,
            before=TripStand.of(cost.before),
            after=TripStand.of(cost.after),
        )


class CostView(Document):
    """All that a command would change; trips worst first."""

    at: datetime
    refusal: CommandRefusalView | None = None
    trips: tuple[TripCostView, ...] = ()
    shuttles: tuple[str, ...] = Field(default=(), description="Sent another plan, or an order.")
    driven_s: int = Field(description="Planned driving, more or less than without it.")
    driven_m: int
    stands_s: int | None = Field(
        default=None,
        description="How long a held shuttle may stand before a promise breaks; left out: an hour.",
    )
    expected: ExpectedCost = Field(description="Give it back when confirming.")

    @classmethod
    def of(cls, cost: CommandCost) -> "CostView":
        return cls(
            at=instant(cost.at_s),
            refusal=None if cost.refusal is None else CommandRefusalView.of(cost.refusal),
            trips=tuple(TripCostView.of(trip) for trip in cost.trips),
            shuttles=cost.shuttles,
            driven_s=cost.driven_s,
            driven_m=cost.driven_m,
            stands_s=cost.stands_s,
            expected=ExpectedCost.of(cost.expected),
        )


class OutcomeView(Document):
    """A command was carried out, or refused and nothing was done."""

    id: str
    operator: str
    at: datetime
    accepted: bool
    refusal: CommandRefusalView | None = None

    @classmethod
    def of(cls, outcome: CommandOutcome) -> "OutcomeView":
        return cls(
            id=outcome.command_id,
            operator=outcome.operator_id,
            at=instant(outcome.at_s),
            accepted=outcome.accepted,
            refusal=None if outcome.refusal is None else CommandRefusalView.of(outcome.refusal),
        )


class CommandRow(Document):
    """One command as the journal has it."""

    position: int
    at: datetime
    id: str | None = None
    operator: str | None = None
    kind: str
    text: str = Field(description="In a sentence, with who and why.")
    reason: str
    shuttle: str | None = None
    trip: str | None = None
    stop: str | None = Field(default=None, description="Where a shuttle was sent to.")
    edges: tuple[str, ...] = Field(default=(), description="Streets closed or opened.")
    stops: tuple[str, ...] = Field(default=(), description="Stops closed or opened.")
    outcome: OutcomeView | None = Field(
        default=None, description="Left out where it is remembered no more: a replay tells it."
    )

    @classmethod
    def of(cls, entry: AuditEntry) -> "CommandRow":
        event = entry.event
        return cls(
            position=entry.position,
            at=instant(event.at_s),
            id=event.command_id,
            operator=event.operator_id,
            kind=KINDS[type(event)],
            text=entry.text,
            reason=event.reason,
            **_subjects(event),
            outcome=None if entry.outcome is None else OutcomeView.of(entry.outcome),
        )


class CommandPage(Document):
    """The newest first; `before` asks for the next page, and is left out at the end."""

    entries: tuple[CommandRow, ...]
    before: int | None = None

    @classmethod
    def of(cls, page: AuditPage) -> "CommandPage":
        return cls(
            entries=tuple(CommandRow.of(entry) for entry in page.entries), before=page.before
        )


_NAMES: Final[dict[str, tuple[str, Callable[[Any], Any]]]] = {
    "shuttle_id": ("shuttle", str),
    "to_shuttle": ("shuttle", str),
    "trip_id": ("trip", str),
    "stop_id": ("stop", str),
    "edges": ("edges", tuple),
    "stops": ("stops", tuple),
}


def _subjects(event: OperatorEvent) -> dict[str, Any]:
    """What the command is about, under the row's names."""
    return {
        _NAMES[name][0]: _NAMES[name][1](value)
        for name, value in asdict(event).items()
        if name in _NAMES and value is not None
    }


def _maybe(at_s: int | None) -> datetime | None:
    return None if at_s is None else instant(at_s)
