"""The mistakes that are planted on purpose: what each is, and what it makes of which function."""

import asyncio
import importlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from dispatcher.domain.trips import TripState
from dispatcher.engine.state import Hold
from dispatcher.journal import Appended, UnknownOutcome
from simulator.faultsim.plan import PLAIN, Emphasis, Fault

Made = Callable[[Any], Any]
"""Takes the function as it is and gives the one that has the mistake."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """``where`` is ``module:name`` or ``module:Class.name``; all are changed together.

    ``history`` is what its histories have more of than others, where few of those would show it.
    ``shown_by`` is the only invariant that counts, where others would show less of it.
    """

    name: str
    what: str
    where: tuple[str, ...]
    made: Made
    history: Emphasis = PLAIN
    shown_by: str | None = None


# The journal and its store


def _acknowledges_before_writing(append: Any) -> Any:
    async def early(self: Any, entries: Any, *, expected_position: int, **of: Any) -> Appended:
        async def write() -> None:
            await asyncio.sleep(0.05)
            await append(self, entries, expected_position=expected_position, **of)

        task = asyncio.ensure_future(write())
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        positions = tuple(range(expected_position + 1, expected_position + 1 + len(entries)))
        return Appended(positions, (True,) * len(entries))

    return early


def _sends_again_blindly(append: Any) -> Any:
    async def again(self: Any, entries: Any, *, expected_position: int, **of: Any) -> Appended:
        try:
            done: Appended = await append(self, entries, expected_position=expected_position, **of)
        except UnknownOutcome:
            last = await self.last_position()
            done = await append(self, entries, expected_position=last, **of)
        return done

    return again


def _takes_unknown_for_written(catch_up: Any) -> Any:
    async def believes(self: Any, batch: Any) -> list[Any]:
        epoch_began, *_ = await catch_up(self, batch)
        return [epoch_began]

    return believes


def _reads_one_too_few(read: Any) -> Any:
    def skips(self: Any, after: int = 0) -> Any:
        return read(self, after + 1 if after else 0)

    return skips


def _saves_without(part: str, empty: Any) -> Made:
    """A snapshot lacks a part of the state, and its digest agrees with that."""

    def made(picture: Any) -> Any:
        def takes(state: Any) -> Any:
            kept = getattr(state, part)
            setattr(state, part, empty())
            try:
                return picture(state)
            finally:
                setattr(state, part, kept)

        return takes

    return made


# The lease


def _lease_never_lapses(act: Any) -> Any:
    """Who leads goes on until the store says otherwise, however long it was asleep."""
    if isinstance(act, property):
        return property(lambda self: self._held)

    async def lapses(self: Any) -> None:
        await asyncio.Event().wait()

    return lapses


def _any_epoch_and_no_lapse(act: Any) -> Any:
    on_board = getattr(act, "__name__", "") in ("check_epoch", "take_order")
    return _heeds_no_epoch(act) if on_board else _lease_never_lapses(act)


def _takes_over_without_catching_up(act: Any) -> Any:
    """With the store's check of the position, the first append would show how far it was behind."""
    if act.__name__ == "is_unexpected":
        return _always(False)(act)

    async def takes_over(self: Any) -> Any:
        replay, self._replay = self._replay, None
        return await act(self) if replay is None else replay.result()

    return takes_over


# On board


def _heeds_no_epoch(act: Any) -> Any:
    """An order of a superseded dispatcher is taken, and its epoch is obeyed."""
    if act.__name__ == "check_epoch":
        return lambda memory, order: None

    def takes(memory: Any, order: Any, capacity: Any, place_m: Any) -> Any:
        taken = act(memory, order, capacity, place_m)
        return taken and taken.model_copy(update={"epoch": order.epoch})

    return takes


def _takes_old_updates(take_order: Any) -> Any:
    """Most would not fit to where the base ends by now."""

    def takes(memory: Any, order: Any, capacity: Any, place_m: Any) -> Any:
        if order.order_id == memory.order_id and order.order_update_id < memory.order_update_id:
            first = order.nodes[0]
            fits = {"order_update_id": -1, "base_end": (first.node_id, first.sequence_id)}
            memory = memory.model_copy(update=fits)
        return take_order(memory, order, capacity, place_m)

    return takes


def _keeps_nobody_aboard(keep: Any) -> Any:
    def keeps(self: Any, memory: Any) -> None:
        if memory is not self._memory:
            self._memory = memory
            self._keep(memory.model_copy(update={"aboard": ()}))

    return keeps


# Between the two


def _never_resends(due: Any) -> Any:
    def once(self: Any, now: float, *of: Any, **how: Any) -> Any:
        flight = self._in_flight
        if flight is not None and flight.sent:
            return []
        return due(self, now, *of, **how)

    return once


def _believes_any_echo(covers: Any) -> Any:
    return lambda state, plan: state.order_id == plan.order_id


def _acknowledges_at_once(act: Any) -> Any:
    """What is lost by it comes again where riders' phones ask again."""
    if act.__name__ == "_due_messages":
        return _asks_once(act)

    def early(self: Any, arrival: Any) -> None:
        act(self, arrival)
        arrival.done()

    return early


def _asks_once(due_messages: Any) -> Any:
    def once(self: Any, now: float) -> Any:
        said = due_messages(self, now)
        for topic in [topic for topic, sending in self._sending.items() if sending.sent]:
            del self._sending[topic]
        return said

    return once


def _publishes_without_waiting(publish: Any) -> Any:
    """QoS 1 statuses sent as QoS 0: nobody confirms them, nobody sends them again."""

    async def once(self: Any, topic: str, payload: bytes, **options: Any) -> None:
        await publish(self, topic, payload, **{**options, "qos": 0})

    return once


def _keeps_the_oldest(put: Any) -> Any:
    def oldest(self: Any, topic: str, body: bytes) -> None:
        if topic not in self._documents:
            put(self, topic, body)

    return oldest


def _next_riders_topic(trip: Any) -> Any:
    def wrong(self: Any, rider_id: Any, trip_id: Any) -> str:
        told: str = trip(self, f"{rider_id}1", trip_id)
        return told

    return wrong


# The engine


def _moves_at_once(rehouse: Any) -> Any:
    """The new shuttle is told before the old one has let go."""

    def moves(turn: Any, booking: Any, **how: Any) -> None:
        rehouse(turn, booking, **how)
        if booking.id in turn.state.moving:
            booking.hold = Hold.FIRM
            booking.old_shuttle = booking.free_at_s = None
            turn.state.moving.remove(booking.id)

    return moves


def _lapses_at_once(let_lapse: Any) -> Any:
    def lapses(turn: Any, booking: Any, old: Any) -> None:
        let_lapse(turn, booking, old)
        booking.free_at_s = turn.now_s + 1
        turn.state.wake(booking.free_at_s, _move_free(), booking.id)

    return lapses


def _move_free() -> Any:
    return importlib.import_module("dispatcher.engine.state").TimerKind.MOVE_FREE


def _confirms_everything(confirm_plan: Any) -> Any:
    def confirms(turn: Any, event: Any) -> None:
        shuttle = turn.state.shuttles.get(event.shuttle_id)
        revision = event.revision if shuttle is None else shuttle.revision
        confirm_plan(turn, replace(event, revision=revision))

    return confirms


def _wheelchairs_take_no_place(act: Any) -> Any:
    """Shuttles would refuse such plans if they counted."""
    if act.__name__ == "_check_riders":
        return _nothing(act)
    return lambda booking: (act(booking)[0], 0)


def _loses_drop_offs(plan: Any) -> Any:
    """A plan sent again leaves out those who sit in the shuttle."""

    def loses(turn: Any, shuttle: Any) -> Any:
        made = plan(turn, shuttle)
        aboard = {turn.state.bookings[b].trip_id for b in shuttle.aboard}
        visits = tuple(
            visit
            if i < made.released
            else replace(visit, alights=tuple(t for t in visit.alights if t.trip_id not in aboard))
            for i, visit in enumerate(made.visits)
        )
        return replace(made, visits=visits)

    return loses


def _cancels_aboard(cancel: Any) -> Any:
    def cancels(turn: Any, event: Any) -> None:
        trip = turn.state.trips.get(event.trip_id)
        if trip is not None and trip.state is TripState.ABOARD:
            trip.state = TripState.ASSIGNED
        cancel(turn, event)

    return cancels


def _nothing(act: Any) -> Any:
    return lambda *args, **options: None


def _always(value: Any) -> Made:
    return lambda act: lambda *args, **options: value


def _follows_any_clock(act: Any) -> Any:
    """Stamps are what the machine's clock shows, however that was set."""
    if act.__name__ == "stamp_s":
        return lambda self, now_s: now_s
    return lambda self: self._wall()


def _first_argument(act: Any) -> Any:
    return lambda first, *others, **options: first


def _counts_as_boarded(act: Any) -> Any:
    """Who is not aboard by the vehicle's own word would still be no rider."""
    if act.__name__ == "_outcome":
        return _first_argument(act)
    return _reads_every_boarding_as(True, "boarded")(act)


def _counts_as_not_there(act: Any) -> Any:
    return _reads_every_boarding_as(False, "notThere")(act)


def _reads_every_boarding_as(boarded: bool, kind: str) -> Made:
    """From plain vehicles and from those that number what happened to riders."""

    def made(act: Any) -> Any:
        if act.__name__ == "has_boarded":
            return _always(boarded)(act)

        def reads(self: Any, series: Any, event: Any, at_s: Any) -> Any:
            if event.kind in ("boarded", "notThere"):
                event = event.model_copy(update={"kind": type(event.kind)(kind)})
            return act(self, series, event, at_s)

        return reads

    return made


_SILENCES: Final = Emphasis(frozenset({Fault.SHUTTLE_SILENT}), often=5.0, riders={"no_show": 0.4})
_BREAKDOWNS: Final = Emphasis(
    frozenset({Fault.SHUTTLE_FAULT, Fault.SHUTTLE_SILENT, Fault.MESSAGE_LOST}),
    often=4.0,
    rate=0.3,
    lasts_s=(3.0, 80.0),
    riders={"no_show": 0.3},
)
_LATE: Final = Emphasis(frozenset({Fault.MESSAGE_LATE, Fault.MESSAGE_REPEATED}), rate=0.3)
_ENGINE: Final = "dispatcher.engine"
_TWIN: Final = "simulator.faultsim.redis_twin:RedisTwin"
_AGENT: Final = "vehicles.agent"
_LEADERSHIP: Final = "dispatcher.leadership:Leadership"

MISTAKES: Final[tuple[Mistake, ...]] = (
    Mistake(
        "no_dedup",
        "a request written twice becomes two trips",
        (f"{_TWIN}.earlier", "dispatcher.riders.desk:RiderDesk._earlier"),
        _always(None),
        Emphasis(frozenset({Fault.MESSAGE_REPEATED}), rate=0.3),
    ),
    Mistake(
        "no_fencing",
        "a superseded dispatcher may append, and does not look what was written since",
        (f"{_TWIN}.is_stale", f"{_TWIN}.is_unexpected"),
        _always(False),
    ),
    Mistake(
        "acknowledged_before_written",
        "events are decided and told before the store has them",
        ("dispatcher.journal.stored:StoredJournal.append",),
        _acknowledges_before_writing,
    ),
    Mistake(
        "blind_resend",
        "an append of unknown outcome is sent again",
        ("dispatcher.journal.stored:StoredJournal.append",),
        _sends_again_blindly,
    ),
    Mistake(
        "unknown_taken_for_written",
        "what is not found after an unknown outcome is forgotten",
        ("dispatcher.service:Service._catch_up",),
        _takes_unknown_for_written,
    ),
    Mistake(
        "record_skipped",
        "a replay from a snapshot leaves out its first record",
        ("dispatcher.journal.stored:StoredJournal.read",),
        _reads_one_too_few,
    ),
    Mistake(
        "timers_forgotten",
        "no timer survives a restart from a snapshot",
        ("dispatcher.engine:picture",),
        _saves_without("timers", list),
    ),
    Mistake(
        "pending_forgotten",
        "when a timer is due does not survive a restart from a snapshot",
        ("dispatcher.engine:picture",),
        _saves_without("pending", dict),
    ),
    Mistake(
        "time_runs_back",
        "a clock put back puts the journal's time back",
        ("dispatcher.core:DispatchCore.stamp_s", "dispatcher.clock:WallClock.now_exact_s"),
        _follows_any_clock,
    ),
    Mistake(
        "lease_never_lapses",
        "a leader that could not renew its lease goes on",
        (f"{_LEADERSHIP}.leading", f"{_LEADERSHIP}.lapse"),
        _lease_never_lapses,
    ),
    Mistake(
        "any_epoch_and_no_lapse",
        "a leader that could not renew its lease goes on, and shuttles obey it",
        (
            f"{_LEADERSHIP}.leading",
            f"{_LEADERSHIP}.lapse",
            f"{_AGENT}:check_epoch",
            f"{_AGENT}_orders:check_epoch",
            f"{_AGENT}:take_order",
        ),
        _any_epoch_and_no_lapse,
        shown_by="revision_rises",
    ),
    Mistake(
        "lease_not_awaited",
        "who stands by takes over at once",
        (f"{_TWIN}.is_anothers_lease",),
        _always(False),
    ),
    Mistake(
        "lease_for_ever",
        "the lease of a leader that is gone never runs out",
        (f"{_TWIN}.lasts_ms",),
        _always(1_000_000_000),
    ),
    Mistake(
        "epoch_kept",
        "who takes over goes on with the epoch of the one before",
        (f"{_TWIN}.next_epoch",),
        lambda next_epoch: lambda self, highest: max(1, highest),
    ),
    Mistake(
        "taken_over_behind",
        "who takes over has not read the journal's end, and the store does not mind",
        ("dispatcher.standby:Standby.caught_up", f"{_TWIN}.is_unexpected"),
        _takes_over_without_catching_up,
    ),
    Mistake(
        "any_revision",
        "a shuttle takes older updates",
        (f"{_AGENT}:take_order",),
        _takes_old_updates,
        _LATE,
    ),
    Mistake(
        "aboard_not_kept",
        "a shuttle's computer forgets in a reboot who is aboard",
        (f"{_AGENT}:OnboardAgent._remember",),
        _keeps_nobody_aboard,
        Emphasis(frozenset({Fault.SHUTTLE_REBOOT}), often=4.0),
    ),
    Mistake(
        "never_barred",
        "a shuttle out of contact lets riders board for ever",
        (f"{_AGENT}:has_expired",),
        _always(False),
        _SILENCES,
    ),
    Mistake(
        "plans_not_resent",
        "a plan is sent once",
        ("vehicles.delivery:Delivery.due",),
        _never_resends,
    ),
    Mistake(
        "any_echo",
        "any echo confirms the newest plan",
        ("vehicles.delivery:_covers",),
        _believes_any_echo,
        Emphasis(frozenset({Fault.MESSAGE_LOST}), rate=0.3, orders=3.0),
    ),
    Mistake(
        "no_shows_board",
        "every ended boarding counts as boarded, whoever is aboard",
        (
            "vehicles.progress:_View.has_boarded",
            "vehicles.numbered:NumberedEvents._read",
            "vehicles.numbered:_outcome",
        ),
        _counts_as_boarded,
        Emphasis(frozenset(), riders={"no_show": 0.3}),
    ),
    Mistake(
        "boardings_unseen",
        "no ended boarding counts as boarded",
        ("vehicles.progress:_View.has_boarded", "vehicles.numbered:NumberedEvents._read"),
        _counts_as_not_there,
        Emphasis(frozenset()),
    ),
    Mistake(
        "nobody_counts_heads",
        "who left a broken shuttle stays aboard for its computer",
        (f"{_AGENT}:OnboardAgent._count_heads",),
        _nothing,
    ),
    Mistake(
        "boarded_though_out",
        "riders who got out again before anybody heard of it count as boarded",
        ("vehicles.numbered:_outcome",),
        _first_argument,
        _SILENCES,
    ),
    Mistake(
        "refused_for_ever",
        "a refused plan is followed by no fresh order",
        (f"{_ENGINE}.fleet:order_again",),
        _nothing,
    ),
    Mistake(
        "conversations_not_resumed",
        "after a restart shuttles are strangers",
        ("dispatcher.fleet_border:FleetBorder.resume",),
        _nothing,
    ),
    Mistake(
        "acknowledged_at_once",
        "messages are acknowledged before they are handled, and phones ask only once",
        ("dispatcher.mqtt:MqttLink._take_in", "simulator.rider:SimulatedRider._due_messages"),
        _acknowledges_at_once,
        Emphasis(
            frozenset({Fault.DISPATCHER_KILLED, Fault.STORE_SLOW}), often=5.0, rate=0.1, demand=3.0
        ),
    ),
    Mistake(
        "statuses_not_restored",
        "after a restart nobody is told what was decided last",
        ("dispatcher.riders.outbox:RiderOutbox.restore",),
        _nothing,
        Emphasis(
            frozenset({Fault.BROKER_RESTART, Fault.LINK_HALF_OPEN, Fault.DISPATCHER_KILLED}),
            often=3.0,
        ),
    ),
    Mistake(
        "statuses_unconfirmed",
        "statuses go out without a confirmation",
        ("dispatcher.mqtt:MqttLink.publish",),
        _publishes_without_waiting,
    ),
    Mistake(
        "oldest_status_kept",
        "while one status waits, newer ones are dropped",
        ("dispatcher.riders.outbox:RiderOutbox._put",),
        _keeps_the_oldest,
    ),
    Mistake(
        "wrong_riders_topic",
        "statuses go to another rider",
        ("dispatcher.riders.topics:RiderTopics.trip",),
        _next_riders_topic,
    ),
    Mistake(
        "moved_at_once",
        "riders are given to another shuttle without the old one's word",
        (f"{_ENGINE}.disrupt:rehouse", f"{_ENGINE}.closures:rehouse"),
        _moves_at_once,
        _BREAKDOWNS,
    ),
    Mistake(
        "lapsed_at_once",
        "a silent shuttle's plan is taken for run out at once",
        (f"{_ENGINE}.disrupt:let_lapse", f"{_ENGINE}.lapse:let_lapse"),
        _lapses_at_once,
        _BREAKDOWNS,
    ),
    Mistake(
        "driven_by_hand_unnoticed",
        "a shuttle that a person drove goes on as if it had its order, from where it had been",
        (f"{_ENGINE}.fleet:_change_hands",),
        _nothing,
        Emphasis(frozenset({Fault.SHUTTLE_BY_HAND, Fault.MESSAGE_LOST}), often=4.0),
    ),
    Mistake(
        "confirms_everything",
        "an old confirmation counts for the newest plan",
        (f"{_ENGINE}.visits:confirm_plan",),
        _confirms_everything,
        Emphasis(frozenset({Fault.MESSAGE_LOST, Fault.MESSAGE_LATE}), rate=0.2),
    ),
    Mistake(
        "wheelchairs_uncounted",
        "a wheelchair takes no place in planning, and shuttles take any plan",
        (
            f"{_ENGINE}.routes:load_of",
            f"{_ENGINE}.rebook:load_of",
            f"{_AGENT}_orders:_check_riders",
        ),
        _wheelchairs_take_no_place,
    ),
    Mistake(
        "drop_off_lost",
        "a re-plan leaves out the drop-offs of those aboard",
        (f"{_ENGINE}.publish:_plan",),
        _loses_drop_offs,
    ),
    Mistake(
        "cancelled_aboard",
        "a trip can be cancelled while its riders are aboard",
        (f"{_ENGINE}.answers:cancel",),
        _cancels_aboard,
        Emphasis(frozenset({Fault.LINK_HALF_OPEN}), often=3.0, riders={"cancels": 0.7}),
    ),
    Mistake(
        "other_offers_kept",
        "accepting one offer leaves the seats of the others taken",
        (f"{_ENGINE}.answers:end_offers",),
        _nothing,
    ),
    Mistake(
        "breaches_untold",
        "a promise that will break is not told",
        (f"{_ENGINE}.disrupt:tell_late",),
        _nothing,
        Emphasis(frozenset(), orders=4.0, orders_last_s=(300.0, 600.0)),
    ),
    Mistake(
        "silence_ignored",
        "riders who wait for a silent shuttle stay with it",
        (f"{_ENGINE}.fleet:clear_waiting",),
        _nothing,
        Emphasis(frozenset({Fault.SHUTTLE_SILENT}), for_good=True),
    ),
    Mistake(
        "nobody_rescued",
        "riders in a broken shuttle are not fetched and not given up",
        (f"{_ENGINE}.rescue:rescue_riders",),
        _nothing,
        Emphasis(frozenset({Fault.SHUTTLE_FAULT}), for_good=True),
    ),
    Mistake(
        "offers_never_expire",
        "an offer nobody answers stays open",
        (f"{_ENGINE}.answers:expire_offers",),
        _nothing,
        Emphasis(frozenset(), never_answer=0.5),
    ),
    Mistake(
        "no_shows_forgotten",
        "a rider who was not there is waited for in the books for ever",
        (f"{_ENGINE}.visits:miss",),
        _nothing,
    ),
)
