"""What must hold, judged afterwards from raw histories only.

What is read: the messages that riders' and shuttles' own clients sent and got, who went through
which door, the store's stream, and what the broker holds at the end. Nothing of the dispatcher,
the engine, the vehicles or the simulator is used, not even to parse.

All of a kind of client is one process, so the lines of its file are in the order in which things
happened. Times of the zone's clock are UTC seconds.
"""

import json
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from simulator.raw_journal import RawJournal

Line = Mapping[str, Any]

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
PROMISED: Final = frozenset({"accepted", "assigned", "boarding"})
_NEVER_PROMISED: Final = frozenset({"refused", "expired"})
_ACTION_ENDED: Final = frozenset({"FINISHED", "FAILED"})
_ROUNDING_S: Final = 1.0
MOST_OF_A_KIND: Final = 20

# Files in a run's folder.
RIDERS: Final = "riders.jsonl"
SHUTTLES: Final = "shuttles.jsonl"
REST: Final = "rest.json"


@dataclass(frozen=True, slots=True)
class StreamEntry:
    """One entry of the store's stream as it was read."""

    position: int
    epoch: int
    payload: str


@dataclass(frozen=True, slots=True)
class Histories:
    """Everything there is to judge.

    ``seen`` are entries that were read while the run went on, ``stream`` those at its end.
    ``retained`` is what the broker holds at the end, ``last_orders`` the newest order that the
    broker was given for each shuttle, both by topic. ``troubles`` are the times (zone's clock)
    in which a rider could not be told, each from and to.
    """

    riders: Sequence[Line]
    shuttles: Sequence[Line]
    stream: Sequence[StreamEntry]
    seen: Sequence[StreamEntry] = ()
    retained: Mapping[str, str] = field(default_factory=dict)
    last_orders: Mapping[str, str] = field(default_factory=dict)
    troubles: Sequence[tuple[float, float]] = ()


@dataclass(frozen=True, slots=True)
class Violation:
    invariant: str
    text: str


@dataclass(frozen=True, slots=True)
class Verdict:
    violations: tuple[Violation, ...]
    counts: Mapping[str, int]


def read_lines(text: str) -> list[Line]:
    """The lines of a record. One torn by a kill tells nothing; its writer had not gone on."""
    lines: list[Line] = []
    for line in text.splitlines():
        try:
            lines.append(json.loads(line))
        except ValueError:
            continue
    return lines


def read_histories(folder: Path) -> Histories:
    """What a run left in its folder."""
    rest = json.loads((folder / REST).read_text())
    return Histories(
        riders=read_lines((folder / RIDERS).read_text()),
        shuttles=read_lines((folder / SHUTTLES).read_text()),
        stream=[StreamEntry(*entry) for entry in rest["stream"]],
        seen=[StreamEntry(*entry) for entry in rest["seen"]],
        retained=rest["retained"],
        last_orders=rest["last_orders"],
        troubles=[(begins, ends) for begins, ends in rest["troubles"]],
    )


def judge(histories: Histories) -> Verdict:
    """Check everything. Each finding is named once for each thing that it is about."""
    checker = _Checker(histories)
    checker.check_stream()
    checker.check_shuttles()
    checker.check_riders()
    checker.check_end()
    return Verdict(tuple(checker.violations), dict(sorted(checker.counts.items())))


@dataclass(slots=True)
class _Trip:
    """What one phone got about one trip, in order, without what came late."""

    topic: str
    documents: list[dict[str, Any]] = field(default_factory=list)
    ends: set[str] = field(default_factory=set)
    accepted: bool = False

    @property
    def newest(self) -> dict[str, Any]:
        return self.documents[-1]


@dataclass(slots=True)
class _Shuttle:
    """One shuttle as it showed itself."""

    places: tuple[int, int] | None = None  # seats and wheelchairs
    state: dict[str, Any] | None = None
    former_orders: set[str] = field(default_factory=set)
    loads: set[str] = field(default_factory=set)
    actions: dict[str, "_Action"] = field(default_factory=dict)  # of all orders, by action id
    # By order and update: what the plan does after its released part.
    unreleased: dict[tuple[str, int], list["_Action"]] = field(default_factory=dict)
    validity_s: dict[str, float] = field(default_factory=dict)  # by order id


@dataclass(frozen=True, slots=True)
class _Action:
    kind: str
    trip: str
    seats: int
    wheelchairs: int
    sequence: int


@dataclass(frozen=True, slots=True)
class _Boarding:
    shuttle: str
    begins_s: float


class _Checker:
    def __init__(self, histories: Histories) -> None:
        self.violations: list[Violation] = []
        self.counts: Counter[str] = Counter()
        self._histories = histories
        self._journal = RawJournal(self._violate)
        self._told: set[tuple[str, str]] = set()
        self._shuttles: dict[str, _Shuttle] = defaultdict(_Shuttle)
        self._carried_by: dict[str, str] = {}  # trips in a shuttle now
        self._boardings: dict[str, list[_Boarding]] = defaultdict(list)
        self._outs: dict[str, float] = {}
        self._numbered: dict[tuple[str, str, int], tuple[str, str]] = {}
        self._trips: dict[str, _Trip] = {}
        self._cancelled: set[str] = set()  # trips whose rider gave them up, or declined
        self._open_boards: dict[str, dict[str, float]] = {}  # by shuttle: trips, and until when

    def _violate(self, invariant: str, text: str, about: str = "") -> None:
        key = (invariant, about or text)
        of_a_kind = sum(1 for known, _ in self._told if known == invariant)
        if key not in self._told and of_a_kind < MOST_OF_A_KIND:
            self._told.add(key)
            self.violations.append(Violation(invariant, text))

    # The store

    def check_stream(self) -> None:
        """The journal in itself, and that what was once readable is still there."""
        for entry in self._histories.stream:
            self._journal.on_record(entry.position, entry.epoch, entry.payload)
        by_position = {entry.position: entry for entry in self._histories.stream}
        for seen in self._histories.seen:
            if by_position.get(seen.position) != seen:
                self._violate(
                    "durable_record_lost",
                    f"record {seen.position} was there, and is not or differs",
                )
        self.counts["records"] = len(self._histories.stream)
        self.counts["records read while it went on"] = len(self._histories.seen)

    # Shuttles

    def check_shuttles(self) -> None:
        for line in self._histories.shuttles:
            way = line["way"]
            if way == "in":
                self._step_in(line)
            elif way == "out":
                self._outs[line["trip"]] = line["begins_s"]
            else:
                *_, maker, serial, topic = line["topic"].split("/")
                shuttle = f"{maker}:{serial}"
                if topic in ("order", "state", "factsheet"):
                    body = json.loads(line["body"])
                    if topic == "order":
                        self._read_order(self._shuttles[shuttle], body)
                    elif topic == "factsheet":
                        self._shuttles[shuttle].places = _places_of(body)
                    else:
                        self._read_state(shuttle, self._shuttles[shuttle], body)
        self.counts["shuttles"] = len(self._shuttles)
        self.counts["boardings"] = sum(map(len, self._boardings.values()))

    def _step_in(self, line: Line) -> None:
        trip, shuttle = line["trip"], line["shuttle"]
        earlier = self._boardings[trip]
        # A shuttle whose computer was killed between the step and its memory of it asks again.
        if earlier and earlier[-1].shuttle == shuttle and trip not in self._outs:
            return
        earlier.append(_Boarding(shuttle, line["begins_s"]))

    def _read_order(self, shuttle: _Shuttle, order: dict[str, Any]) -> None:
        shuttle.validity_s[order["orderId"]] = order.get("planValidity", 60.0)
        unreleased = shuttle.unreleased.setdefault(_order_of(order), [])
        unreleased.clear()
        for node in order["nodes"]:
            for action in node["actions"]:
                if action["actionType"] not in ("board", "alight"):
                    continue
                about = {p["key"]: p["value"] for p in action["actionParameters"]}
                read = _Action(
                    action["actionType"],
                    str(about["tripId"]),
                    int(about["seats"]),
                    int(about["wheelchairs"]),
                    node["sequenceId"],
                )
                shuttle.actions[action["actionId"]] = read
                if not node["released"]:
                    unreleased.append(read)

    def _read_state(self, name: str, shuttle: _Shuttle, state: dict[str, Any]) -> None:
        before = shuttle.state
        self.counts["states"] += 1
        if before is not None and _is_late(state, before):
            self.counts["states said late"] += 1
            return
        shuttle.state = state
        loads = {load["loadId"] for load in state.get("loads") or ()}
        self._read_rider_events(name, state)
        if before is not None:
            self._check_rises(name, shuttle, before, state)
        if before is None or _order_of(before) != _order_of(state):
            self.counts["plans accepted"] += 1
            self._check_plan(name, shuttle, state, loads)
        self._check_carried(name, shuttle, loads)
        self._check_boards(name, shuttle, state)

    def _check_rises(
        self, name: str, shuttle: _Shuttle, before: dict[str, Any], state: dict[str, Any]
    ) -> None:
        if _epoch_of(state) < _epoch_of(before):
            self._violate(
                "epoch_rises", f"{name} went from epoch {_epoch_of(before)} to {_epoch_of(state)}"
            )
        (old_order, old_update), (order, update) = _order_of(before), _order_of(state)
        if order == old_order and update < old_update:
            self._violate("revision_rises", f"{name} went from update {old_update} to {update}")
        if order != old_order:
            if order in shuttle.former_orders:
                self._violate("revision_rises", f"{name} took order {order} again")
            shuttle.former_orders.add(old_order)

    def _read_rider_events(self, name: str, state: dict[str, Any]) -> None:
        onboard = state.get("onboard") or {}
        for event in onboard.get("events") or ():
            key = (name, onboard["series"], event["number"])
            what = (event["kind"], event["actionId"])
            if self._numbered.setdefault(key, what) != what:
                self._violate("event_number_reused", f"{key} was {self._numbered[key]}, is {what}")
        self.counts["shuttle events"] = len(self._numbered)

    def _check_carried(self, name: str, shuttle: _Shuttle, loads: set[str]) -> None:
        """Seats are kept, and nobody sits in two shuttles."""
        for trip in shuttle.loads - loads:
            if self._carried_by.get(trip) == name:
                del self._carried_by[trip]
        for trip in sorted(loads - shuttle.loads):
            other = self._carried_by.setdefault(trip, name)
            if other != name:
                self._violate("one_shuttle_carries", f"{other} and {name} both carry {trip}", trip)
        shuttle.loads = loads
        if shuttle.places is None:
            return
        parties = [self._journal.parties.get(trip, (1, 0)) for trip in loads]
        taken = sum(seats for seats, _ in parties), sum(chairs for _, chairs in parties)
        if taken[0] > shuttle.places[0] or taken[1] > shuttle.places[1]:
            self._violate(
                "capacity_kept", f"{taken[0]} and {taken[1]} wheelchairs are in {name}", name
            )

    def _check_plan(
        self, name: str, shuttle: _Shuttle, state: dict[str, Any], loads: set[str]
    ) -> None:
        """Places by kind along the accepted plan, and a drop-off for everyone in it."""
        parties = {trip: self._journal.parties.get(trip, (1, 0)) for trip in loads}
        stays = set(loads)
        # States name the actions of the released part; of the rest only the order tells.
        released = [shuttle.actions.get(action_id) for action_id in _open_actions(state)]
        ahead = [action for action in released if action is not None]
        ahead += shuttle.unreleased.get(_order_of(state), [])
        if not ahead and not state["nodeStates"]:
            return  # no plan: a first contact, or a cancelled order
        places = shuttle.places
        # Alighting comes first.
        for action in sorted(ahead, key=lambda action: (action.sequence, action.kind)):
            if action.kind == "alight":
                parties.pop(action.trip, None)
                stays.discard(action.trip)
            else:
                parties[action.trip] = (action.seats, action.wheelchairs)
                stays.add(action.trip)
            seats = sum(seats for seats, _ in parties.values())
            chairs = sum(chairs for _, chairs in parties.values())
            if places is not None and (seats > places[0] or chairs > places[1]):
                self._violate(
                    "capacity_planned",
                    f"{name} would carry {seats} and {chairs} wheelchairs by {_order_of(state)}",
                    f"{name} {_order_of(state)}",
                )
        for trip in sorted(stays & loads):
            self._violate(
                "drop_off_in_plan",
                f"{name} accepted {_order_of(state)} without a drop-off of {trip} aboard",
                f"{name} {trip}",
            )

    def _check_boards(self, name: str, shuttle: _Shuttle, state: dict[str, Any]) -> None:
        """No trip is waited for by two shuttles that would both let it board now."""
        valid_from = (state.get("onboard") or {}).get("validFrom")
        now_s = _seconds(state["timestamp"])
        opens: dict[str, float] = {}
        if valid_from is not None:
            until_s = _seconds(valid_from) + shuttle.validity_s.get(state["orderId"], 60.0)
            for action_id in _open_actions(state):
                action = shuttle.actions.get(action_id)
                if action is not None and action.kind == "board":
                    opens[action.trip] = until_s
        self._open_boards[name] = opens
        for trip in opens:
            for other, theirs in self._open_boards.items():
                if other != name and theirs.get(trip, 0.0) > now_s:
                    self._violate(
                        "one_shuttle_boards", f"{other} and {name} would both board {trip}", trip
                    )

    # Riders

    def check_riders(self) -> None:
        requests: dict[str, set[str]] = defaultdict(set)  # request ids, by rider
        heard_of: set[tuple[str, str]] = set()
        for line in self._histories.riders:
            levels = line["topic"].split("/")
            rider, kind = levels[4], levels[5]
            if line["way"] == "sent":
                said = json.loads(line["body"])
                if kind == "request":
                    requests[rider].add(said["id"])
                elif kind == "cancel" or not said["accept"]:
                    self._cancelled.add(said["trip"])
                continue
            if not line["body"]:
                continue
            body = json.loads(line["body"])
            if kind == "error":
                self.counts[f"error {body['code']}"] += 1
                if body.get("request"):
                    heard_of.add((rider, body["request"]))
            else:
                heard_of.add((rider, body["request"]))
                self._read_document(line["topic"], rider, body)
        asked = {(rider, request) for rider, ids in requests.items() for request in ids}
        self.counts["requests"] = len(asked)
        self.counts["requests never answered"] = len(asked - heard_of)
        for trip, told in sorted(self._trips.items()):
            self._check_trip(trip, told)

    def _read_document(self, topic: str, rider: str, document: dict[str, Any]) -> None:
        trip, state = document["trip"], document["state"]
        self.counts["documents"] += 1
        if trip not in self._journal.recorded:
            self._violate(
                "acknowledged_not_durable",
                f"{state} was told for {trip}, which no record has",
                trip,
            )
        elif self._journal.riders[trip] != rider:
            self._violate("wrong_rider", f"{topic} carries {trip}")
        told = self._trips.setdefault(trip, _Trip(topic))
        if told.documents:
            newest = told.newest
            if (document["epoch"], document["revision"]) < (newest["epoch"], newest["revision"]):
                self.counts["old documents"] += 1
                return
            if newest["state"] in ENDS and state not in ENDS:
                self._violate("one_end", f"{trip} was {newest['state']}, then {state}", trip)
        told.documents.append(document)
        if state in PROMISED:
            told.accepted = True
        if state in ENDS:
            told.ends.add(state)

    def _check_trip(self, trip: str, told: _Trip) -> None:
        state = told.newest["state"]
        self.counts[f"trip {state}"] += 1
        if state not in ENDS:
            self._violate("every_trip_ends", f"{trip} is still {state} at the end", trip)
        if len(told.ends) > 1:
            self._violate("one_end", f"{trip} ended as {' and '.join(sorted(told.ends))}", trip)
        if told.accepted and state in _NEVER_PROMISED:
            self._violate("wrong_end", f"{trip} was accepted and is {state}", trip)
        if state == "completed" and trip not in self._journal.reported_out:
            self._violate("wrong_end", f"{trip} is completed, and no shuttle let it out", trip)
        if state == "cancelled_by_rider" and trip not in self._cancelled:
            self._violate("wrong_end", f"{trip} is {state}, and its rider said nothing", trip)
        # A cancellation may cross the news of the boarding; then the trip is over, and is ridden.
        crossed = state == "cancelled_by_rider"
        if trip in self._journal.reported_out and state != "completed" and not crossed:
            self._violate("wrong_end", f"{trip} was set down, but is {state}", trip)
        boardings = self._boardings.get(trip, [])
        if len(boardings) > 1 and not any("breach" in document for document in told.documents):
            shuttles = " and ".join(boarding.shuttle for boarding in boardings)
            self._violate("boarded_once", f"{trip} boarded {shuttles}", trip)
        if boardings:
            self._check_kept(trip, told, boardings[0])

    def _check_kept(self, trip: str, told: _Trip, boarding: _Boarding) -> None:
        """Each passage of a door was in time, or the rider had word."""
        promises = [
            document["promise"]
            for document in told.documents
            if document.get("promise") and document["state"] in PROMISED
        ]
        if not promises:
            return
        had_word = any("breach" in document for document in told.documents)
        passages = [("pickup", boarding.begins_s, _seconds(promises[-1]["window"]["closes"]))]
        if trip in self._outs:
            riding = [
                document["promise"]
                for document in told.documents
                if document.get("promise") and document["state"] not in ENDS
            ]
            passages.append(("drop-off", self._outs[trip], _seconds(riding[-1]["dropoff_latest"])))
        for what, at_s, latest_s in passages:
            if at_s <= latest_s + _ROUNDING_S:
                self.counts["promises kept as last told"] += 1
            elif had_word:
                self.counts["promises broken, told"] += 1
            elif self._nobody_could_tell(latest_s):
                self.counts["promises broken, nobody could tell"] += 1
            else:
                self._violate(
                    "promise_kept_or_told",
                    f"{what} of {trip} was {at_s - latest_s:.0f} s late, and nobody was told",
                    trip + what,
                )
        if had_word:
            self.counts["trips with a breach told"] += 1

    def _nobody_could_tell(self, latest_s: float) -> bool:
        troubles = self._histories.troubles
        place = bisect_right(troubles, (latest_s, float("inf")))
        return any(begins <= latest_s <= ends for begins, ends in troubles[:place])

    # The end of the quiet phase

    def check_end(self) -> None:
        self._check_retained()
        for name, shuttle in sorted(self._shuttles.items()):
            state = shuttle.state
            if state is None:
                continue
            if state.get("loads"):
                self._violate("everyone_gets_off", f"{name} still carries {sorted(shuttle.loads)}")
            if _epoch_of(state) != self._journal.epoch:
                self._violate(
                    "shuttles_fenced",
                    f"{name} obeys epoch {_epoch_of(state)} in epoch {self._journal.epoch}",
                )
            confirmed = self._journal.confirmed.get(name)
            if confirmed is not None and confirmed != state["orderUpdateId"]:
                self._violate(
                    "newest_plan_arrives",
                    f"{name} has {state['orderUpdateId']}; confirmed was {confirmed}",
                )
        for topic, body in sorted(self._histories.last_orders.items()):
            order, levels = json.loads(body), topic.split("/")
            state = self._shuttles[f"{levels[-3]}:{levels[-2]}"].state
            if state is None or _order_of(state) != _order_of(order):
                has = None if state is None else _order_of(state)
                self._violate(
                    "newest_plan_arrives", f"{topic} was last {_order_of(order)}; it has {has}"
                )

    def _check_retained(self) -> None:
        """What the broker holds for a phone that comes back is what the phone was told last."""
        for trip, told in sorted(self._trips.items()):
            body = self._histories.retained.get(told.topic)
            held = None if not body else json.loads(body)["state"]
            if held != told.newest["state"]:
                self._violate(
                    "rider_told",
                    f"the phone has {told.newest['state']} for {trip}; the broker holds {held}",
                    trip,
                )
        for trip in sorted(self._journal.recorded - set(self._trips)):
            self._violate("rider_told", f"the rider of {trip} was told nothing", trip)


def _is_late(state: dict[str, Any], before: dict[str, Any]) -> bool:
    """Whether the client sent it after a newer one; numbers begin anew after a reboot."""
    earlier = _seconds(state["timestamp"]) <= _seconds(before["timestamp"])
    return earlier and int(state["headerId"]) < int(before["headerId"])


def _places_of(factsheet: dict[str, Any]) -> tuple[int, int]:
    names: Iterable[str] = factsheet["loadSpecification"]["loadPositions"]
    seats = [name for name in names if name.startswith("seat-")]
    chairs = [name for name in names if name.startswith("wheelchair-")]
    return len(seats), len(chairs)


def _open_actions(state: dict[str, Any]) -> list[str]:
    return [
        action["actionId"]
        for action in state["actionStates"]
        if action["actionStatus"] not in _ACTION_ENDED
    ]


def _order_of(message: dict[str, Any]) -> tuple[str, int]:
    return message["orderId"], message["orderUpdateId"]


def _epoch_of(state: dict[str, Any]) -> int:
    epoch: int = (state.get("onboard") or {}).get("epoch", 0)
    return epoch


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
