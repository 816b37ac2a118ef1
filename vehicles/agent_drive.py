"""The leg that the shuttle is driving: which nodes, how far, and whether it is halted."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from vehicles.agent_hardware import Chassis, Waypoint
from vehicles.messages import Edge, Node


@dataclass(slots=True)
class Drive:
    """``knows_start`` is False after a restart: the shuttle may stand anywhere on a street."""

    chassis: Chassis
    knows_start: bool = True
    halted: bool = False
    _ahead: int = 0  # nodes of the leg not reached
    _passed: int = 0

    @property
    def is_under_way(self) -> bool:
        return self._ahead > 0

    @property
    def is_moving(self) -> bool:
        return self._ahead > 0 and not self.halted

    def start(self, nodes: Sequence[Node], edges: Sequence[Edge], now: float) -> None:
        """Set out over the nodes ahead to the next with actions, or as far as is released."""
        if self.chassis.battery(now).charging:
            self.chassis.unplug(now)
        leg = self._leg(nodes, edges, now)
        self._ahead, self._passed, self.halted = len(leg), 0, False
        self.chassis.drive(leg, now)

    def count_reached(self, now: float) -> int:
        """How many nodes were reached since the last call."""
        if not self._ahead:
            return 0
        passed = self.chassis.progress(now).passed
        reached = min(passed - self._passed, self._ahead)
        self._passed += reached
        self._ahead -= reached
        if reached:
            self.knows_start = True
        return reached

    def allow(self, may_move: bool, now: float) -> None:
        """Halt or go on."""
        if not self._ahead or self.halted is not may_move:
            return
        self.halted = not may_move
        if may_move:
            self.chassis.go_on(now)
        else:
            self.chassis.halt(now)

    def abandon(self, now: float) -> None:
        if self._ahead:
            self._ahead, self.halted = 0, False
            self.chassis.abandon(now)

    def since_m(self, now: float) -> float:
        return self.chassis.progress(now).since_m if self._ahead else 0.0

    def next_change(self, now: float) -> float | None:
        return self.chassis.next_change(now) if self.is_moving else None

    def _leg(self, nodes: Sequence[Node], edges: Sequence[Edge], now: float) -> list[Waypoint]:
        pose = self.chassis.pose(now)
        x_m, y_m = pose.x_m, pose.y_m
        leg: list[Waypoint] = []
        for node, edge in zip(nodes, edges, strict=True):
            if not node.released or (leg and edge.length == 0):
                break
            position = node.node_position
            assert position is not None, "an order without positions was taken"
            length_m = math.dist((x_m, y_m), (position.x, position.y))
            if edge.length is not None and (leg or self.knows_start):
                length_m = edge.length
            leg.append(Waypoint(position.x, position.y, length_m, edge.max_speed))
            x_m, y_m = position.x, position.y
            if node.actions:
                break
        return leg
