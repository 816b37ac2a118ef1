"""What a journal's raw records must look like, whoever wrote them. Uses nothing of the engine."""

import json
from collections import Counter
from collections.abc import Callable
from typing import Any


class RawJournal:
    """Reads records in their order. ``violate`` is called with an invariant's name and a text."""

    def __init__(self, violate: Callable[[str, str], None]) -> None:
        self.recorded: set[str] = set()  # trips whose request is durable
        self.riders: dict[str, str] = {}  # by trip
        self.parties: dict[str, tuple[int, int]] = {}  # seats and wheelchairs, by trip
        self.pre_booked: set[str] = set()
        self.reported_aboard: set[str] = set()
        self.reported_out: set[str] = set()
        # Trips that their own riders called off before any word of their boarding.
        self.cancelled_first: set[str] = set()
        self.confirmed: dict[str, int] = {}  # last plan echoed, by shuttle
        self.epoch = 0
        self.position = 0
        self.event_types: Counter[str] = Counter()
        self._violate = violate
        self._requests: set[str] = set()
        self._once: set[tuple[str, ...]] = set()
        self._numbered: dict[tuple[str, str, int], int] = {}
        self._last_at_s = 0

    def on_record(self, position: int, epoch: int, payload: str | bytes) -> None:
        """A record became durable."""
        if epoch < self.epoch:
            self._violate(
                "superseded_epoch", f"record {position} of epoch {epoch} after one of {self.epoch}"
            )
        self.epoch = max(self.epoch, epoch)
        if position != self.position + 1:
            self._violate("journal_gap", f"after record {self.position} comes {position}")
        self.position = position
        record = json.loads(payload)
        event = record.get("event")
        if event is not None:
            self._on_event(position, epoch, event)
        elif "set_aside" in record:
            self._violate("event_set_aside", f"record {record['set_aside']} was set aside")

    def _on_event(self, position: int, epoch: int, event: dict[str, Any]) -> None:
        kind = event["type"]
        self.event_types[kind] += 1
        if event["at_s"] < self._last_at_s:
            self._violate("time_runs_back", f"record {position} is stamped {event['at_s']}")
        self._last_at_s = max(self._last_at_s, event["at_s"])
        if kind == "RequestSubmitted":
            self._on_request(event["request"])
        elif kind == "TripCancelled":
            trip, rider = event["trip_id"], event["rider_id"]
            by_its_rider = rider is not None and rider == self.riders.get(trip)
            if by_its_rider and trip not in self.reported_aboard:
                self.cancelled_first.add(trip)
        elif kind in ("ShuttleJoined", "ShuttleReported"):
            self.reported_aboard.update(event["aboard"])
        elif kind == "PlanConfirmed":
            self.confirmed[event["shuttle_id"]] = event["revision"]
        elif kind in ("RiderBoarded", "RiderAlighted", "VisitCompleted", "RiderNotThere"):
            if kind == "RiderBoarded":
                self.reported_aboard.add(event["trip_id"])
            elif kind == "RiderAlighted":
                self.reported_out.add(event["trip_id"])
            # A successor may be told again what a shuttle did; one dispatcher may not.
            once = (kind, event["visit_id"], event.get("trip_id", event["shuttle_id"]), str(epoch))
            if once in self._once:
                self._violate("event_twice", f"record {position} repeats {' '.join(once)}")
            self._once.add(once)
        if (number := event.get("number")) is not None:
            # But what a shuttle has numbered is written once, whoever writes it.
            told = (event["shuttle_id"], number["series"], number["number"])
            if earlier := self._numbered.get(told):
                self._violate("event_twice", f"records {earlier} and {position} are both {told}")
            self._numbered.setdefault(told, position)

    def _on_request(self, request: dict[str, Any]) -> None:
        key, trip = f"{request['rider_id']}/{request['request_id']}", request["trip_id"]
        if key in self._requests:
            self._violate("request_twice", f"request {key} became a second trip")
        self._requests.add(key)
        self.recorded.add(trip)
        self.riders[trip] = request["rider_id"]
        self.parties[trip] = (request["party"]["seats"], request["party"]["wheelchairs"])
        if request["wish"] != "now":
            self.pre_booked.add(trip)
