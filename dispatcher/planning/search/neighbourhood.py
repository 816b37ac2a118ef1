"""One large-neighbourhood search under way: its arrays, and what may be done with them."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from dispatcher.planning.kernels.ejecting import eject
from dispatcher.planning.kernels.fitting import rank_vehicles
from dispatcher.planning.kernels.routes import ALIKE, Routes
from dispatcher.planning.kernels.ruining import OPERATORS, rank_neighbours
from dispatcher.planning.kernels.searching import (
    RECREATES,
    SEEN_SIZE,
    Pool,
    Search,
    iterate,
)
from dispatcher.planning.search.arrays import (
    empty_routes,
    longest_route,
    model_of,
    read_route,
    room_for_trial,
    write_route,
)
from dispatcher.planning.search.columns import Columns
from dispatcher.planning.search.model import Problem, RouteOrder, Solution

_POOL = 60_000
_NEAREST = 60
_FITTING = 24  # vehicles tried for a ride, where there are more than twice as many
_REMEMBERED = 1 << 17


class NeighbourhoodSearch:
    """A plan that gets better the longer `run` is called.

    Parameters
    ----------
    seed
        Of all chance; the same calls then give the same plans.
    pool
        Most routes to keep on the way.
    """

    def __init__(self, problem: Problem, seed: int, pool: int = _POOL) -> None:
        self.problem = problem
        self.unserved_cost = _unserved_cost(problem)
        self._model = model_of(problem, self.unserved_cost)
        longest = longest_route(problem)
        self._routes = empty_routes(self._model, longest)
        self._undo = empty_routes(self._model, longest)
        self._best = empty_routes(self._model, longest)
        self._trial = room_for_trial(self._model, longest)
        self._search = _search(self._model.ride.shape[0], len(problem.vehicles), seed)
        rank_neighbours(self._model, self._search.near)
        typical = _typical_leg(problem)
        self._search.tuning[2] = max(1, typical)
        self._search.tuning[3] = max(1, typical // 4)
        self._pool = _pool(pool, longest)
        self._bank_best = np.zeros(len(problem.rides) + 1, dtype=np.int64)
        self._costs = np.zeros(2, dtype=np.int64)
        self.restart(problem.routes or (RouteOrder(),) * len(problem.vehicles))
        if self._search.fits.shape[1] > 0:
            rank_vehicles(self._model, self._routes, self._search.fits)

    @property
    def best_cost(self) -> int:
        return int(self._costs[1])

    @property
    def unserved(self) -> int:
        """Rides that the best plan leaves out."""
        return int(self._bank_best[0])

    @property
    def left_out(self) -> int:
        """Rides that the plan at hand leaves out."""
        return int(self._search.counts[1])

    @property
    def rounds(self) -> int:
        return int(self._search.counts[2])

    def price_of(self, routes: Sequence[RouteOrder]) -> int:
        """The cost of routes that serve all rides; they become the plan at hand."""
        self.restart(routes)
        return int(self._costs[0])

    def restart(self, orders: Iterable[RouteOrder]) -> None:
        """Go on from these routes; they become the best if they are.

        Raises
        ------
        ValueError
            A route breaks a rule.
        """
        rides = len(self.problem.rides)
        self._search.route_of[:] = -1
        for v, order in enumerate(orders):
            if not write_route(self._model, self._routes, self._trial, v, order):
                raise ValueError(f"the route of {self.problem.vehicles[v].key} breaks a rule")
            for node in order.ends:
                self._search.route_of[node % rides] = v
        left_out = np.flatnonzero(self._search.route_of < 0)
        self._search.counts[1] = len(left_out)
        self._search.bank[: len(left_out)] = left_out
        cost = int(self._routes.cost.sum() + self._model.ride[left_out, 4].sum())
        self._costs[0] = cost
        if self.rounds == 0 or cost < self._costs[1]:
            self._costs[1] = cost
            for held, best in zip(self._routes, self._best, strict=True):
                best[...] = held
            self._bank_best[0] = len(left_out)
            self._bank_best[1 : len(left_out) + 1] = left_out

    def run(self, rounds: int, temperature: float, fewest: int, most: int, within: float) -> None:
        """Some rounds of ruin and recreate, taking out ``fewest`` to ``most`` rides in each."""
        iterate(
            self._model, self._routes, self._undo, self._best, self._trial, self._search,
            self._pool, self._bank_best, self._costs, fewest, most, temperature, rounds, within,
        )  # fmt: skip

    def eject(self) -> None:
        """Put a ride that is left out into a route, and others out of it if need be."""
        eject(self._model, self._routes, self._undo, self._trial, self._search)
        left_out = self._search.bank[: self.left_out]
        self._costs[0] = int(self._routes.cost.sum() + self._model.ride[left_out, 4].sum())

    def skew(self, power: float) -> None:
        """Draw small rounds more often: sizes as a uniform draw's ``power``; 1 for all alike."""
        self._search.split[2] = power

    def weigh(self, ruins: Sequence[float], recreates: Sequence[float]) -> None:
        """How often each operator is drawn, in proportion."""
        self._search.weights[:] = (*ruins, *recreates)

    def hunt_for_all(self, hunting: bool) -> None:
        """Aim only to leave nobody out, for now; `run` then returns as soon as that is reached."""
        self._search.tuning[4] = int(hunting)
        self._search.absent[:] = 1

    def best(self) -> Solution:
        """The best plan so far."""
        return self._told(self._best, self._bank_best[1 : 1 + self.unserved], self.best_cost)

    def at_hand(self) -> Solution:
        """The plan that the search is at."""
        left_out = self._search.bank[: self.left_out]
        return self._told(self._routes, left_out, int(self._costs[0]))

    def _told(self, routes: Routes, left_out: NDArray[np.int64], cost: int) -> Solution:
        return Solution(
            tuple(read_route(routes, v) for v in range(len(self.problem.vehicles))),
            tuple(sorted(int(r) for r in left_out)),
            cost,
        )

    @property
    def likeness(self) -> NDArray[np.int64]:
        """int64[vehicles]: the same number for those that can take each other's routes."""
        return self._model.vehicle[:, ALIKE].copy()

    def columns(self) -> Columns:
        """Every route kept on the way."""
        pool, count = self._pool, int(self._search.counts[3])
        seq = pool.seq[:count].copy()
        seq[np.arange(seq.shape[1]) >= pool.n[:count, None]] = -1
        return Columns(
            pool.cost[:count].copy(),
            pool.alike[:count].copy(),
            pool.n[:count].copy(),
            seq,
            pool.joined[:count].copy(),
        ).trimmed()

    def forget_columns(self) -> None:
        """Make room for the routes of another cooling."""
        self._search.counts[3] = 0
        self._pool.slots[:] = 0


def _typical_leg(problem: Problem) -> int:
    """Median drive between the ends of rides; of a sample, where there are many."""
    places = [ride.dropoff.place for ride in problem.rides]
    places += [ride.pickup.place for ride in problem.rides if ride.pickup is not None]
    sample = places[:: max(1, len(places) // 200)]
    return int(np.median(problem.travel[np.ix_(sample, sample)])) if sample else 1


def _unserved_cost(problem: Problem) -> int:
    """More than any plan costs, so that leaving a ride out never pays, nor is accepted when hot."""
    if problem.shares_visits:
        return 1 << 36  # live rides are hours, not years
    dearest = int(problem.travel.max(initial=0, where=problem.travel < 10_000_000 * 1_000))
    return 2 * (len(problem.rides) + 1) * dearest * max(1, problem.prices.driving)


def _search(rides: int, vehicles: int, seed: int) -> Search:
    def zeros(*shape: int) -> NDArray[np.int64]:
        return np.zeros(shape, dtype=np.int64)

    return Search(
        chance=np.array([seed, seed], dtype=np.uint64),
        route_of=zeros(rides),
        movable=np.ones(rides, dtype=np.int64),
        taken=zeros(rides),
        taken_list=zeros(2 * rides),
        bank=zeros(rides),
        counts=zeros(4),
        absent=zeros(rides),
        near=np.zeros((rides, max(0, min(_NEAREST, rides - 1))), dtype=np.int32),
        fits=np.zeros((rides, 0 if vehicles <= 2 * _FITTING else _FITTING), dtype=np.int32),
        gain=zeros(rides),
        key=zeros(2 * rides),
        route_flag=zeros(vehicles),
        listed=zeros(vehicles),
        touched=zeros(vehicles),
        touched_list=zeros(vehicles + 1),
        seen=zeros(_REMEMBERED, SEEN_SIZE),
        found=zeros(7),
        tuning=np.array([10, 40, 1, 1, 0], dtype=np.int64),
        split=np.array([0.5, 0.02, 1.0], dtype=np.float64),
        weights=np.ones(OPERATORS + RECREATES, dtype=np.float64),
        old_route_of=zeros(rides),
    )


def _pool(most: int, longest: int) -> Pool:
    slots = 1 << max(1, (4 * most).bit_length())
    return Pool(
        slots=np.zeros(slots, dtype=np.int32),
        set_key=np.zeros(most, dtype=np.uint64),
        cost=np.zeros(most, dtype=np.int64),
        alike=np.zeros(most, dtype=np.int64),
        n=np.zeros(most, dtype=np.int32),
        seq=np.zeros((most, longest), dtype=np.int16),
        joined=np.zeros((most, longest), dtype=np.int8),
    )
