"""Small plans for the tests of the vehicle border, told in a line each.

All streets are straight: stop A lies at x = 0, B at 100, C at 200 and so on, 100 m apart,
with one street node half way. Every street has a limit of 10 m/s.
"""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

from dispatcher.domain.ids import EdgeId, NodeId, ShuttleId, StopId, TripId, VisitId
from dispatcher.domain.plans import (
    AlightTask,
    BoardTask,
    LegPath,
    PathEdge,
    PathNode,
    PlannedVisit,
    ShuttlePlan,
    StartNode,
)
from dispatcher.domain.trips import Party
from vehicles.topics import VehicleName

T0 = 1_700_000_000
VEHICLE = VehicleName("ringmaster", "s01")
SHUTTLE = ShuttleId("ringmaster:s01")
PARTIES: Mapping[str, Party] = {"wil": Party(seats=0, wheelchairs=1), "duo": Party(seats=2)}


def x_of(stop: str) -> float:
    return 100.0 * (ord(stop) - ord("A"))


def party_of(trip: str) -> Party:
    return PARTIES.get(trip, Party())


def a_visit(line: str) -> PlannedVisit:
    """``"v1 B 30 +ana -bob @20 charge"``.

    Visit v1 at stop B, planned 30 s after T0, where ana boards, not before T0 + 20 s and
    waited for 60 s, and bob gets off, then charge to 80 %.
    """
    visit_id, stop, at, *words = line.split()
    begin_s = T0 + int(at)
    not_before_s = next((T0 + int(w[1:]) for w in words if w[0] == "@"), begin_s)
    boards = [TripId(w[1:]) for w in words if w[0] == "+"]
    alights = [TripId(w[1:]) for w in words if w[0] == "-"]
    return PlannedVisit(
        id=VisitId(visit_id),
        stop_id=StopId(stop),
        x_m=x_of(stop),
        y_m=0.0,
        arrive_s=begin_s,
        begin_s=begin_s,
        depart_s=begin_s + 20,
        boards=tuple(BoardTask(t, party_of(t), not_before_s, 60) for t in boards),
        alights=tuple(AlightTask(t, party_of(t)) for t in alights),
        charge_to_pct=80 if "charge" in words else None,
    )


def a_path(start: str, end: str) -> LegPath:
    """Two edges of half the way each, over one street node. Driving nowhere has one edge."""
    if start == end:
        return LegPath((), (PathEdge(None, 0.0, 10.0),))
    length_m = abs(x_of(end) - x_of(start)) / 2
    middle = PathNode(NodeId(f"{start}{end}"), (x_of(start) + x_of(end)) / 2, 0.0)
    first, second = EdgeId(f"{start}-{middle.node_id}"), EdgeId(f"{middle.node_id}-{end}")
    return LegPath((middle,), (PathEdge(first, length_m, 10.0), PathEdge(second, length_m, 10.0)))


def a_plan(
    *visits: str,
    released: int,
    start: str = "A",
    start_node: str | None = None,
    sequence: int = 0,
    revision: int = 1,
    order_id: str = "o1",
    epoch: int = 1,
    shuttle_id: ShuttleId = SHUTTLE,
) -> ShuttlePlan:
    """``start`` is the stop where the first leg leaves from."""
    planned = tuple(a_visit(line) for line in visits)
    stops = [start, *(visit.stop_id for visit in planned)]
    return ShuttlePlan(
        shuttle_id=shuttle_id,
        order_id=order_id,
        revision=revision,
        epoch=epoch,
        made_s=T0,
        start=StartNode(
            NodeId(start_node or ("start" if sequence == 0 else f"{start}.hold")),
            x_of(start),
            0.0,
            sequence,
        ),
        visits=planned,
        released=released,
        paths=tuple(a_path(a, b) for a, b in itertools.pairwise(stops[: released + 1])),
    )


def schema_problems(schema: Mapping[str, Any], document: object) -> Sequence[str]:
    validator = Draft202012Validator(schema, format_checker=FormatChecker())
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(document)]
