"""Idle vehicles of the dynamic benchmark sent where requests are expected.

The forecast learns online, from requests that have been asked: nothing is known beforehand. The
network's nodes are taken together into areas, so that each sees requests often enough.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dispatcher.domain.policy import Objective
from dispatcher.planning.forecast import Forecast
from dispatcher.planning.onward import Ints, onward_drive
from dispatcher.planning.rebalancing import RebalancingRule, rebalance
from dispatcher.planning.rows import RowPlan
from simulator.road_net import RoadNet

_SLOT_S = 300
_EVERYWHERE = 1000  # vehicles at one node; the benchmark knows no berths


@dataclass(frozen=True, slots=True)
class RepositioningRule:
    """How idle vehicles are moved. Times in seconds."""

    every_s: int = 60
    area_s: int = 180  # no node is farther from the middle of its area
    soon_s: int = 300  # vehicles whose plan ends within this count as there
    horizon_s: int = 600
    least_gain_pct: int = 200
    most_moves: int = 8
    most_considered: int = 60
    onward_requests: int = 10  # routes end near one of so many expected requests


class Vehicle(Protocol):
    """What is to be known of a vehicle; its row is replaced when it sets out."""

    row: RowPlan
    begin: tuple[int, ...]


class Repositioning:
    """Decides where idle vehicles drive, and remembers who is on the way."""

    def __init__(self, net: RoadNet, objective: Objective, rule: RepositioningRule) -> None:
        self.rule = rule
        self.moves = 0
        self.goals: dict[int, int] = {}  # vehicle -> node it drives to, while idle
        self._net = net
        self._objective = objective
        self._middles, self._area_of = areas(net.travel, rule.area_s * net.ticks_per_s)
        self._to_middles = np.ascontiguousarray(net.travel[:, self._middles])
        between = self._to_middles[self._middles]
        self._travel_s = np.ascontiguousarray(between // net.ticks_per_s)
        self.forecast = Forecast(len(self._middles), slot_s=_SLOT_S, prior_milli=5)
        self._done_s = 0

    def note(self, origin: int, destination: int, now_s: int) -> None:
        """A request was asked."""
        self.forecast.count(int(self._area_of[origin]), int(self._area_of[destination]), now_s)

    def onward(self, now_s: int) -> Ints | None:
        """Expected drive from each node to a vehicle's next rider, in ticks; int64[nodes]."""
        expected = self.forecast.expected_milli(now_s, self.rule.horizon_s)
        return onward_drive(self._to_middles, expected, self.rule.onward_requests)

    def decide(self, vehicles: Sequence[Vehicle], now_s: int) -> None:
        """Give idle vehicles goals, if it is time to think again."""
        for number in [n for n, goal in self.goals.items() if _is_there(vehicles[n], goal)]:
            del self.goals[number]
        if now_s - self._done_s < self.rule.every_s:
            return
        self._done_s = now_s
        idle, others_at = self._idle_and_others(vehicles, now_s)
        rule = RebalancingRule(
            least_gain_pct=self.rule.least_gain_pct,
            most_moves=self.rule.most_moves,
            most_considered=self.rule.most_considered,
        )
        moves = rebalance(
            [int(self._area_of[vehicles[number].row.start_stop]) for number in idle],
            self.forecast.expected_milli(now_s, self.rule.horizon_s),
            self._travel_s,
            [_EVERYWHERE] * len(self._middles),
            self._objective,
            others_at,
            rule,
        )
        for move in moves:
            vehicle = vehicles[idle[move.idle]]
            leaves = max(vehicle.row.start_s, now_s * self._net.ticks_per_s)
            vehicle.row = replace(vehicle.row, start_s=leaves)
            self.goals[idle[move.idle]] = int(self._middles[move.to_stop])
            self.moves += 1

    def _idle_and_others(
        self, vehicles: Sequence[Vehicle], now_s: int
    ) -> tuple[list[int], list[int]]:
        """Vehicles that may be moved, and the areas of those that are free soon."""
        now = now_s * self._net.ticks_per_s
        soon = now + self.rule.soon_s * self._net.ticks_per_s
        idle, others_at = [], []
        for number, vehicle in enumerate(vehicles):
            if vehicle.row.visits:
                if vehicle.begin[-1] <= soon:
                    others_at.append(int(self._area_of[vehicle.row.visits[-1].stop]))
            elif number in self.goals:
                others_at.append(int(self._area_of[self.goals[number]]))
            elif vehicle.row.start_s > now:
                others_at.append(int(self._area_of[vehicle.row.start_stop]))
            else:
                idle.append(number)
        return idle, others_at


def areas(travel: NDArray[np.int64], radius: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Middles of areas in which every node is reached within ``radius``, and each node's area.

    The node that is farthest from all middles becomes the next one, until none is too far [1]_.

    References
    ----------
    .. [1] Gonzalez (1985), Theoretical Computer Science 38, 293-306: farthest-point clustering.
    """
    middles = [0]
    near = travel[0].copy()
    while int(near.max()) > radius:
        middles.append(int(near.argmax()))
        near = np.minimum(near, travel[middles[-1]])
    chosen = np.array(middles, dtype=np.int64)
    return chosen, travel[chosen].argmin(axis=0).astype(np.int64)


def _is_there(vehicle: Vehicle, goal: int) -> bool:
    """It has arrived, or has got something better to do."""
    return bool(vehicle.row.visits) or vehicle.row.start_stop == goal
