"""A drawn-up street net for Sejong's 5-1 living area. SYNTHETIC: no plan of its streets was found.

Two families of curved streets cross inside a ring road. Every third is an avenue; of the local
ones some are one-way, some are interrupted, and two parks take the place of a crossing.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from dispatcher.domain.ids import NodeId
from dispatcher.domain.zone import Point
from dispatcher.streets.drawn_street import DrawnStreet, rounded
from dispatcher.streets.frame import LocalFrame
from dispatcher.streets.sejong_names import DEPOT_NAMES, LINES, RING_NAMES, is_avenue, line_names
from dispatcher.streets.sejong_outline import District

# Everything here is assumed. Speeds are those of driverless shuttles in mixed streets.
RING_SPEED_MPS = 40 / 3.6
AVENUE_SPEED_MPS = 30 / 3.6
LOCAL_SPEED_MPS = 20 / 3.6

RING_SCALE = 0.93  # the ring road against the boundary
_INNER_SCALE = 0.85  # crossings lie within this
_BLOCK_M = 122.0
_TILT_RAD = math.radians(-17.0)
_NEAREST_RING_JOINT_M = 55.0
_PARKS = ((1, -1), (-4, 2))  # crossings that are parks
_MISSING_SHARE = 0.13  # of local street sections
_ONE_WAY_LINES = (-5, -4, -2, 2, 4, 5)

Cell = tuple[int, int]


@dataclass(frozen=True, slots=True)
class RingJoint:
    """Where a street or a depot's access meets the ring road."""

    angle_rad: float
    node: NodeId
    avenue: bool


@dataclass(frozen=True, slots=True)
class DrawnNet:
    streets: tuple[DrawnStreet, ...]
    joints: tuple[RingJoint, ...]  # around the ring
    ring_street_ids: tuple[str, ...]  # the section after each joint
    depot_street_ids: tuple[str, ...]


def draw_net(district: District, frame: LocalFrame, rng: random.Random) -> DrawnNet:
    """All streets, in an order that follows from the seed alone."""
    pen = _Pen(district, frame, _warp(rng))
    crossings = [
        (i, j)
        for i in LINES
        for j in LINES
        if (i, j) not in _PARKS and district.scale_of(*pen.warp(i, j)) < _INNER_SCALE
    ]
    inner = set(crossings)
    for i, j in crossings:
        for step, line in (((1, 0), j), ((0, 1), i)):
            other = (i + step[0], j + step[1])
            missing = rng.random() < _MISSING_SHARE and not is_avenue(line)
            if other in inner and not missing:
                pen.draw_section((i, j), other)
    spurs = sorted(_spurs(pen, inner), key=lambda spur: spur[0])
    joints = _draw_spurs(pen, spurs)
    joints, depot_ids = _draw_depot_accesses(pen, joints)
    ring_ids = _draw_ring(pen, joints)
    return DrawnNet(tuple(pen.streets), tuple(joints), tuple(ring_ids), tuple(depot_ids))


Warp = Callable[[float, float], tuple[float, float]]


def _warp(rng: random.Random) -> Warp:
    """From line numbers to metres: a tilted grid, bent slowly, its lines unevenly spaced."""
    bend = [rng.uniform(0.0, 2.0 * math.pi) for _ in range(4)]
    along = [rng.uniform(-0.16, 0.16) * _BLOCK_M for _ in range(len(LINES) + 1)]
    across = [rng.uniform(-0.16, 0.16) * _BLOCK_M for _ in range(len(LINES) + 1)]

    def shifted(shifts: list[float], line: float) -> float:
        whole = math.floor(line)
        share = line - whole
        first = shifts[min(max(whole - LINES.start, 0), len(shifts) - 1)]
        second = shifts[min(max(whole + 1 - LINES.start, 0), len(shifts) - 1)]
        return line * _BLOCK_M + first + share * (second - first)

    def warp(i: float, j: float) -> tuple[float, float]:
        u, v = shifted(along, i), shifted(across, j)
        x = u + 45.0 * math.sin(v / 430.0 + bend[0]) + 14.0 * math.sin(v / 150.0 + bend[1])
        y = v + 38.0 * math.sin(u / 510.0 + bend[2]) + 12.0 * math.sin(u / 170.0 + bend[3])
        cos, sin = math.cos(_TILT_RAD), math.sin(_TILT_RAD)
        return (x * cos - y * sin, x * sin + y * cos)

    return warp


class _Pen:
    """Draws streets one after another and numbers them."""

    def __init__(self, district: District, frame: LocalFrame, warp: Warp) -> None:
        self.district = district
        self.warp = warp
        self.streets: list[DrawnStreet] = []
        self._frame = frame
        self._node_points: dict[NodeId, Point] = {}

    def draw_section(self, a: Cell, b: Cell) -> None:
        """Part of a line between two crossings that follow each other."""
        along = a[0] == b[0]
        line = a[0] if along else a[1]
        one_way = line in _ONE_WAY_LINES and not is_avenue(line)
        # One-way lines alternate, as they do where people planned them.
        if one_way and (line + (1 if along else 0)) % 2 == 0:
            a, b = b, a
        self.draw(
            cell_node(a),
            cell_node(b),
            [
                self.warp(a[0] + (b[0] - a[0]) * k / 4, a[1] + (b[1] - a[1]) * k / 4)
                for k in range(5)
            ],
            AVENUE_SPEED_MPS if is_avenue(line) else LOCAL_SPEED_MPS,
            two_way=not one_way,
            names=line_names(along, line),
        )

    def draw(
        self,
        start: NodeId,
        end: NodeId,
        line_m: list[tuple[float, float]],
        speed_mps: float,
        two_way: bool,
        names: Mapping[str, str],
    ) -> str:
        points = [rounded(self._frame.to_point(*xy)) for xy in line_m]
        # Streets that meet share the very same point.
        points[0] = self._node_points.setdefault(start, points[0])
        points[-1] = self._node_points.setdefault(end, points[-1])
        street_id = f"s{len(self.streets) + 1}"
        self.streets.append(
            DrawnStreet(street_id, start, end, tuple(points), speed_mps, two_way, names)
        )
        return street_id


def cell_node(cell: Cell) -> NodeId:
    return NodeId(f"n{cell[0] - LINES.start:02d}{cell[1] - LINES.start:02d}")


_Spur = tuple[float, Cell, Cell, float]  # angle at the ring, last crossing, step, share of the step


def _spurs(pen: _Pen, inner: set[Cell]) -> Iterator[_Spur]:
    """Where each line, drawn on beyond its last crossing, would meet the ring road."""
    for cell in sorted(inner):
        for step in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            beyond = (cell[0] + step[0], cell[1] + step[1])
            if beyond in inner or beyond in _PARKS:
                continue
            low, high = 0.0, 3.0
            for _ in range(40):
                middle = (low + high) / 2
                at = pen.warp(cell[0] + step[0] * middle, cell[1] + step[1] * middle)
                low, high = (
                    (middle, high) if pen.district.scale_of(*at) < RING_SCALE else (low, middle)
                )
            end = pen.warp(cell[0] + step[0] * low, cell[1] + step[1] * low)
            yield (pen.district.angle_rad(*end), cell, step, low)


def _draw_spurs(pen: _Pen, spurs: list[_Spur]) -> list[RingJoint]:
    """Avenues always reach the ring, local streets where there is room between."""
    joints: list[RingJoint] = []
    ordered = sorted(spurs, key=lambda spur: not is_avenue(_line_of(spur)))
    for angle, cell, step, share in ordered:
        if share * _BLOCK_M > 1.9 * _BLOCK_M or not _has_room(pen.district, joints, angle):
            continue
        line = _line_of((angle, cell, step, share))
        node = NodeId(f"r{len(joints) + 1:02d}")
        pen.draw(
            cell_node(cell),
            node,
            [
                pen.warp(cell[0] + step[0] * share * k / 4, cell[1] + step[1] * share * k / 4)
                for k in range(5)
            ],
            AVENUE_SPEED_MPS if is_avenue(line) else LOCAL_SPEED_MPS,
            two_way=True,
            names=line_names(step[0] == 0, line),
        )
        joints.append(RingJoint(angle, node, is_avenue(line)))
    return sorted(joints, key=lambda joint: joint.angle_rad)


def _line_of(spur: _Spur) -> int:
    _, cell, step, _ = spur
    return cell[0] if step[0] == 0 else cell[1]


def _has_room(district: District, joints: list[RingJoint], angle: float) -> bool:
    here = district.at(angle, RING_SCALE)
    return all(
        math.dist(here, district.at(joint.angle_rad, RING_SCALE)) >= _NEAREST_RING_JOINT_M
        for joint in joints
    )


def _draw_depot_accesses(pen: _Pen, joints: list[RingJoint]) -> tuple[list[RingJoint], list[str]]:
    """Two dead ends from the ring outwards, in the north-east and the south-west."""
    street_ids: list[str] = []
    for number, wanted in enumerate((math.radians(55.0), math.radians(230.0))):
        # The middle of the nearest ring section leaves the most room to turn off.
        middles = [
            (a.angle_rad + b.angle_rad) / 2
            for a, b in pairwise(joints)
            if _gap_m(pen.district, a, b) > 2.5 * _NEAREST_RING_JOINT_M
        ]
        angle = min(middles, key=lambda middle: abs(middle - wanted))
        node, end = NodeId(f"rd{number + 1}"), NodeId(f"d{number + 1}")
        line_m = [pen.district.at(angle, RING_SCALE), pen.district.at(angle, 0.985)]
        street_ids.append(
            pen.draw(node, end, line_m, LOCAL_SPEED_MPS, two_way=True, names=DEPOT_NAMES)
        )
        joints = sorted([*joints, RingJoint(angle, node, False)], key=lambda j: j.angle_rad)
    return joints, street_ids


def _gap_m(district: District, a: RingJoint, b: RingJoint) -> float:
    return math.dist(district.at(a.angle_rad, RING_SCALE), district.at(b.angle_rad, RING_SCALE))


def _draw_ring(pen: _Pen, joints: list[RingJoint]) -> list[str]:
    street_ids: list[str] = []
    for a, b in zip(joints, [*joints[1:], joints[0]], strict=True):
        turn = (b.angle_rad - a.angle_rad) % (2.0 * math.pi)
        parts = max(2, round(_gap_m(pen.district, a, b) / 25.0))
        line_m = [
            pen.district.at(a.angle_rad + turn * k / parts, RING_SCALE) for k in range(parts + 1)
        ]
        street_ids.append(
            pen.draw(a.node, b.node, line_m, RING_SPEED_MPS, two_way=True, names=RING_NAMES)
        )
    return street_ids
