"""The invariants, checked as things happen, from raw histories only.

What is read here: the records that the store made durable, the bytes that passed the broker,
what each shuttle's computer keeps, who physically sat where, and what each rider's phone got.
Nothing of the engine, its state or its checks is used.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from simulator.faultsim.history import Counts, Violation
from simulator.faultsim.shuttle_node import ShuttleNode
from simulator.raw_journal import RawJournal
from vehicles.agent_memory import AgentMemory
from vehicles.mapping import OrderStyle
from vehicles.messages import Action

MOST_VIOLATIONS: Final = 20
PROMISED: Final = frozenset({"accepted", "assigned", "boarding"})
ENDS: Final = frozenset(
    {
        "completed",
        "refused",
        "expired",
        "cancelled_by_rider",
        "cancelled_by_operator",
        "no_show",
        "abandoned",
    }
)
_STOOD_S: Final = 30.0
_NOT_ENDED: Final = frozenset({"WAITING", "INITIALIZING", "RUNNING"})
_ROUNDING_S: Final = 1.0


@dataclass(slots=True)
class Told:
    """What one phone got about one trip, in order."""

    trip: str
    documents: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    newest: dict[str, Any] | None = None
    ends: set[str] = field(default_factory=set)
    accepted: bool = False
    promise: tuple[float, float] | None = None  # closes, latest drop-off: UTC seconds
    warned_s: float | None = None  # since when it is known to the rider that it may not hold


@dataclass(slots=True)
class Sat:
    """One party's time in one shuttle. UTC seconds."""

    trip: str
    shuttle: str
    begins_s: float
    out_s: float | None = None
    set_down: bool = False  # let out by the shuttle, not on their own feet


class Watch:
    """``now`` is UTC seconds; ``excused`` says whether the rider could be told at a time."""

    def __init__(
        self,
        now: Callable[[], float],
        start_s: float,
        counts: Counts,
        excused: Callable[[float], bool],
    ) -> None:
        self.violations: list[Violation] = []
        self.told: dict[str, Told] = {}
        self.sat: dict[str, list[Sat]] = defaultdict(list)
        self.journal = RawJournal(self.violate)
        self.begun = (0, "")  # the newest epoch, and the dispatcher whose it is
        self._now = now
        self._start_s = start_s
        self._counts = counts
        self._excused = excused
        self._broken: set[tuple[str, str]] = set()
        self._orders: dict[str, tuple[int, str, int]] = {}  # epoch, order, update of each shuttle
        self._former: dict[str, set[str]] = defaultdict(set)
        self._boards: dict[str, frozenset[str]] = {}  # who may still board, by shuttle
        # By shuttle and trip: for whom it waits now, by which action and since when.
        self._awaited: dict[str, dict[str, tuple[str, float]]] = {}
        self._planned: dict[str, set[str]] = defaultdict(set)  # trips ever had, by shuttle
        self._shown_a_part: set[str] = set()  # shuttles whose plan was longer than they are shown
        self._asking: set[str] = set()  # riders whose request nobody has answered

    def violate(self, invariant: str, text: str, about: str = "") -> None:
        """Note it; once per invariant and what it is about."""
        key = (invariant, about or text)
        if key not in self._broken and len(self.violations) < MOST_VIOLATIONS:
            self._broken.add(key)
            self.violations.append(
                Violation(invariant, round(self._now() - self._start_s, 3), text)
            )

    # The store

    def on_epoch(self, epoch: int, run: str) -> None:
        """A dispatcher begins an epoch; with one of its own it may go on."""
        if epoch <= self.begun[0]:
            self.violate("epoch_rises", f"{run} began epoch {epoch} after {self.begun}")
        if self.begun[1] not in ("", run):
            self._counts.note("taken over")
        self.begun = (max(epoch, self.begun[0]), run)

    # The wire

    def on_send(self, run: str, topic: str) -> None:
        """A dispatcher asks its connection to send something."""
        if run != self.begun[1]:
            self.violate(
                "one_leader_speaks", f"{run} sent to {topic}, and {self.begun[1]} leads", run
            )

    def on_request(self, rider: str) -> None:
        """A request reached the broker; each rider makes one, and may send it again."""
        if not any(of == rider for of in self.journal.riders.values()):
            self._asking.add(rider)

    def on_answer(self, rider: str) -> None:
        """A status, or what is wrong with a message, reached the broker."""
        self._asking.discard(rider)

    def on_status(self, topic: str, payload: bytes) -> None:
        """A status document reached the broker."""
        document = json.loads(payload)
        trip, shuttle = document["trip"], document.get("shuttle")
        taken = trip in self._planned[shuttle] or shuttle in self._shown_a_part
        if document["state"] == "assigned" and not taken:
            self.violate(
                "assigned_not_taken",
                f"trip {trip} was told to be assigned, and {shuttle} has no plan with it",
                trip,
            )
        if document["trip"] not in self.journal.recorded:
            self.violate(
                "acknowledged_not_durable",
                f"{document['state']} was told for trip {document['trip']}, which no record has",
                document["trip"],
            )
        rider = self.journal.riders.get(document["trip"])
        if rider is not None and f"/rider/{rider}/trip/{document['trip']}" not in topic:
            self.violate("wrong_rider", f"{topic} carries trip {document['trip']}")

    # Shuttles

    def on_keep(self, node: ShuttleNode, memory: AgentMemory) -> None:
        """A shuttle's computer keeps something new."""
        shuttle = node.shuttle_id
        self._note_awaited(shuttle, memory)
        order = (memory.epoch, memory.order_id, memory.order_update_id)
        before = self._orders.get(shuttle, (0, "", 0))
        if order == before:
            if shuttle in self._boards:
                self._boards[shuttle] = _open_boards(memory)
            return
        self._orders[shuttle] = order
        if order[0] < before[0]:
            self.violate("revision_rises", f"{shuttle} went back to epoch {order[0]}")
        if order[1:] == before[1:]:
            return  # it heard of a new epoch, and has the plan, or none, that it had
        self._counts.note("order accepted")
        if order[1] == before[1] and order[2] < before[2]:
            self.violate("revision_rises", f"{shuttle} went from {before[2]} to {order[2]}")
        if order[1] != before[1]:
            if order[1] in self._former[shuttle]:
                self.violate("revision_rises", f"{shuttle} took order {order[1]} again")
            self._former[shuttle].add(before[1])
        self._boards[shuttle] = _open_boards(memory)
        self._planned[shuttle] |= _boards(memory)
        if sum(not node.released for node in memory.nodes) >= OrderStyle().preview_visits:
            self._shown_a_part.add(shuttle)
        self._check_plan(node, memory)

    def _note_awaited(self, shuttle: str, memory: AgentMemory) -> None:
        """Whom the shuttle stands at the stop for, its doors open.

        They are while anybody's turn there runs: of those at one stop some get out first, and
        some step in before the others.
        """
        before = self._awaited.get(shuttle, {})
        awaited: dict[str, tuple[str, float]] = {}
        actions = () if memory.here is None else memory.here.actions
        states = [memory.status_of(action.action_id) for action in actions]
        statuses = ["" if state is None else state.action_status for state in states]
        for action, status in zip(actions, statuses, strict=True):
            if action.action_type != "board" or status not in _NOT_ENDED:
                continue
            trip = _trip(action)
            known = before.get(trip)
            if known is not None and known[0] == action.action_id:
                awaited[trip] = known  # between two turns, too
            elif "RUNNING" in statuses:
                awaited[trip] = (action.action_id, self._now())
        self._awaited[shuttle] = awaited

    def _check_plan(self, node: ShuttleNode, memory: AgentMemory) -> None:
        """Places by kind along the accepted plan, and a drop-off for everyone aboard."""
        places = {p.trip_id: (p.seats, p.wheelchairs) for p in memory.aboard}
        stays = set(places)
        nodes = [*(() if memory.here is None else (memory.here,)), *memory.nodes]
        for place in nodes:
            for kind in ("alight", "board"):
                for action in place.actions:
                    if action.action_type != kind or not memory.is_open(action):
                        continue
                    trip = _trip(action)
                    if kind == "alight":
                        places.pop(trip, None)
                        stays.discard(trip)
                    else:
                        places[trip] = self.journal.parties.get(trip, (1, 0))
            seats = sum(seats for seats, _ in places.values())
            wheelchairs = sum(chairs for _, chairs in places.values())
            if seats > node.capacity.seats or wheelchairs > node.capacity.wheelchairs:
                self.violate(
                    "capacity_planned",
                    f"{node.shuttle_id} would carry {seats} and {wheelchairs} wheelchairs",
                    f"{node.shuttle_id} {memory.order_id} {memory.order_update_id}",
                )
        for trip in sorted(stays):
            self.violate(
                "drop_off_in_plan",
                f"{node.shuttle_id} accepted a plan without a drop-off of trip {trip} aboard",
                f"{node.shuttle_id} {trip}",
            )

    def check_boards(self, nodes: Iterable[ShuttleNode], may_board: set[str]) -> None:
        """No trip may be waited for by two shuttles that would both let it board now."""
        holder: dict[str, str] = {}
        for node in nodes:
            if node.shuttle_id not in may_board:
                continue
            for trip in self._boards.get(node.shuttle_id, frozenset()):
                other = holder.setdefault(trip, node.shuttle_id)
                if other != node.shuttle_id:
                    self.violate(
                        "trip_on_one_shuttle",
                        f"{other} and {node.shuttle_id} would both board trip {trip}",
                        trip,
                    )

    # People

    def on_board(self, trip: str, shuttle: str, begins_s: float, capacity: tuple[int, int]) -> None:
        """A party steps into a shuttle."""
        self._counts.note("boarded")
        if self.sat[trip]:
            self._counts.note("boarded again")
            told, since_s = self.told.get(trip), self.sat[trip][-1].begins_s
            # Who steps in while the shuttle falls silent may be told of another, and change.
            documents = () if told is None else told.documents
            is_told = any(d.get("shuttle") == shuttle for at_s, d in documents if at_s > since_s)
            if not is_told and not self._excused(self._now()):
                self.violate(
                    "boarded_once", f"trip {trip} boarded {shuttle} without being told of it", trip
                )
        self.sat[trip].append(Sat(trip, shuttle, begins_s))
        inside = [
            self.journal.parties.get(other, (1, 0))
            for other, stays in self.sat.items()
            for sat in stays
            if sat.shuttle == shuttle and sat.out_s is None
        ]
        seats, chairs = sum(s for s, _ in inside), sum(w for _, w in inside)
        if seats > capacity[0] or chairs > capacity[1]:
            self.violate(
                "capacity_physical", f"{seats} and {chairs} wheelchairs are in {shuttle}", trip
            )
        if self.journal.parties.get(trip, (1, 0))[1]:
            self._counts.note("wheelchair boarded")
        told = self.told.get(trip)
        if told is not None and told.promise is not None:
            # A promise is of when the shuttle is there; then others may step in before them.
            _, awaited_s = self._awaited.get(shuttle, {}).get(trip, ("", begins_s))
            self._check_kept(trip, "pickup", min(awaited_s, begins_s), told.promise[0])

    def on_leave(self, trip: str, shuttle: str | None, out_s: float, *, set_down: bool) -> None:
        """A party is out of the shuttle: set down, or on its own feet."""
        for sat in self.sat.get(trip, ()):
            if sat.out_s is None:
                sat.out_s, sat.set_down = out_s, set_down
                told = self.told.get(trip)
                if set_down and told is not None and told.promise is not None:
                    self._check_kept(trip, "drop-off", out_s, told.promise[1])

    def _check_kept(self, trip: str, what: str, at_s: float, latest_s: float) -> None:
        if at_s <= latest_s + _ROUNDING_S:
            self._counts.note("promise kept")
        elif self._excused(latest_s):
            self._counts.note("promise broken, nobody could tell")
        else:
            late_s = at_s - latest_s
            self.violate(
                "promise_kept_or_told",
                f"{what} of trip {trip} was {late_s:.0f} s late, and the rider was not told",
                trip + what,
            )

    def on_document(
        self,
        payload: bytes,
        received_s: float,
        standing_since_s: Callable[[str], float | None],
        in_shuttle: Callable[[str], str | None],
    ) -> None:
        """A phone got a status document."""
        document = json.loads(payload)
        trip, state = document["trip"], document["state"]
        told = self.told.setdefault(trip, Told(trip))
        if told.newest is not None and document["revision"] < told.newest["revision"]:
            self._counts.note("old document ignored")
            return
        is_new = told.newest is None or document["revision"] > told.newest["revision"]
        told.documents.append((received_s, document))
        told.newest = document
        if state in PROMISED:
            told.accepted = True
        promise = document.get("promise")
        if promise is not None and state not in ENDS and told.accepted:
            new, breach = _bounds(promise), document.get("breach")
            if told.promise is not None and breach is not None:
                if told.warned_s is None and _bounds(breach["promise"]) == told.promise:
                    told.warned_s = received_s
                told_s = received_s if told.warned_s is None else told.warned_s
                self._check_told_in_time(trip, told.promise, new, told_s)
            if told.promise != new:
                told.promise, told.warned_s = new, None
        if state in ENDS and is_new:
            told.ends.add(state)
            self._counts.note(f"end {state}")
            self._check_end(told, document, standing_since_s, in_shuttle)

    def _check_told_in_time(
        self, trip: str, old: tuple[float, float], new: tuple[float, float], told_s: float
    ) -> None:
        for what, before, after in (("pickup", old[0], new[0]), ("drop-off", old[1], new[1])):
            # A pickup that has taken place is no matter any more.
            if after <= before or (what == "pickup" and self.sat.get(trip)):
                continue
            self._counts.note("promise changed")
            if told_s > before + _ROUNDING_S and not self._excused(before):
                self.violate(
                    "told_before_window_ends",
                    f"a later {what} of trip {trip} was told {told_s - before:.0f} s too late",
                    trip + what,
                )

    def _check_end(
        self,
        told: Told,
        document: dict[str, Any],
        standing_since_s: Callable[[str], float | None],
        in_shuttle: Callable[[str], str | None],
    ) -> None:
        trip, state = told.trip, document["state"]
        if len(told.ends) > 1:
            self.violate("one_end", f"trip {trip} ended as {' and '.join(sorted(told.ends))}", trip)
        shuttle = in_shuttle(trip)
        # A rider's own cancellation may cross the news that they are stepping in. It did if it
        # was decided on first: an end stands, however late the rider is told of it.
        crossed = state == "cancelled_by_rider" and trip in self.journal.cancelled_first
        if shuttle is not None and not crossed:
            self.violate("ended_aboard", f"trip {trip} is {state}, but sits in {shuttle}", trip)
        since_s = standing_since_s(trip)
        at_s = _seconds(document["at"])
        if state == "no_show" and since_s is not None and since_s < at_s - _STOOD_S:
            self.violate(
                "no_show_who_was_there",
                f"trip {trip} is no_show, and stood at the stop for {at_s - since_s:.0f} s",
                trip,
            )
        was_set_down = any(sat.set_down for sat in self.sat.get(trip, ()))
        if state == "completed" and not was_set_down:
            self.violate("wrong_end", f"trip {trip} is completed, but was never set down", trip)

    # The end of the quiet phase

    def check_end(self, now_s: float, arrived: set[str]) -> None:
        """Everything must have finished, and every rider must have been told."""
        for rider in sorted(self._asking):
            self.violate("request_answered", f"rider {rider} asked, and was never answered", rider)
        for trip, told in sorted(self.told.items()):
            newest = told.newest
            assert newest is not None
            # An offer of a later time may lead beyond the history.
            is_over = told.promise is None or told.promise[1] < now_s
            if newest["state"] not in ENDS and is_over:
                self.violate(
                    "every_trip_ends", f"trip {trip} is still {newest['state']} at the end", trip
                )
            sat = self.sat.get(trip, [])
            if trip in arrived and newest["state"] != "completed":
                self.violate(
                    "wrong_end", f"trip {trip} was set down, but is {newest['state']}", trip
                )
            if any(stay.out_s is None for stay in sat):
                self.violate("everyone_gets_off", f"trip {trip} still sits in a shuttle", trip)


def _boards(memory: AgentMemory) -> frozenset[str]:
    """Whom the plan has the shuttle fetch, as a preview or for good."""
    return frozenset(
        _trip(action)
        for node in memory.nodes
        for action in node.actions
        if action.action_type == "board"
    )


def _open_boards(memory: AgentMemory) -> frozenset[str]:
    """Whom the shuttle would let board by itself; what is not released is only a preview."""
    nodes = [*(() if memory.here is None else (memory.here,)), *memory.nodes]
    return frozenset(
        _trip(action)
        for node in nodes
        if node.released
        for action in node.actions
        if action.action_type == "board" and memory.is_open(action)
    )


def _trip(action: Action) -> str:
    return str(action.parameter("tripId"))


def _bounds(promise: dict[str, Any]) -> tuple[float, float]:
    """When its window closes, and the latest drop-off."""
    return _seconds(promise["window"]["closes"]), _seconds(promise["dropoff_latest"])


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
