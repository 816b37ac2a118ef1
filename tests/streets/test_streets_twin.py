"""Travel times against a plain search written from the rules alone, without pieces or matrices."""

import heapq
import math
import random

import pytest
from sketched_zones import a_random_grid

from dispatcher.domain.ids import EdgeId
from dispatcher.domain.zone import StreetEdge
from dispatcher.streets import UNREACHABLE_S, Streets

# The graph rounds every edge up to a millisecond; no drive here has more than a hundred edges.
ROUNDING_S = 0.1

State = tuple[str, int | str, float]  # ("stand", stop, 0) or ("roll", edge id, offset in metres)


class Twin:
    def __init__(self, streets: Streets) -> None:
        self.streets = streets
        self.edges = {edge.id: edge for edge in streets.zone.edges}
        self.bans = {(ban.from_edge, ban.to_edge) for ban in streets.zone.turn_bans}
        self.sides: list[list[tuple[EdgeId, float]]] = []
        for stop in streets.zone.stops:
            edge = self.edges[stop.edge_id]
            self.sides.append([(edge.id, stop.offset_m)])
            if edge.reverse is not None:
                self.sides[-1].append((edge.reverse, edge.length_m - stop.offset_m))

    def times_s(self, source: int) -> dict[int, float]:
        drive, closed = self.streets.drive, self.streets.closed_edges
        best: dict[State, float] = {}
        ahead: list[tuple[float, State]] = [(0.0, ("stand", source, 0.0))]
        while ahead:
            time_s, state = heapq.heappop(ahead)
            if state in best:
                continue
            best[state] = time_s
            kind, where, offset_m = state
            if kind == "stand":
                assert isinstance(where, int)
                sides = self.sides[where]
                for edge_id, at_m in [s for s in sides if s[0] not in closed] or sides:
                    v = self.edges[edge_id].speed_mps
                    start_s = drive.pull_out_s + v / (2 * drive.acceleration_mps2)
                    heapq.heappush(ahead, (time_s + start_s, ("roll", edge_id, at_m)))
                continue
            edge = self.edges[EdgeId(str(where))]
            v = edge.speed_mps
            # An offset of -1 marks entering by the start, where a stop may lie at 0.
            from_m = max(0.0, offset_m)
            for stop, sides in enumerate(self.sides):
                for edge_id, at_m in sides:
                    if edge_id == edge.id and at_m > offset_m:
                        there_s = (at_m - from_m) / v + v / (2 * drive.deceleration_mps2)
                        heapq.heappush(ahead, (time_s + there_s, ("stand", stop, 0.0)))
            end_s = time_s + (edge.length_m - from_m) / v
            for after, turn_s in self.onward(edge):
                heapq.heappush(ahead, (end_s + turn_s, ("roll", after.id, -1.0)))
        return {
            where: time_s
            for (kind, where, _), time_s in best.items()
            if kind == "stand" and isinstance(where, int)
        }

    def onward(self, edge: StreetEdge) -> list[tuple[StreetEdge, float]]:
        allowed = [
            after
            for after in self.edges.values()
            if after.start == edge.end
            and (edge.id, after.id) not in self.bans
            and after.id not in self.streets.closed_edges
        ]
        ahead = [(after, 0.0) for after in allowed if after.id != edge.reverse]
        return ahead or [(after, self.streets.drive.turn_around_s) for after in allowed]


@pytest.mark.parametrize("seed", range(20, 24))
@pytest.mark.parametrize("closed_share", [0.0, 0.15])
def test_matrix_agrees_with_the_plain_search(seed: int, closed_share: float) -> None:
    rng = random.Random(seed)
    streets = Streets.of(a_random_grid(seed, side=4, stops=8))
    closed = frozenset(e.id for e in streets.zone.edges if rng.random() < closed_share)
    streets = streets.with_closures(closed, frozenset())
    twin = Twin(streets)
    for a in range(8):
        plain_s = twin.times_s(a)
        for b in range(8):
            found_s = int(streets.stop_times_s[a, b])
            told = f"seed {seed}: {a} to {b}"
            shut = all(edge in closed for edge, _ in twin.sides[b])
            if a != b and (b not in plain_s or shut):
                assert found_s == UNREACHABLE_S, told
            else:
                least_s, most_s = math.ceil(plain_s[b]), math.ceil(plain_s[b] + ROUNDING_S)
                assert least_s <= found_s <= most_s, told
