"""A zone's streets as the dispatcher uses them: times, paths, nearest places, closures."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self, TypeVar

import numpy as np
import shapely
from numpy.typing import NDArray

from dispatcher.domain.ids import EdgeId, StopId
from dispatcher.domain.zone import Point, StopKind, Zone
from dispatcher.streets.area import ServiceArea
from dispatcher.streets.drive import DriveModel
from dispatcher.streets.frame import LocalFrame
from dispatcher.streets.network import StreetGraph, offset_ms
from dispatcher.streets.path import (
    EdgePoint,
    EdgeShape,
    NoPathError,
    Path,
    joined_line,
    steps_along,
    trace_pieces,
)
from dispatcher.streets.times import (
    MAPS_OWN_PM,
    UNREACHABLE_S,
    Reach,
    paced,
    reach_from_piece,
    reach_from_stops,
)
from dispatcher.streets.walking import walk_m

# Edges nearly as near as the nearest are told apart by heading: the two directions of a street
# lie on one line, and a lane's width separates neighbours.
_SAME_STREET_M = 3.0

_Scalar = TypeVar("_Scalar", bound=np.generic)


@dataclass(frozen=True, slots=True)
class Drawing:
    """What somebody drew on the map: a line, or the outline of an area."""

    points: tuple[Point, ...]  # at least two of a line, three of an outline
    is_area: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Streets:
    """Immutable; closures and paces give another ``Streets``.

    Stops are addressed by index in the zone. Travel times are the map's at ``pace_pm``; which way
    a drive takes does not depend on the pace.
    """

    zone: Zone
    drive: DriveModel
    frame: LocalFrame
    area: ServiceArea
    closed_edges: frozenset[EdgeId]
    closed_stops: frozenset[StopId]
    open_stops: NDArray[np.bool_]  # [stops]; False: no rider is served there
    stop_times_s: NDArray[np.int64]  # [stops, stops], read-only; UNREACHABLE_S without a path
    stop_index: Mapping[StopId, int]
    edge_index: Mapping[EdgeId, int]
    _graph: StreetGraph
    _reach: Reach
    _shapes: tuple[EdgeShape, ...]
    _edge_tree: shapely.STRtree
    _stop_xy_m: NDArray[np.float64]  # [stops, 2]
    pace_pm: int = MAPS_OWN_PM  # how slow drives are, in thousandths of the map's times

    @classmethod
    def of(cls, zone: Zone, drive: DriveModel | None = None) -> Self:
        """Streets with nothing closed. The zone's references must be sound (see zone_file)."""
        drive = drive or DriveModel()
        frame = LocalFrame(zone.origin)
        shapes = tuple(
            EdgeShape.of([frame.to_metres(point) for point in edge.shape], edge.length_m)
            for edge in zone.edges
        )
        graph = StreetGraph.of(zone, drive)
        reach = reach_from_stops(graph)
        return cls(
            zone=zone,
            drive=drive,
            frame=frame,
            area=ServiceArea.of(zone.boundary, frame),
            closed_edges=frozenset(),
            closed_stops=frozenset(),
            open_stops=_frozen(graph.stop_has_open_side),
            stop_times_s=_frozen(reach.stop_s),
            stop_index={stop.id: i for i, stop in enumerate(zone.stops)},
            edge_index={edge.id: i for i, edge in enumerate(zone.edges)},
            _graph=graph,
            _reach=reach,
            _shapes=shapes,
            _edge_tree=shapely.STRtree([shapely.LineString(shape.xy_m) for shape in shapes]),
            _stop_xy_m=np.array(
                [(stop.x_m, stop.y_m) for stop in zone.stops], dtype=np.float64
            ).reshape(-1, 2),
        )

    def with_closures(self, edges: frozenset[EdgeId], stops: frozenset[StopId]) -> Self:
        """The same zone with exactly these closures in force, whatever was closed before.

        No shuttle enters a closed edge; one that is on it may drive out. A stop is reached and
        left by its sides that are open. With no side open it counts as closed and its column is
        UNREACHABLE_S; a shuttle that stands there may still leave. A closed stop is not served,
        but the street past it stays as it is, so its travel times remain.
        Raises ValueError for an id that the zone does not have.
        """
        unknown = sorted(edges - self.edge_index.keys()) + sorted(stops - self.stop_index.keys())
        if unknown:
            raise ValueError(f"not in zone {self.zone.id}: {', '.join(unknown)}")
        graph, reach = self._graph, self._reach
        if edges != self.closed_edges:
            graph = StreetGraph.of(self.zone, self.drive, edges)
            reach = reach_from_stops(graph)
        served = np.array([stop.id not in stops for stop in self.zone.stops], dtype=np.bool_)
        return dataclasses.replace(
            self,
            closed_edges=edges,
            closed_stops=stops,
            open_stops=_frozen(served & graph.stop_has_open_side),
            stop_times_s=_frozen(paced(reach.stop_s, self.pace_pm)),
            _graph=graph,
            _reach=reach,
        )

    def at_pace(self, pace_pm: int) -> Self:
        """The same streets with drives this slow, whatever the pace was before."""
        if pace_pm == self.pace_pm:
            return self
        times_s = _frozen(paced(self._reach.stop_s, pace_pm))
        return dataclasses.replace(self, stop_times_s=times_s, pace_pm=pace_pm)

    def times_from_s(self, edge_id: EdgeId, offset_m: float) -> NDArray[np.int64]:
        """int64[stops]: drive times for a shuttle rolling past this place; braking included."""
        piece, driven_ms = self._locate(EdgePoint(edge_id, offset_m))
        return paced(reach_from_piece(self._graph, piece, driven_ms).stop_s[0], self.pace_pm)

    def path(self, from_place: int | EdgePoint, to_stop: int) -> Path:
        """The drive that the travel times speak of; ``drive_s`` is the map's own time for it.

        Raises NoPathError where there is none.
        """
        if isinstance(from_place, EdgePoint):
            source, driven_ms = self._locate(from_place)
            reach = reach_from_piece(self._graph, source, driven_ms)
            drive_s, previous = int(reach.stop_s[0, to_stop]), reach.previous[0]
        elif from_place == to_stop:
            x_m, y_m = self._stop_xy_m[to_stop]
            return Path((), 0.0, 0, ((float(x_m), float(y_m)),))
        else:
            source = self._graph.n_pieces + from_place
            drive_s = int(self._reach.stop_s[from_place, to_stop])
            previous = self._reach.previous[from_place]
        if drive_s == UNREACHABLE_S:
            raise NoPathError(f"no open street leads to stop {self.zone.stops[to_stop].id}")
        states = trace_pieces(previous, source, self._graph.n_pieces + to_stop)
        steps = steps_along(self._graph, self.zone.edges, states)
        if isinstance(from_place, EdgePoint):
            steps[0] = dataclasses.replace(steps[0], from_offset_m=from_place.offset_m)
        return Path(
            steps=tuple(steps),
            length_m=sum(step.to_offset_m - step.from_offset_m for step in steps),
            drive_s=drive_s,
            polyline_m=joined_line(
                [
                    self._shapes[self.edge_index[step.edge_id]].part(
                        step.from_offset_m, step.to_offset_m
                    )
                    for step in steps
                ]
            ),
        )

    def drive_m(self, from_stop: int, to_stop: int) -> float:
        """Metres of ``path`` between two stops, at a fraction of its expense; raises as it."""
        if from_stop == to_stop:
            return 0.0
        if self._reach.stop_s[from_stop, to_stop] == UNREACHABLE_S:
            raise NoPathError(f"no open street leads to stop {self.zone.stops[to_stop].id}")
        source = self._graph.n_pieces + from_stop
        previous = self._reach.previous[from_stop]
        states = trace_pieces(previous, source, self._graph.n_pieces + to_stop)
        steps = steps_along(self._graph, self.zone.edges, states)
        return sum(step.to_offset_m - step.from_offset_m for step in steps)

    def position_m(self, place: EdgePoint) -> tuple[float, float]:
        """``(x_m, y_m)`` of a place on an edge."""
        return self._shapes[self.edge_index[place.edge_id]].position(place.offset_m)

    def nearest_point(self, x_m: float, y_m: float, heading_rad: float | None = None) -> EdgePoint:
        """The place on the streets nearest to a position in metres.

        With a heading (radians, counter-clockwise from east), the direction that the shuttle
        faces wins among edges of the same street; without one, the edge that comes first.
        """
        here = shapely.Point(x_m, y_m)
        nearest, distance_m = self._edge_tree.query_nearest(here, return_distance=True)
        if heading_rad is None:
            best = int(nearest.min())
        else:
            within_m = float(distance_m.min()) + _SAME_STREET_M
            near = self._edge_tree.query(here, predicate="dwithin", distance=within_m)
            best = min(
                (int(edge) for edge in near),
                key=lambda edge: (-math.cos(self._bearing_rad(edge, here) - heading_rad), edge),
            )
        return EdgePoint(self.zone.edges[best].id, self._project_m(best, here))

    def edges_across(self, drawn: Drawing) -> tuple[EdgeId, ...]:
        """The edges that a drawing crosses, touches or holds, in the zone's order.

        Raises ValueError for an area whose outline crosses itself.
        """
        found = self._edge_tree.query(self._drawn(drawn), predicate="intersects")
        return tuple(self.zone.edges[int(edge)].id for edge in sorted(found))

    def stops_within(self, drawn: Drawing) -> tuple[StopId, ...]:
        """The stops inside a drawn area; a line holds none. Raises as ``edges_across``."""
        if not drawn.is_area:
            return ()
        area = self._drawn(drawn)
        return tuple(
            stop.id for stop in self.zone.stops if shapely.intersects_xy(area, stop.x_m, stop.y_m)
        )

    def _drawn(self, drawn: Drawing) -> shapely.Geometry:
        points_m = [self.frame.to_metres(point) for point in drawn.points]
        if not drawn.is_area:
            return shapely.LineString(points_m)
        area = shapely.Polygon(points_m)
        if not area.is_valid or area.area == 0.0:
            raise ValueError("the outline crosses itself or encloses no area")
        return area

    def stops_near(self, point: Point, max_walk_m: float) -> list[tuple[int, float]]:
        """Open stops for riders within a walk: ``(stop index, walk_m)``, the shortest walk first.

        ``walk_m`` is the straight distance times the walking detour factor. Depots are left out.
        """
        walks = [
            (walk_m(straight_m), index)
            for index, straight_m in enumerate(self._straight_m(point))
            # Nobody walks less than straight; asked first, it leaves few stops to look at.
            if straight_m <= max_walk_m
            and self.open_stops[index]
            and self.zone.stops[index].kind is not StopKind.DEPOT
        ]
        return [(index, walked_m) for walked_m, index in sorted(walks) if walked_m <= max_walk_m]

    def nearest_interchange(self, point: Point) -> int | None:
        """The nearest open interchange in a straight line; None if none is open."""
        interchanges = [
            (straight_m, index)
            for index, straight_m in enumerate(self._straight_m(point))
            if self.open_stops[index] and self.zone.stops[index].kind is StopKind.INTERCHANGE
        ]
        return min(interchanges)[1] if interchanges else None

    def contains(self, point: Point) -> bool:
        """Is the point inside the zone's boundary?"""
        return self.area.contains(point)

    def _straight_m(self, point: Point) -> list[float]:
        x_m, y_m = self.frame.to_metres(point)
        return [math.hypot(x - x_m, y - y_m) for x, y in self._stop_xy_m]

    def _locate(self, place: EdgePoint) -> tuple[int, int]:
        """The piece a place lies in and the milliseconds driven since that piece's start."""
        edge = self.edge_index[place.edge_id]
        street = self.zone.edges[edge]
        if not -1e-6 <= place.offset_m <= street.length_m + 1e-6:
            raise ValueError(f"offset {place.offset_m} m is not on edge {place.edge_id}")
        at_ms = self._graph.within_edge_ms(edge, offset_ms(place.offset_m, street.speed_mps))
        piece = self._graph.piece_at(edge, at_ms)
        return piece, at_ms - int(self._graph.piece_start_ms[piece])

    def _project_m(self, edge: int, here: shapely.Point) -> float:
        share = float(
            shapely.line_locate_point(self._edge_tree.geometries[edge], here, normalized=True)
        )
        return share * self.zone.edges[edge].length_m

    def _bearing_rad(self, edge: int, here: shapely.Point) -> float:
        shape, at_m = self._shapes[edge], self._project_m(edge, here)
        half_m = min(1.0, self.zone.edges[edge].length_m / 2.0)
        x0, y0 = shape.position(at_m - half_m)
        x1, y1 = shape.position(at_m + half_m)
        return math.atan2(y1 - y0, x1 - x0)


def _frozen(array: NDArray[_Scalar]) -> NDArray[_Scalar]:
    view = array.view()
    view.flags.writeable = False
    return view
